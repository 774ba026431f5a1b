"""The register held against reality: what disagrees, and what is not said unseen."""

import numpy as np
import pytest

from agent import facts
from agent.judge.bounds import Traffic
from agent.judge.completeness import completeness
from agent.judge.rates import Run
from agent.judge.reconcile import Disagreement, Kind, Seen, reconcile
from agent.judge.silence import Silence, silence
from agent.judge.status import Status
from agent.judge.uplinks import shared_uplinks
from agent.reconciliation import USE_UNSEEN
from config.agent import AgentConfig, Node
from config.inventory import Interface, Link, Network, System
from config.register import Filing, Plan, Protection

DAY = 288
BARE = Network(name="edu", kind="dedicated")


def link(name: str, device: str = "r1", **fields: object) -> Link:
    return Link.model_validate(
        {"name": name, "network": "edu", "interface": {"device": device, "name": name}, **fields}
    )


def traffic(receive: list[float], runs: tuple[Run, ...] = ()) -> Traffic:
    values = np.array(receive)
    return Traffic(1000, values, values * 0, values * np.nan, runs)


NAN = float("nan")


@pytest.mark.parametrize(
    ("window", "wanted"),
    [
        pytest.param([0.0] * DAY, Silence(300_000.0, True, 1.0), id="a-silent-day"),
        pytest.param(
            [5.0] + [0.0] * DAY, Silence(300_300.0, False, 1.0), id="since-the-last-octet"
        ),
        pytest.param([0.0] * DAY + [0.1], None, id="one-octet-ends-it"),
        pytest.param([5.0] + [0.0] * (DAY - 1), None, id="under-a-day-is-no-silence"),
        pytest.param([NAN] * DAY, None, id="unseen-is-not-silent"),
        pytest.param(
            [0.0, NAN] * (DAY // 2), Silence(300_000.0, True, 0.5), id="what-was-not-seen-is-said"
        ),
    ],
)
def test_a_line_is_silent_since_its_last_octet(window: list[float], wanted: Silence | None) -> None:
    assert silence(traffic(window)) == wanted


def test_octets_of_either_direction_end_a_silence() -> None:
    still = np.zeros(DAY + 1)
    sent = np.array([5.0] + [0.0] * DAY)
    for receive, transmit in ((sent, still), (still, sent)):
        found = silence(Traffic(1000, receive, transmit, still * np.nan, ()))
        assert found == Silence(300_300.0, False, 1.0)


def test_octets_known_of_an_unseen_run_end_a_silence_too() -> None:
    window = [0.0] * 10 + [NAN] * 10 + [0.0] * DAY
    moved = (Run(1010, 1019, (8.0, 0.0)),)
    assert silence(traffic(window, moved)) == Silence(306_000.0, False, 1.0)
    still = (Run(1010, 1019, (0.0, 0.0)),)
    found = silence(traffic(window, still))
    assert found is not None
    assert found.whole


def found(links: list[Link], seen: Seen, *systems: System, network: Network = BARE) -> list[Kind]:
    return [it.kind for it in reconcile([network], links, systems, seen)]


def test_a_paid_line_that_is_down_is_told_with_its_silence() -> None:
    paid = link("a", annual_cost_yuan=168000)
    seen = Seen(up={"a": False}, silences={"a": Silence(1_790_000_000.0, True, 0.98)})
    assert list(reconcile([BARE], [paid], [], seen)) == [
        Disagreement(
            Kind.PAID_AND_DOWN,
            "a",
            "168,000 yuan a year, and its port is down; nothing was seen to cross it since "
            "2026-09-21 or longer (98.0% of that time was seen)",
        )
    ]
    up = Seen(up={"a": True}, silences=seen.silences)
    assert found([paid], up) == [Kind.PAID_AND_SILENT]
    barely_seen = Seen(silences={"a": Silence(1_790_000_000.0, True, 0.94)})
    assert found([paid], barely_seen) == []
    standby = link("a", annual_cost_yuan=168000, role="backup", group="g")
    assert found([standby], up) == []
    assert found([link("a")], seen) == []
    assert found([link("a", annual_cost_yuan=0)], seen) == []
    assert found([paid], Seen()) == []


@pytest.mark.parametrize(
    ("bandwidth", "port_bps", "kinds"),
    [
        pytest.param("100M", 10e6, [Kind.CONTRACT_ABOVE_PORT], id="more-than-the-port"),
        pytest.param("100M", 1e9, [], id="a-faster-port-is-how-lines-are-sold"),
        pytest.param("155M", 150e6, [], id="a-rounded-speed-is-the-same"),
        pytest.param(None, 10e6, [], id="no-contract-is-declared"),
    ],
)
def test_a_contract_is_held_against_its_port(
    bandwidth: str | None, port_bps: float, kinds: list[Kind]
) -> None:
    assert found([link("a", bandwidth=bandwidth)], Seen(port_bps={"a": port_bps})) == kinds


def test_declared_use_that_nobody_makes_is_told_and_doubt_is_not() -> None:
    system = System(name="s", used_by="全市公务员", use_frequency="每月")
    silent = Seen(systems={"s": Status.SUSPECTED_UNUSED})
    assert found([], silent, system) == [Kind.DECLARED_USE_UNSEEN]
    assert found([], Seen(systems={"s": Status.UNKNOWN}), system) == []
    assert found([], silent, System(name="s")) == []
    assert found([], Seen(), system) == []


def uplinked(*links: Link) -> dict[str, str | None]:
    network = Network(name="x", kind="extranet", uplinks=tuple(it.name for it in links))
    return shared_uplinks(network, {it.name: it for it in links})


def test_two_uplinks_share_what_both_have() -> None:
    one, two = link("a", carrier="电信"), link("b", carrier="电信")
    other = link("c", "r2", carrier="移动")
    assert uplinked(one, two) == {"device": "r1", "carrier": "电信"}
    assert uplinked(one, other) == {"device": None, "carrier": None}
    assert uplinked(one, two, other) == {"device": None, "carrier": None}
    assert uplinked(one) == uplinked(one, one) == {}
    assert uplinked(one, link("d")) == {"device": "r1"}  # the carrier of one is not declared
    here = Link(name="e", network="edu", interface=Interface(local="eth1"), carrier="电信")
    assert uplinked(here, one) == {"device": None, "carrier": "电信"}


def test_interfaces_that_no_link_declares_are_told_of_their_device() -> None:
    (one,) = reconcile([], [], [], Seen(undeclared={"r1": ["GE0/0/7"]}))
    assert (one.kind, one.subject) == (Kind.UNDECLARED_INTERFACE, "r1")


def test_a_network_is_complete_when_all_that_reports_need_is_declared() -> None:
    whole = Network(
        name="edu",
        title="教育专网",
        kind="dedicated",
        owner="市教育局",
        department_code="1144030000TEXT001B",
        region="440300",
        destination="extranet",
        outcome="migrate",
        annual_cost_yuan=0,
        phase="surveyed",
        plan=Plan.model_validate({"cut_over": "2027-03-31"}),
        filing=Filing(
            project="p",
            builder="b",
            investment_yuan=1,
            operation_cost_yuan=0,
            funding_channel="f",
            data_resources="d",
            application_systems="a",
        ),
        protection=Protection.model_validate(
            {"level": "3", "number": "1", "assessed_on": "2026-01-01", "expires_on": "2027-01-01"}
        ),
    )
    line = link(
        "a",
        bandwidth="100M",
        number="1",
        carrier="电信",
        line_type="MSTP",
        annual_cost_yuan=0,
        contract_end="2027-06-30",
    )
    assert completeness(whole, [line]).missing == ()
    assert completeness(whole, [line]).ratio == 1
    joined = whole.model_copy(update={"outcome": "interconnect"})
    assert completeness(joined, [line]).missing == ("plan.interconnected",)
    score = completeness(whole, [line.model_copy(update={"carrier": None})])
    assert score.missing == ("links[a].carrier",)
    assert score.ratio == pytest.approx(1 - 1 / score.needed)
    assert completeness(whole, []).missing == ("links",)
    assert completeness(BARE, []).ratio == 0


def test_a_classified_network_lacks_no_lines_and_others_no_filing() -> None:
    classified = Network(name="top", kind="dedicated", classified=True)
    assert "links" not in completeness(classified, []).missing
    extranet = Network(name="x", kind="extranet", title="外网", owner="o")
    assert completeness(extranet, []).missing == ("links",)


def test_metrics_say_completeness_and_shared_uplinks() -> None:
    config = AgentConfig(
        node=Node(name="n"),
        networks=(BARE.model_copy(update={"uplinks": ("a", "b")}), Network(name="l", kind="local")),
        links=(link("a"), link("b")),
    )
    said = {
        (it.metric, it.labels): it.value for it in facts.samples(config, facts.day(1_790_000_000))
    }
    assert said[facts.UPLINKS_SHARED, ("edu", "device")] == 1
    assert (facts.UPLINKS_SHARED, ("edu", "carrier")) not in said
    assert 0 < said[facts.NETWORK_COMPLETE, ("edu",)] < 0.2
    assert (facts.NETWORK_COMPLETE, ("l",)) not in said
    assert USE_UNSEEN.labels == ("system",)
