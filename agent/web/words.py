"""What the pages say, in English and Chinese."""

from typing import Literal

Language = Literal["en", "zh"]

WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "lang": "en",
        "title": "Dedicated networks",
        "other": "中文",
        "network": "Network",
        "line": "Line or group",
        "verdict": "Verdict",
        "seen_ratio": "Seen",
        "mean": "Mean load",
        "p95": "P95",
        "peak": "Peak",
        "capacity_bps": "Capacity",
        "since": "Since",
        "not_judged": "Nothing has been judged yet.",
        "unknown": "unknown",
        "exempt": "exempt",
        "standby": "standby",
        "idle": "idle",
        "low_use": "low use",
        "normal": "normal",
        "busy": "busy",
        "confirmed": "confirmed",
        "policy": "Policy",
        "suggestion": "Thresholds are suggestions for local review; no regulation gives numbers.",
        "machines": "For machines",
        "curve": "Highest rate of every two hours",
        "height": "Full height is",
        "stop": ". ",
        "dashed": "Dashed: the capacity",
        "gaps": "In a gap nothing was seen",
        "unseen": "Nothing was seen of it:",
        "rules": "Share of the time at or above each level, and what each verdict allows",
        "rule": "Level",
        "load": "Load",
        "rate": "Rate",
        "limit": "Allowed",
        "at_least": "At least",
        "at_most": "At most",
        "holds": "Holds",
        "True": "yes",
        "False": "no",
        "None": "not decided",
        "earliest": "if silent, proven at the earliest on",
    },
    "zh": {
        "lang": "zh-CN",
        "title": "专网",
        "other": "English",
        "network": "专网名称",
        "line": "线路或线路组",
        "verdict": "判定",
        "seen_ratio": "采样覆盖率",
        "mean": "平均利用率",
        "p95": "95峰值",
        "peak": "峰值",
        "capacity_bps": "合同带宽",
        "since": "起始时间",
        "not_judged": "尚未作出判定。",
        "unknown": "无法判定",
        "exempt": "例外批准",
        "standby": "备用线路",
        "idle": "疑似闲置",
        "low_use": "疑似低利用率",
        "normal": "正常使用",
        "busy": "繁忙",
        "confirmed": "已确认",
        "policy": "判定依据",
        "suggestion": "阈值为建议值，应由本地审定；现行规定未给出数值。",
        "machines": "机器接口",
        "curve": "每两小时最高速率",
        "height": "图高为",
        "stop": "。",
        "dashed": "虚线为合同带宽",
        "gaps": "空缺处未采到数据",
        "unseen": "未采到数据：",
        "rules": "达到各使用水平的时间占比，以及各判定允许的占比",
        "rule": "使用水平",
        "load": "利用率",
        "rate": "速率",
        "limit": "允许占比",
        "at_least": "实测至少",
        "at_most": "实测至多",
        "holds": "是否成立",
        "True": "成立",
        "False": "不成立",
        "None": "无法判定",
        "earliest": "若保持静默，最早可判定于",
    },
}


def language(asked: str | None, accept_language: str) -> Language:
    """Choose by the switch, else by the Accept-Language header (its first known language)."""
    if asked in {"en", "zh"}:
        return "zh" if asked == "zh" else "en"
    for part in accept_language.lower().split(","):
        tag = part.split(";")[0].strip()
        if tag.split("-")[0] in {"en", "zh"}:
            return "zh" if tag.startswith("zh") else "en"
    return "en"
