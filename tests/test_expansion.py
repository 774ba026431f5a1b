"""One probe as written, and the targets that it comes to; what is refused, and in which words."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.document import Document
from config.expansion import expanded
from config.load import load
from config.problems import ConfigError


def config(folder: Path, *probes: str) -> Path:
    lines = "".join(f"  - {{kind: icmp, {probe}}}\n" for probe in probes)
    (folder / "n.yaml").write_text(f"node: {{name: n}}\nprobes:\n{lines}")
    return folder / "n.yaml"


def names(folder: Path, *probes: str) -> list[tuple[str, str, str]]:
    return [(it.name, it.address, it.family) for it in load(config(folder, *probes)).probes]


def problems(folder: Path, *probes: str) -> list[str]:
    path = config(folder, *probes)
    with pytest.raises(ConfigError) as refused:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).splitlines()]


def test_both_families_are_two_targets(tmp_path: Path) -> None:
    assert names(tmp_path, "name: a, address: localhost, family: both") == [
        ("a-ipv4", "localhost", "ipv4"),
        ("a-ipv6", "localhost", "ipv6"),
    ]


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("198.51.100.0/30", ["198.51.100.1", "198.51.100.2"]),
        ("198.51.100.4/31", ["198.51.100.4", "198.51.100.5"]),
        ("198.51.100.7-9", ["198.51.100.7", "198.51.100.8", "198.51.100.9"]),
        ("'2001:db8::/126'", ["2001:db8::1", "2001:db8::2", "2001:db8::3"]),
    ],
)
def test_every_host_of_a_range_is_a_target(
    tmp_path: Path, written: str, addresses: list[str]
) -> None:
    found = names(tmp_path, f"name: a, address: {written}, expand_up_to: 3")
    assert found == [(f"a-{it}", it, "any") for it in addresses]


@pytest.mark.parametrize(
    ("probe", "says"),
    [
        pytest.param(
            "name: a, address: 198.51.100.0/28",
            "3: probes[a].address: a range of 14 addresses: '198.51.100.0/28'; write one address, "
            "or expand_up_to: 14 beside it to make a target of each",
            id="no-cap",
        ),
        pytest.param(
            "name: a, address: 198.51.100.1-4, expand_up_to: 3",
            "3: probes[a].address: 4 addresses are more than expand_up_to allows: "
            "'198.51.100.1-4', 3; write one address, or expand_up_to: 4 beside it to make a target "
            "of each",
            id="more-than-the-cap",
        ),
        pytest.param(
            "name: a, address: 10.0.0.0/8, expand_up_to: 3",
            "3: probes[a].address: more than 4096 addresses: '10.0.0.0/8'; write a smaller range",
            id="a-range-nobody-enumerates",
        ),
        pytest.param(
            "name: a, address: 224.0.0.0/30, expand_up_to: 3",
            "3: probes[a].address: not a target: '224.0.0.0/30' is multicast; write a range of "
            "hosts",
            id="multicast",
        ),
        pytest.param(
            "name: a, address: 239.1.1.1-2, expand_up_to: 3",
            "3: probes[a].address: not a target: '239.1.1.1-2' is multicast; write a range of "
            "hosts",
            id="multicast-with-a-dash",
        ),
        pytest.param(
            "name: a, address: 198.51.100.250-255, expand_up_to: 9",
            "3: probes[a].address: not a target: 198.51.100.255 is the broadcast address of "
            "198.51.100.0/24; write 198.51.100.1-254 or less",
            id="the-subnets-broadcast",
        ),
        pytest.param(
            "name: a, address: 198.51.100.9-4, expand_up_to: 9",
            "3: probes[a].address: a range that ends before it begins: '198.51.100.9-4'; write "
            "198.51.100.4-9",
            id="backwards",
        ),
        pytest.param(
            "name: a, address: 198.51.100.1, expand_up_to: 9",
            "3: probes[a].expand_up_to: no range of addresses stands in address: '198.51.100.1'; "
            "write one, as 198.51.100.0/28, or take this out",
            id="a-cap-for-nothing",
        ),
        pytest.param(
            "name: a, address: 198.51.100.1, family: both",
            "3: probes[a].family: an address has one family only: '198.51.100.1'; write a name "
            "there, or take this out",
            id="both-families-of-a-number",
        ),
        pytest.param(
            "name: a, address: 198.51.100.0/30, expand_up_to: two",
            "3: probes[a].expand_up_to: not a whole number: 'two'; write digits only, as 8443",
            id="a-cap-that-is-no-number",
        ),
        pytest.param(
            "name: a, address: 198.51.100.1, purpose: gatway",
            "3: probes[a].purpose: not a word for this: 'gatway'; did you mean 'gateway'?",
            id="an-unknown-purpose",
        ),
        pytest.param(
            "name: a, address: 198.51.100.0/28, expand_up_to: 14, size: 1",
            "3: probes[a].size: out of range: '1'; write at least 16",
            id="one-mistake-of-fourteen-targets-is-said-once",
        ),
    ],
)
def test_a_mistake_gets_one_line(tmp_path: Path, probe: str, says: str) -> None:
    assert problems(tmp_path, probe) == [says]


def test_targets_bear_different_names_whatever_they_come_from(tmp_path: Path) -> None:
    both, single = "name: a, address: localhost, family: both", "name: a-ipv6, address: localhost"
    (says,) = problems(tmp_path, both, single)
    place = f"{tmp_path}/n.yaml:4"
    assert says == (
        f"3: probes[a].name: taken: 'a-ipv6', which this comes to, is named at {place}; "
        "choose another"
    )


def test_a_reference_names_the_probe_as_written_or_one_of_its_targets(tmp_path: Path) -> None:
    path = config(tmp_path, "name: a, address: localhost, family: both")
    for reference in ("a", "a-ipv6"):
        network = (
            f"networks: [{{name: n, kind: dedicated, successor: {{probes: [{reference}]}}}}]\n"
        )
        path.write_text(path.read_text().split("networks:")[0] + network)
        assert load(path).networks[0].successor.probes == (reference,)


@given(
    st.integers(20, 32).flatmap(
        lambda bits: st.builds(
            lambda number: ipaddress.ip_network((number >> (32 - bits) << (32 - bits), bits)),
            st.integers(0x01000000, 0xDFFFFFFF),
        )
    )
)
def test_no_target_of_a_range_is_its_broadcast(network: ipaddress.IPv4Network) -> None:
    row = {"name": "a", "address": str(network), "expand_up_to": "4096"}
    rows = expanded(Document(Path("n.yaml")), ("probes", 0), row)
    addresses = [it["address"] for it in rows if isinstance(it, dict)]
    assert len(set(addresses)) == len(rows) > 0
    if network.prefixlen < 31:
        assert not {str(network.broadcast_address), str(network.network_address)} & {*addresses}


@given(st.text(max_size=24))
def test_any_address_is_taken_apart_without_a_fault(address: str) -> None:
    expanded(Document(Path("n.yaml")), ("probes", 0), {"name": "a", "address": address})


@pytest.mark.parametrize("reference", ["gw", "gw-ipv4"])
def test_a_target_that_must_not_answer_proves_no_successor(tmp_path: Path, reference: str) -> None:
    """Its silence would be taken for a successor that works."""
    family = "both" if reference == "gw-ipv4" else "any"
    path = tmp_path / "n.yaml"
    path.write_text(
        f"node: {{name: n}}\n"
        f"networks: [{{name: n, kind: dedicated, successor: {{probes: [{reference}]}}}}]\n"
        "probes:\n"
        f"  - {{name: gw, kind: icmp, address: a.example, family: {family}, expect: unreachable}}\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}:2: networks[n].successor.probes[0]: '{reference}' must not answer ({path}:4), so "
        "it proves no successor; name a probe that must answer"
    )
