"""The sheets of the register, and of each its columns: where a cell belongs, and what it is called.

The first heading of each language is written; all of them are read. A unit stands in parentheses
after a heading of money: 年租费（元）.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from config.sheets import kinds
from config.sheets.kinds import Kind


class Column(NamedTuple):
    """One column: the keys of YAML that lead to its value, how a cell is read, its headings."""

    path: tuple[str, ...]
    kind: Kind
    chinese: tuple[str, ...]
    english: tuple[str, ...]

    @property
    def key(self) -> str:
        """The keys as one word, as messages have them."""
        return ".".join(self.path)

    def heading(self, *, english: bool) -> str:
        """What the column is called where it is written."""
        name = (self.english if english else self.chinese)[0]
        if self.kind is not kinds.YUAN:
            return name
        return f"{name} (yuan)" if english else f"{name}（元）"


class Sheet(NamedTuple):
    """One kind of item: its section of the configuration, the sheet's names, its columns."""

    section: str
    chinese: str
    english: str
    columns: tuple[Column, ...]

    def named(self) -> Mapping[str, Column]:
        """The columns by every heading that means one, in the form of `plain`."""
        return {
            plain(word): it for it in self.columns for word in (*it.chinese, *it.english, it.key)
        }

    def title(self, *, english: bool) -> str:
        """What the sheet is called where it is written."""
        return self.english if english else self.chinese


def plain(heading: str) -> str:
    """Bring a heading into one form: of one width and case, without blanks and underscores."""
    return re.sub(r"[\s_\-*:]+", "", unicodedata.normalize("NFKC", heading)).casefold()


def _column(path: str, kind: Kind, chinese: str, english: str) -> Column:
    return Column(tuple(path.split(".")), kind, tuple(chinese.split()), tuple(english.split("|")))


def _plan() -> tuple[Column, ...]:
    return tuple(
        _column(f"plan.{phase}", kinds.DAY, f"计划{chinese}", f"planned {words}")
        for phase, chinese, words in (
            ("baselined", "基线", "baseline"),
            ("planned", "方案", "plan"),
            ("connected", "接入", "connection"),
            ("dual_running", "双跑", "dual running"),
            ("cut_over", "切换 计划完成", "cut over"),
            ("observing", "观察", "observation"),
            ("retired", "退租", "retirement"),
            ("funding_cut", "核减", "funding cut"),
            ("interconnected", "互联", "interconnection"),
        )
    )


def _exempt() -> tuple[Column, ...]:
    return (
        _column("exempt.reason", kinds.TEXT, "豁免原因 例外原因", "exemption reason"),
        _column("exempt.approver", kinds.TEXT, "例外批准 豁免批准", "exemption approver"),
        _column("exempt.until", kinds.DAY, "豁免到期 例外到期", "exemption until"),
    )


def _protection() -> tuple[Column, ...]:
    return (
        _column("protection.scheme", kinds.SCHEME, "保护类别", "protection scheme"),
        _column("protection.level", kinds.LEVEL, "保护等级 等保级别", "protection level"),
        _column("protection.number", kinds.TEXT, "保护备案号 等保备案号", "protection number"),
        _column("protection.assessed_on", kinds.DAY, "测评日期", "protection assessed on"),
        _column("protection.expires_on", kinds.DAY, "测评到期", "protection expires on"),
    )


_CODE = _column("department_code", kinds.CODE, "统一社会信用代码", "department code")
_REGION = _column("region", kinds.CODE, "行政区划代码 区划代码", "region")
_OWNER = _column("owner", kinds.TEXT, "主管部门", "owner|department")
_BUSY = _column("busy_periods", kinds.WORDS, "忙时 忙期", "busy periods")
_PHASE = _column("phase", kinds.PHASE, "迁移阶段 阶段", "phase")

NETWORKS = Sheet(
    "networks",
    "专网",
    "networks",
    (
        _column("name", kinds.TEXT, "编号 专网编号", "name"),
        _column("title", kinds.TEXT, "专网名称 名称", "title"),
        _column("kind", kinds.NETWORK_KIND, "网络类型 类型", "kind"),
        _column("classified", kinds.TRUTH, "涉密标识 是否涉密", "classified"),
        *(_OWNER, _CODE, _REGION),
        _column("level", kinds.LEVEL_OF, "行政层级 层级", "level"),
        _column("basic_database", kinds.TRUTH, "基础信息库", "basic database"),
        _column("destination", kinds.DESTINATION, "迁移去向 去向", "destination"),
        _column("outcome", kinds.OUTCOME, "整合方式", "outcome"),
        _column("annual_cost_yuan", kinds.YUAN, "年费用 年租费", "annual cost"),
        _PHASE,
        *_plan(),
        _column("filing.project", kinds.TEXT, "项目名称", "filing project|project"),
        _column("filing.builder", kinds.TEXT, "建设单位", "filing builder|builder"),
        _column("filing.investment_yuan", kinds.YUAN, "投资额度", "filing investment|investment"),
        _column("filing.operation_cost_yuan", kinds.YUAN, "运维费用", "filing operation cost"),
        _column("filing.funding_channel", kinds.TEXT, "经费渠道", "filing funding channel"),
        _column("filing.data_resources", kinds.TEXT, "数据资源", "filing data resources"),
        _column("filing.application_systems", kinds.TEXT, "应用系统", "filing application systems"),
        *_protection(),
        _column("successor.probes", kinds.WORDS, "承接网络探测 后继探测", "successor probes"),
        _column("uplinks", kinds.WORDS, "上联线路", "uplinks"),
        _column("moves_with", kinds.WORDS, "一并迁移 一并迁移专网", "moves with"),
        *(_BUSY, *_exempt()),
    ),
)
LINKS = Sheet(
    "links",
    "线路",
    "links",
    (
        _column("name", kinds.TEXT, "线路名称 名称", "name"),
        _column("network", kinds.TEXT, "所属专网 专网编号 专网", "network"),
        _column("interface.device", kinds.TEXT, "设备", "device"),
        _column("interface.name", kinds.TEXT, "接口 接口名称", "interface|interface name"),
        _column("interface.alias", kinds.TEXT, "接口别名", "interface alias"),
        _column("interface.description", kinds.TEXT, "接口描述", "interface description"),
        _column("interface.index", kinds.NUMBER, "接口索引", "interface index"),
        _column("interface.local", kinds.TEXT, "本机网卡", "local interface"),
        _column("bandwidth", kinds.BANDWIDTH, "合同带宽 带宽", "bandwidth"),
        _column("role", kinds.ROLE, "主备关系", "role"),
        _column("group", kinds.TEXT, "线路组", "group"),
        _column("number", kinds.TEXT, "线路编号", "number"),
        _column("carrier", kinds.TEXT, "运营商", "carrier"),
        _column("line_type", kinds.TEXT, "线路类型", "line type"),
        _column("annual_cost_yuan", kinds.YUAN, "年租费", "annual cost"),
        _column("contract_end", kinds.DAY, "合同到期", "contract end"),
        _column("notice_by", kinds.DAY, "最迟解约通知日 解约通知", "notice by"),
        *(_BUSY, *_exempt()),
    ),
)
SYSTEMS = Sheet(
    "systems",
    "信息系统",
    "systems",
    (
        _column("name", kinds.TEXT, "编号 系统编号", "name"),
        _column("title", kinds.TEXT, "名称 系统名称", "title"),
        _column("count", kinds.NUMBER, "数量", "count"),
        _column("function", kinds.TEXT, "功能", "function"),
        _column("used_by", kinds.TEXT, "使用范围", "used by"),
        _column("use_frequency", kinds.TEXT, "使用频度", "use frequency"),
        _column("approved_by", kinds.TEXT, "审批部门", "approved by"),
        _column("approved_on", kinds.DAY, "审批时间", "approved on"),
        _column("funding_source", kinds.TEXT, "经费来源", "funding source"),
        *(_OWNER, _CODE),
        _column("last_backup", kinds.DAY, "最近备份", "last backup"),
        _column("last_drill", kinds.DAY, "最近演练", "last drill"),
        *_protection(),
        _column("ports", kinds.WORDS, "端口 TCP端口", "ports"),
        _column("udp_ports", kinds.WORDS, "UDP端口", "udp ports"),
        _column("management", kinds.WORDS, "管理网段", "management"),
        _column("role", kinds.STANDBY, "备用", "role"),
        *(_BUSY, *_exempt()),
    ),
)
MACHINE_ROOMS = Sheet(
    "machine_rooms",
    "机房",
    "machine rooms",
    (
        _column("name", kinds.TEXT, "编号 机房编号", "name"),
        _column("title", kinds.TEXT, "机房名称 名称", "title"),
        *(_OWNER, _CODE, _REGION),
        _column("racks", kinds.NUMBER, "机柜数", "racks"),
        _column("annual_cost_yuan", kinds.YUAN, "年费用", "annual cost"),
        _column("data_centre", kinds.TEXT, "迁入数据中心 数据中心", "data centre"),
        _PHASE,
        *(*_plan(), *_exempt()),
    ),
)
SHEETS = (NETWORKS, LINKS, SYSTEMS, MACHINE_ROOMS)


def sheet_named(name: str) -> Sheet | None:
    """The sheet of a name, in Chinese or English or as its section; None if it is no sheet's."""
    word = plain(name)
    return next(
        (it for it in SHEETS if word in map(plain, (it.section, it.chinese, it.english))), None
    )
