"""The policy file: what netfold ships, what an operator changes, what is refused and how."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import config
from config.agent import AgentConfig, Node
from config.load import load
from config.policy import Policy, Rule, load_policy
from config.problems import ConfigError

SHIPPED = (Path(config.__file__).parent / "policy.yaml").read_text()
DAY_S = 86400


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(content: str | bytes) -> Policy:
    Path("p.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    return load_policy(Path("p.yaml"))


def problems(content: str | bytes) -> list[str]:
    """Return what the loader says of a policy, line by line; nothing if it takes it."""
    try:
        policy(content)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def texts(rules: tuple[Rule, ...]) -> list[str]:
    return [str(rule) for rule in rules]


def test_links_are_judged_by_the_numbers_of_the_design() -> None:
    links = load_policy().links
    assert (links.window_s, links.confirm_after_s) == (30 * DAY_S, 7 * DAY_S)
    assert texts(links.low_use) == ["load >= 0.10 at most 0.05", "load >= 0.40 at most 0.01"]
    assert texts(links.idle) == [
        "rate >= 16000 at most 0.01",
        "rate >= 2000000 at most 0.001",
        "load >= 0.05 at most 0.001",
    ]
    assert texts(links.busy) == ["load >= 0.70 more than 0.05"]


def test_servers_are_judged_by_the_numbers_of_the_design() -> None:
    servers = load_policy().servers
    assert (servers.window_s, servers.confirm_after_s) == (14 * DAY_S, 7 * DAY_S)
    assert texts(servers.low_use) == [
        "cpu >= 0.10 at most 0.05",
        "cpu >= 0.50 at most 0.02",
        "memory >= 0.30 at most 0.05",
    ]
    assert texts(servers.idle) == [
        "cpu >= 0.03 at most 0.05",
        "cpu >= 0.30 at most 0.005",
        "cores >= 0.5 at most 0.05",
        "network >= 1000000 at most 0.05",
    ]
    assert texts(servers.busy) == ["cpu >= 0.70 more than 0.05"]


def test_systems_are_judged_by_the_numbers_of_the_design() -> None:
    systems = load_policy().systems
    assert (systems.window_s, systems.watched) == (90 * DAY_S, 0.95)


def test_the_values_of_a_rule_are_the_floats_that_python_writes_so() -> None:
    assert load_policy().links.idle[1] == Rule("rate", 2e6, 0.001, at_most=True)
    (busy,) = policy("links: {busy: [{load: 70.7%, more_than: 5.7%}]}").links.busy
    assert busy == Rule("load", 0.707, 0.057, at_most=False)
    (*_, idle) = policy(
        "links: {idle: [{load: 5%, at_most: 0.1%}, {rate: 2.2M, at_most: 0%}]}"
    ).links.idle
    assert (idle.threshold, idle.limit) == (2_200_000, 0)


def test_the_design_shows_the_shipped_policy(shared: Path) -> None:
    section = (shared / "DESIGN.md").read_text().split("## 8. Files an operator writes")[1]
    shown = section.split("```yaml\n")[2].split("```")[0]
    assert policy(shown) == load_policy()


def test_a_status_replaces_the_default_as_a_whole_and_leaves_the_others() -> None:
    own = policy("links: {low_use: [{load: 20%, at_most: 4%}, {rate: 1G, at_most: 0%}]}")
    default = load_policy()
    assert texts(own.links.low_use) == [
        "load >= 0.20 at most 0.04",
        "rate >= 1000000000 at most 0.00",
    ]
    assert (own.links.idle, own.links.busy) == (default.links.idle, default.links.busy)
    assert own.links.window_s == default.links.window_s
    assert (own.servers, own.systems) == (default.servers, default.systems)


def test_windows_and_rules_for_a_test_with_seven_days_and_cpu_alone() -> None:
    own = policy("""
links: {window: 7d}
servers:
  low_use: [{cpu: 10%, at_most: 5%}, {cpu: 50%, at_most: 2%}]
  idle: [{cpu: 3%, at_most: 5%}, {cpu: 30%, at_most: 0.5%}]
""")
    assert own.links.window_s == 7 * DAY_S
    assert {rule.measure for rule in own.servers.low_use + own.servers.idle} == {"cpu"}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("links: {window: 24h, confirm_after: 1d}", id="the-shortest-window"),
        pytest.param("links: {window: 400d, confirm_after: 400d}", id="the-longest-window"),
        pytest.param("links: {window: 25.25h, confirm_after: 0s}", id="ticks-and-no-wait"),
        pytest.param("systems: {window: 1445m, watched: 100%}", id="a-day-and-a-tick"),
        pytest.param("links: {busy: [{load: 100%, more_than: 99.9%}]}", id="the-highest-percents"),
        pytest.param("links: {busy: [{load: 10%, more_than: 5%}]}", id="busy-where-low-use-ends"),
        pytest.param(
            "links: {idle: [{load: 10%, at_most: 1%}]}", id="one-idle-rule-implies-two-of-low-use"
        ),
        pytest.param("links: {busy: [{rate: 50M, more_than: 5%}]}", id="busy-without-load"),
    ],
)
def test_the_limits_themselves_are_good(content: str) -> None:
    assert problems(content) == []


MISTAKES = [
    pytest.param("", "1: (file): empty; config/policy.yaml shows what it needs", id="empty"),
    pytest.param(
        "- links\n",
        "1: (file): a list or text where keys belong; write links: {window: 30d}",
        id="a-list-is-no-policy",
    ),
    pytest.param(
        "links: {window: 30d\n",
        "2: (file): not YAML: a mapping '{…}' is not closed; add the missing ',' or '}'",
        id="open-brace",
    ),
    pytest.param(
        "link: {window: 30d}", "1: link: unknown key; did you mean 'links'?", id="unknown-section"
    ),
    pytest.param(
        "devices: []",
        "1: devices: unknown key; known here: links, servers, systems, calendar, right_sizing, "
        "phases, plan",
        id="a-configuration-is-no-policy",
    ),
    pytest.param(
        "links: {}\nlinks: {}",
        "2: links: written twice, first in line 1; keep one of them",
        id="duplicate-section",
    ),
    pytest.param(
        "links: []",
        "1: links: a mapping belongs here, as key: value; seen: a list",
        id="a-section-is-a-mapping",
    ),
    pytest.param(
        "links:\n", "1: links: empty; give it a value or leave it out", id="an-empty-section"
    ),
    pytest.param(
        "servers:\n  confirm: 7d",
        "2: servers.confirm: unknown key; did you mean 'confirm_after'?",
        id="unknown-key-of-a-section",
    ),
    pytest.param(
        "links:\n  idel: [{load: 5%, at_most: 0.1%}]\n  low_use: [{load: 1%, at_most: 0%}]",
        "2: links.idel: unknown key; did you mean 'idle'?",
        id="a-misspelt-status-is-not-compared-as-its-default",
    ),
    pytest.param(
        "links: {window: 30}",
        "1: links.window: not a duration: '30'; write a number and ms, s, m, h or d, as 60s",
        id="a-window-has-a-unit",
    ),
    pytest.param(
        "servers: {window: 23h}",
        "1: servers.window: out of range: '23h'; write at least 1d",
        id="a-window-below-a-day",
    ),
    pytest.param(
        "systems: {window: 401d}",
        "1: systems.window: out of range: '401d'; write at most 400d",
        id="a-window-above-400-days",
    ),
    pytest.param(
        "plan: {uplinks: [{load: 70%, more_than: 5%}]}",
        "1: plan.uplinks[0].more_than: uplinks takes at_most alone; write {load: 70%, at_most: 5%}",
        id="an-uplink-takes-at-most",
    ),
    pytest.param(
        "plan: {uplinks: [{load: 70%}]}",
        "1: plan.uplinks[0]: no limit; write at_most",
        id="an-uplinks-rule-has-a-limit",
    ),
    pytest.param(
        "plan: {uplinks: [{load: 70%, at_most: 5%, hours: office}]}",
        "1: plan.uplinks[0].hours: an uplink must bear what crosses it at all hours; take this out",
        id="an-uplink-works-at-all-hours",
    ),
    pytest.param(
        "plan: {uplinks: []}",
        "1: plan.uplinks: an empty list, which would always hold; write a rule, or leave this out "
        "for the default",
        id="an-uplink-has-rules",
    ),
    pytest.param(
        "plan: {uplinks: [{rate: 70M, at_most: 5%}]}",
        "1: plan.uplinks[0].rate: unknown key; known here: at_most, more_than, hours, load",
        id="an-uplink-is-held-by-its-load",
    ),
    pytest.param(
        "plan: {uplinks: [{load: 70%, at_most: 5%}, {load: 70%, at_most: 4%}]}",
        "1: plan.uplinks[1]: the same measure and threshold as plan.uplinks[0] (p.yaml:1); "
        "keep one of them",
        id="an-uplinks-thresholds-differ",
    ),
    pytest.param(
        "plan: {cutovers: 0}",
        "1: plan.cutovers: out of range: '0'; write at least 1",
        id="a-wave-has-a-cutover",
    ),
    pytest.param(
        "links: {window: 30.001d}",
        "1: links.window: not in whole ticks of 5m: 2592086.4s; write a multiple of 5m, as 30d",
        id="a-window-is-whole-ticks",
    ),
    pytest.param(
        "links: {confirm_after: 31d}",
        "1: links.confirm_after: longer than the window: 31d of 30d; write at most that",
        id="confirmed-within-the-window",
    ),
    pytest.param(
        "links:\n  window: 3d",
        "1: links.confirm_after: longer than the window: 7d of 3d; write at most that",
        id="the-default-wait-is-too-long-for-a-short-window",
    ),
    pytest.param(
        "systems: {watched: 0%}",
        "1: systems.watched: out of range: '0%'; write above 0%",
        id="unwatched-proves-nothing",
    ),
    pytest.param(
        "systems: {watched: 0.95}",
        "1: systems.watched: not a percentage: '0.95'; write a number and %, as 5%",
        id="watched-is-a-percentage",
    ),
    pytest.param(
        "links: {busy: []}",
        "1: links.busy: an empty list, which would always hold; "
        "write a rule, or leave this out for the default",
        id="a-status-without-rules-would-always-hold",
    ),
    pytest.param(
        "links: {busy: {load: 70%, more_than: 5%}}",
        "1: links.busy: a list belongs here, each item after '- ' or as [a, b]; seen: a mapping",
        id="rules-are-a-list",
    ),
    pytest.param(
        "links: {busy: [70%]}",
        "1: links.busy[0]: a mapping belongs here, as key: value; seen: one text",
        id="a-rule-is-a-mapping",
    ),
    pytest.param(
        "links: {busy: [{more_than: 5%}]}",
        "1: links.busy[0]: no measure; write one of load, rate in each rule",
        id="a-rule-has-a-measure",
    ),
    pytest.param(
        "servers: {busy: [{cpu: 70%, memory: 70%, more_than: 5%}]}",
        "1: servers.busy[0]: two measures: cpu, memory; "
        "write one of cpu, cores, memory, network in each rule",
        id="a-rule-has-one-measure",
    ),
    pytest.param(
        "links: {busy: [{load: 70%}]}",
        "1: links.busy[0]: no limit; write at_most under low_use and idle, more_than under busy",
        id="a-rule-has-a-limit",
    ),
    pytest.param(
        "links: {busy: [{load: 70%, more_than: 5%, at_most: 9%}]}",
        "1: links.busy[0]: two limits: at_most, more_than; "
        "write at_most under low_use and idle, more_than under busy",
        id="a-rule-has-one-limit",
    ),
    pytest.param(
        "links: {busy: [{cpu: 70%, more_than: 5%}]}",
        "1: links.busy[0].cpu: unknown key; known here: at_most, more_than, hours, load, rate",
        id="links-have-no-cpu",
    ),
    pytest.param(
        "servers: {busy: [{rate: 2M, more_than: 5%}]}",
        "1: servers.busy[0].rate: unknown key; known here: "
        "at_most, more_than, hours, cpu, cores, memory, network",
        id="servers-have-no-rate",
    ),
    pytest.param(
        "links: {busy: [{load: 70, more_than: 5%}]}",
        "1: links.busy[0].load: not a percentage: '70'; write a number and %, as 5%",
        id="load-is-a-percentage",
    ),
    pytest.param(
        "links: {busy: [{load: 101%, more_than: 5%}]}",
        "1: links.busy[0].load: out of range: '101%'; write at most 100%",
        id="load-above-100-percent",
    ),
    pytest.param(
        "servers: {low_use: [{cpu: 10%, at_most: 5%}, {memory: 0%, at_most: 5%}]}",
        "1: servers.low_use[1].memory: out of range: '0%'; write above 0%",
        id="everything-is-at-or-above-nothing",
    ),
    pytest.param(
        "links: {idle: [{rate: 0, at_most: 1%}]}",
        "1: links.idle[0].rate: not a bandwidth: '0'; "
        "write bit/s above 0 with k, M, G or T, as 100M",
        id="rate-zero",
    ),
    pytest.param(
        "servers: {idle: [{network: 10%, at_most: 5%}]}",
        "1: servers.idle[0].network: not a bandwidth: '10%'; "
        "write bit/s above 0 with k, M, G or T, as 100M",
        id="network-is-a-bandwidth",
    ),
    pytest.param(
        "servers: {idle: [{cores: nan, at_most: 5%}]}",
        "1: servers.idle[0].cores: not a number of cores: 'nan'; write one above 0, as 0.5",
        id="cores-are-a-number",
    ),
    pytest.param(
        "servers: {idle: [{cores: 0.0, at_most: 5%}]}",
        "1: servers.idle[0].cores: not a number of cores: '0.0'; write one above 0, as 0.5",
        id="cores-zero",
    ),
    pytest.param(
        "links: {low_use: [{load: 10%, at_most: 100%}]}",
        "1: links.low_use[0].at_most: out of range: '100%'; write below 100%",
        id="at-most-all-of-the-time-always-holds",
    ),
    pytest.param(
        "links: {busy: [{load: 70%, more_than: 100%}]}",
        "1: links.busy[0].more_than: out of range: '100%'; write below 100%",
        id="more-than-all-of-the-time-never-holds",
    ),
    pytest.param(
        "links: {busy: [{load: 70%, more_than: -5%}]}",
        "1: links.busy[0].more_than: not a percentage: '-5%'; write a number and %, as 5%",
        id="a-negative-share",
    ),
    pytest.param(
        "links: {busy: [{load: 70%, at_most: 5%}]}",
        "1: links.busy[0].at_most: busy takes more_than alone; write {load: 70%, more_than: 5%}",
        id="busy-is-more-than",
    ),
    pytest.param(
        "links: {idle: [{rate: 16k, more_than: 1%}]}",
        "1: links.idle[0].more_than: idle takes at_most alone; write {rate: 16000, at_most: 1%}",
        id="idle-is-at-most",
    ),
    pytest.param(
        "links:\n  low_use:\n  - {load: 10%, at_most: 5%}\n  - {load: 10.0%, at_most: 4%}",
        "4: links.low_use[1]: the same measure and threshold as links.low_use[0] (p.yaml:3); "
        "keep one of them",
        id="two-limits-for-one-threshold",
    ),
    pytest.param(
        "links:\n  idle: [{rate: 16k, at_most: 1%}]\n  low_use: [{load: 10%, at_most: 5%}]",
        "2: links.idle: idle would not imply low_use: no idle rule is as strict as low_use's "
        "{load: 10%, at_most: 5%}; write this under idle too, or one with lower numbers",
        id="idle-without-load-does-not-imply-low-use",
    ),
    pytest.param(
        "links:\n  low_use: [{load: 10%, at_most: 0.05%}]",
        "2: links.low_use[0]: idle would not imply low_use: no idle rule is as strict as low_use's "
        "{load: 10%, at_most: 0.05%}; write this under idle too, or one with lower numbers",
        id="a-stricter-low-use-than-the-default-idle",
    ),
    pytest.param(
        "servers:\n  idle: [{cpu: 9%, at_most: 5%}]",
        "2: servers.idle: idle would not imply low_use: no idle rule is as strict as low_use's "
        "{cpu: 50%, at_most: 2%}; write this under idle too, or one with lower numbers",
        id="an-idle-server-is-low-use-by-every-cpu-rule",
    ),
    pytest.param(
        "links:\n  busy: [{load: 9%, more_than: 5%}]",
        "2: links.busy[0]: busy's {load: 9%, more_than: 5%} can hold together with low_use; raise "
        "its numbers to those of a low_use rule or above, or write under low_use "
        "{load: 9%, at_most: 5%}",
        id="a-busy-threshold-below-low-use",
    ),
    pytest.param(
        "links:\n  busy: [{load: 30%, more_than: 4%}]",
        "2: links.busy[0]: busy's {load: 30%, more_than: 4%} can hold together with low_use; raise "
        "its numbers to those of a low_use rule or above, or write under low_use "
        "{load: 30%, at_most: 4%}",
        id="a-busy-limit-below-low-use",
    ),
    pytest.param(
        "servers:\n  low_use: [{memory: 30%, at_most: 5%}]",
        "2: servers.low_use: busy's {cpu: 70%, more_than: 5%} can hold together with low_use; "
        "raise its numbers to those of a low_use rule or above, or write under low_use "
        "{cpu: 70%, at_most: 5%}",
        id="low-use-by-memory-alone-with-the-default-busy",
    ),
    pytest.param(
        b"links: \xff", "1: (file): not UTF-8: byte 0xff; save the file as UTF-8", id="not-utf-8"
    ),
]


@pytest.mark.parametrize(("content", "says"), MISTAKES)
def test_one_mistake_gets_one_line(content: str | bytes, says: str) -> None:
    assert problems(content) == [f"p.yaml:{says}"]


def test_all_mistakes_are_said_at_once_in_order_of_lines() -> None:
    said = problems("""\
links:
  window: 12h
  low_use: [{load: 10%, at_most: 5%}, {load: 10%, at_most: 4%}]
  idle: [{rate: 16k, at_most: 1%}]
  busy: []
servers: {busy: [{cpu: 70%}, {load: 1%, more_than: 1%}]}
systems: {watched: 0%}
system: {}
""")
    assert [line.split(": ")[:2] for line in said] == [
        ["p.yaml:2", "links.window"],
        ["p.yaml:3", "links.low_use[1]"],
        ["p.yaml:4", "links.idle"],
        ["p.yaml:4", "links.idle"],
        ["p.yaml:5", "links.busy"],
        ["p.yaml:6", "servers.busy[0]"],
        ["p.yaml:6", "servers.busy[1].load"],
        ["p.yaml:7", "systems.watched"],
        ["p.yaml:8", "system"],
    ]


def test_a_policy_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ConfigError) as error:
        load_policy(Path("none.yaml"))
    assert str(error.value) == (
        "none.yaml:1: (file): cannot be read: No such file or directory; "
        "name a file that netfold may read"
    )


def test_a_configuration_has_the_policy_that_it_names(folder: Path) -> None:
    (folder / "rules").mkdir()
    Path("rules/own.yaml").write_text("links: {window: 7d}")
    Path("n.yaml").write_text("node: {name: n}\npolicy: rules/own.yaml\n")
    assert load(Path("n.yaml")).policy == load_policy(Path("rules/own.yaml"))
    assert load(Path("n.yaml")).policy.links.window_s == 7 * DAY_S


def test_a_configuration_without_a_policy_has_the_shipped_one() -> None:
    Path("n.yaml").write_text("node: {name: n}\n")
    assert load(Path("n.yaml")).policy == load_policy()
    assert AgentConfig(node=Node(name="n")).policy.hash == load_policy().hash


def test_the_mistakes_of_a_configuration_and_of_its_policy_are_said_at_once() -> None:
    Path("own.yaml").write_text("links:\n  window: 12h\n  busy: []\n")
    Path("n.yaml").write_text("node: {name: n, level: town}\npolicy: own.yaml\nretention: 1d\n")
    with pytest.raises(ConfigError) as error:
        load(Path("n.yaml"))
    said = [str(problem).split(": ")[:2] for problem in error.value.problems]
    assert said == [
        ["n.yaml:1", "node.level"],
        ["n.yaml:3", "retention"],
        ["own.yaml:2", "links.window"],
        ["own.yaml:3", "links.busy"],
    ]


@pytest.mark.parametrize(
    ("written", "respelt"),
    [
        pytest.param("30d", "720h", id="durations"),
        pytest.param("2M", "2000k", id="bandwidths"),
        pytest.param("rate: 2M", "rate: 2.0M", id="decimals"),
        pytest.param("load: 5%", 'load: "5.0%"', id="quotes"),
        pytest.param("# The", "# Our", id="comments"),
        pytest.param(
            "{load: 10%, at_most: 5%}, {load: 40%, at_most: 1%}",
            "{at_most: 1%, load: 40%}, {load: 10%, at_most: 5%}",
            id="order",
        ),
        pytest.param("systems: {window: 90d, watched: 95%}", "", id="defaults-that-are-left-out"),
    ],
)
def test_the_hash_does_not_see_how_a_policy_is_spelt(written: str, respelt: str) -> None:
    assert written in SHIPPED
    assert policy(SHIPPED.replace(written, respelt, 1)).hash == load_policy().hash


NUMBERS = [
    *[("30d", "31d"), ("14d", "15d"), ("90d", "91d"), ("95%", "96%"), ("7d", "8d")],
    *[("load: 10%", "load: 11%"), ("40%", "41%"), ("16k", "16001"), ("2M", "2.0001M")],
    *[("load: 5%", "load: 4.9999%"), ("load: 70%", "load: 70.0001%"), ("0.1%", "0.1001%")],
    *[("0.5%", "0.50001%"), ("0.5,", "0.51,"), ("1M", "1000001"), ("cpu: 50%", "cpu: 51%")],
    *[("memory: 30%", "memory: 31%"), ("more_than: 5%", "more_than: 6%")],
    *[("load: 90%", "load: 91%"), ("cutovers: 10", "cutovers: 11")],
]


@pytest.mark.parametrize(("old", "new"), NUMBERS)
def test_the_hash_sees_every_number(old: str, new: str) -> None:
    assert old in SHIPPED
    assert policy(SHIPPED.replace(old, new, 1)).hash != load_policy().hash


def test_numbers_that_differ_hash_differently_from_each_other() -> None:
    hashes = {policy(SHIPPED.replace(old, new, 1)).hash for old, new in NUMBERS}
    assert len(hashes) == len(NUMBERS)


CANONICAL = (
    '{"calendar":{"hours":[540,1080],"years":[]},'
    '"links":{"busy":["load >= 0.70 more than 0.05"],"confirm_after_s":604800.0,'
    '"idle":["load >= 0.05 at most 0.001","rate >= 16000 at most 0.01",'
    '"rate >= 2000000 at most 0.001"],'
    '"low_use":["load >= 0.10 at most 0.05","load >= 0.40 at most 0.01"],"window_s":2592000.0},'
    '"phases":{"floor_days":30,"floor_rate_bps":16000.0,"floor_share":0.01,"green":0.99,'
    '"green_days":7,"lossier":0.01,"parity_days":7,"settled_days":3,"slower_s":0.005},'
    '"plan":{"cutovers":10.0,"uplinks":["load >= 0.70 at most 0.05","load >= 0.90 at most 0.01"]},'
    '"right_sizing":{"bandwidths":[2000000.0,4000000.0,10000000.0,20000000.0,50000000.0,'
    "100000000.0,200000000.0,500000000.0,1000000000.0,10000000000.0]},"
    '"servers":{"busy":["cpu >= 0.70 more than 0.05"],"confirm_after_s":604800.0,'
    '"idle":["cores >= 0.5 at most 0.05","cpu >= 0.03 at most 0.05","cpu >= 0.30 at most 0.005",'
    '"network >= 1000000 at most 0.05"],'
    '"low_use":["cpu >= 0.10 at most 0.05","cpu >= 0.50 at most 0.02",'
    '"memory >= 0.30 at most 0.05"],"window_s":1209600.0},'
    '"systems":{"watched":0.95,"window_s":7776000.0}}'
)


def test_the_hash_is_the_digest_of_the_documented_form() -> None:
    assert load_policy().hash == f"sha256:{sha256(CANONICAL.encode()).hexdigest()}"


def test_a_policy_does_not_change() -> None:
    with pytest.raises(AttributeError):
        load_policy().links.busy[0].limit = 0.5  # type: ignore[misc]  # that is the claim


percents = st.integers(1, 99_999).map(lambda it: it / 100_000)
rules = st.builds(
    Rule,
    st.sampled_from(["load", "rate", "cpu", "cores", "memory", "network"]),
    percents,
    percents,
    st.booleans(),
)


@given(rules, rules)
def test_rules_have_the_same_text_only_if_they_are_the_same(one: Rule, other: Rule) -> None:
    assert (str(one) == str(other)) == (one == other)
    assert "e-" not in str(one) + one.written


@given(percents, percents, st.floats(1_000, 1e12))
def test_a_rule_is_read_again_as_it_is_written(load: float, limit: float, rate: float) -> None:
    busy = Rule("load", max(load, 0.1), max(limit, 0.05), at_most=False)
    fast = Rule("rate", round(rate, 3), limit, at_most=False)
    assert policy(f"links: {{busy: [{busy.written}, {fast.written}]}}").links.busy == (busy, fast)


@given(st.lists(percents, max_size=30), rules, rules)
def test_a_rule_no_laxer_implies_the_other(loads: list[float], one: Rule, other: Rule) -> None:
    one, other = replace(one, measure="load"), replace(other, measure="load")

    def share(threshold: float) -> float:
        return sum(load >= threshold for load in loads) / max(1, len(loads))

    if one.is_no_laxer_than(other) and share(one.threshold) <= one.limit:
        assert share(other.threshold) <= other.limit


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_config_error(content: bytes) -> None:
    problems(content)


WORDS = st.sampled_from(
    [
        *[
            "links",
            "servers",
            "systems",
            "plan",
            "uplinks",
            "cutovers",
            "low_use",
            "idle",
            "busy",
            "window",
            "watched",
            "rate",
        ],
        *["load", "cpu", "cores", "at_most", "more_than", "5%", "0%", "100%", "2M", "30d", "0.5"],
        *["null", "~", "''", "-1", "nan", "1e999", "{}", "[]", "!x y", "网"],
    ]
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300
)
@given(
    st.recursive(
        WORDS,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda it: f"[{', '.join(it)}]"),
            st.lists(st.tuples(WORDS, inner), max_size=3).map(
                lambda it: "{" + ", ".join(f"{key}: {value}" for key, value in it) + "}"
            ),
        ),
    )
)
def test_no_nesting_of_its_words_raises_anything_but_a_config_error(content: str) -> None:
    problems(content)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200
)
@given(st.integers(0, len(SHIPPED) - 1), st.integers(0, 8), WORDS)
def test_no_slip_in_the_shipped_file_raises_anything_but_a_config_error(
    at: int, length: int, word: str
) -> None:
    problems(SHIPPED[:at] + word + SHIPPED[at + length :])
