import pytest

from agent.recorder import Recorder
from agent.standing import STANDING_BYTES
from collectors.base import CounterReading, Moment
from collectors.snmp import ifmib
from collectors.snmp.ifmib import Octets
from collectors.snmp.varbind import Value

OCTETS = (ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.IN_OCTETS, ifmib.OUT_OCTETS)


def counted(*values: Value) -> dict[str, Value]:
    return dict(zip(OCTETS, values, strict=True))


@pytest.mark.parametrize(
    ("row", "octets"),
    [
        pytest.param((2**40, 5, 1, 5), (2**40, 5, 64), id="64-bit-that-count"),
        pytest.param((0, 0, 7, 8), (7, 8, 32), id="64-bit-that-stay-at-0"),
        pytest.param((5, 0, 5, 8), (5, 8, 32), id="one-64-bit-that-stays-at-0"),
        pytest.param((None, 2**33 + 3, 7, None), (7, 3, 32), id="each-direction-in-one-width-only"),
        pytest.param((0, 0, 7, None), (7, None, 32), id="a-64-bit-0-that-nothing-confirms"),
        pytest.param((0, None, None, None), (0, None, 64), id="one-direction-alone"),
        pytest.param((b"12", b"13", None, None), (12, 13, 64), id="digits"),
        pytest.param((-1, -1, 7, 8), (7, 8, 32), id="a-negative-counter-is-none"),
        pytest.param((b"9" * 20, 2**64, 7, 8), (7, 8, 32), id="more-than-64-bits-are-none"),
    ],
)
def test_one_reading_tells_which_counters_count(
    row: tuple[Value, ...], octets: tuple[int | None, ...]
) -> None:
    assert ifmib.octets(counted(*row)) == octets


@pytest.mark.parametrize(
    ("before", "now", "bits"),
    [
        pytest.param((0, 0, 7, 8), (0, 0, 0, 8), 32, id="the-32-bit-one-just-wrapped-to-0"),
        pytest.param((0, 9, 7, 9), (0, 10, 0, 10), 32, id="in-one-direction"),
        pytest.param((0, 0, 0, 0), (0, 0, 0, 0), 64, id="both-silent"),
        pytest.param((7, 8, 7, 8), (0, 0, 0, 0), 64, id="both-restarted"),
        pytest.param((0, 0, None, None), (0, 0, 0, 0), 64, id="nothing-to-compare-with"),
        pytest.param((0, 0, 7, 8), (9, 9, 16, 17), 64, id="they-count-after-all"),
    ],
)
def test_two_readings_tell_what_one_cannot(
    before: tuple[Value, ...], now: tuple[Value, ...], bits: int
) -> None:
    assert ifmib.octets(counted(*now), counted(*before)).bits == bits


def test_a_row_without_counters_has_no_octets() -> None:
    assert ifmib.octets({}, {}) == Octets(None, None, None)


@pytest.mark.parametrize(
    ("high", "low", "bps"),
    [
        pytest.param(400_000, 2**32 - 1, 400 * 10**9, id="400G-beside-a-saturated-ifSpeed"),
        pytest.param(1073, 1_073_741_824, 1_073_000_000, id="ifHighSpeed-rounded"),
        pytest.param(0, 19_200, 19_200, id="a-slow-line"),
        pytest.param(1, 1_544_000, 1_544_000, id="T1-cut-down-to-1-Mbit"),
        pytest.param(2, 2_048_000, 2_048_000, id="E1"),
        pytest.param(10, 10**7, 10**7, id="10M"),
        pytest.param(10**6, 10**9, 10**9, id="ifHighSpeed-in-kbit"),
        pytest.param(10**9, 10**9, 10**9, id="ifHighSpeed-in-bit"),
        pytest.param(2048, 2_048_000, None, id="2-Gbit-or-an-E1-in-kbit"),
        pytest.param(100_000, 10**8, None, id="100-Gbit-in-kbit-or-100-Mbit-in-bit"),
        pytest.param(1000, 1000, None, id="ifSpeed-in-Mbit-proves-nothing"),
        pytest.param(1000, 10**6, None, id="ifSpeed-in-kbit-proves-nothing"),
        pytest.param(10_000, 10**8, 10**10, id="another-ratio-proves-no-unit"),
        pytest.param(10**9, None, None, id="more-than-any-port-has"),
        pytest.param(2**32 - 1, 2**32 - 1, None, id="both-at-their-maximum"),
        pytest.param(2**32 - 1, 10**8, 10**8, id="nonsense-beside-sense"),
        pytest.param(10**8, None, 10**14, id="the-most-that-is-believed"),
        pytest.param(10**8 + 1, None, None, id="just-more-than-is-believed"),
        pytest.param(-1, -1, None, id="negative"),
        pytest.param(None, b" 2048000\0", 2_048_000, id="digits"),
        pytest.param(None, b"9" * 5000, None, id="endless-digits"),
    ],
)
def test_how_fast_a_port_is(high: Value, low: Value, bps: int | None) -> None:
    assert ifmib.speed_bps({ifmib.HIGH_SPEED: high, ifmib.SPEED: low}) == bps


@pytest.mark.parametrize(
    ("value", "oper", "admin"),
    [
        (1, "up", "up"),
        (3, "testing", "testing"),
        (7, "lowerLayerDown", None),
        (b"2", "down", "down"),
        (0, None, None),
        (8, None, None),
        (-1, None, None),
        (b"up", None, None),
        (None, None, None),
    ],
)
def test_a_state_outside_its_enumeration_is_none(
    value: Value, oper: str | None, admin: str | None
) -> None:
    assert (ifmib.status(value), ifmib.admin_status(value)) == (oper, admin)


@pytest.mark.parametrize(
    ("row", "phantom"),
    [
        pytest.param({ifmib.NAME: b"Tunnel9", ifmib.TYPE: 131}, True, id="only-named"),
        pytest.param({ifmib.OPER_STATUS: None, ifmib.HC_IN_OCTETS: None}, True, id="nothing-given"),
        pytest.param({ifmib.OPER_STATUS: 2}, False, id="down"),
        pytest.param({ifmib.OUT_OCTETS: 0}, False, id="silent"),
        pytest.param({ifmib.OPER_STATUS: 0}, False, id="in-a-state-of-its-own"),
    ],
)
def test_a_phantom_has_no_state_and_counts_nothing(row: ifmib.Row, *, phantom: bool) -> None:
    assert ifmib.is_phantom(row) is phantom


@pytest.mark.parametrize("value", [-1, 2**63, b"9" * 20, 5, None])
def test_whatever_a_device_says_its_readings_can_be_kept(value: Value) -> None:
    """A number that the history has no room for would end the agent."""
    row = dict.fromkeys((ifmib.HC_IN_OCTETS, ifmib.HC_OUT_OCTETS, ifmib.DISCONTINUITY), value)
    octets, moved = ifmib.octets(row), ifmib.ticks(row[ifmib.DISCONTINUITY])
    if octets.receive is None or octets.transmit is None or octets.bits is None:
        return
    amounts = octets.receive, octets.transmit, octets.bits
    reading = CounterReading("link", "a", "i", Moment(1e9, 1.0), *amounts, None, None, moved)
    recorder = Recorder()
    recorder.take([reading])
    records, _ = recorder.drain(everything=True)
    assert [len(it.state) for it in records.values()] == [STANDING_BYTES]
