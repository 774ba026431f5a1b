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
        "seen": "Seen",
        "mean": "Mean load",
        "p95": "P95",
        "peak": "Peak",
        "capacity": "Capacity",
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
        "height": "full height is",
        "rule": "Rule: share of the time",
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
        "seen": "采样覆盖率",
        "mean": "平均利用率",
        "p95": "95峰值",
        "peak": "峰值",
        "capacity": "合同带宽",
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
        "rule": "规则：时间占比",
        "at_least": "至少",
        "at_most": "至多",
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
