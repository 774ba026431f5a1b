import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.snmp.agent import Agent
from collectors.snmp.text import text
from tests.snmpd import COMMUNITY, SECRETS, USER

CUT = "政务外网至市教育局专线一百兆电信承载二零二六年度续签合同编号甲乙丙丁"
"""More than the 64 octets that ifAlias has, in UTF-8 and in GBK."""


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        pytest.param(b"Gi0/0/1", "Gi0/0/1", id="ascii"),
        pytest.param(b"Ethernet0 2\x00\x00", "Ethernet0 2", id="padded-with-nul"),
        pytest.param(b"  uplink \r\n", "uplink", id="padded-with-blanks"),
        pytest.param("教育专网".encode(), "教育专网", id="utf-8"),
        pytest.param("教育专网".encode("gbk"), "教育专网", id="gbk"),
        pytest.param(b"caf\xe9", "café", id="neither"),
        pytest.param(b"eth4\0\0old rubbish\0", "eth4", id="a-buffer-after-its-end"),
        pytest.param(CUT.encode()[:64], CUT[:21], id="utf-8-cut-after-one-octet-of-three"),
        pytest.param(CUT.encode()[:65], CUT[:21], id="utf-8-cut-after-two-octets-of-three"),
        pytest.param(CUT.encode()[:66], CUT[:22], id="utf-8-cut-between-characters"),
        pytest.param(b"x" + CUT.encode("gbk")[:63], "x" + CUT[:31], id="gbk-cut-in-two"),
        pytest.param(CUT.encode("gbk")[:64], CUT[:32], id="gbk-cut-between-characters"),
        pytest.param(CUT.encode()[:64] + b"\0", CUT[:21], id="cut-and-padded"),
        pytest.param("专线 1000M 教".encode()[:-1], "专线 1000M", id="cut-after-an-ascii-part"),
        pytest.param(b"Mairie de la Cit\xe9", "Mairie de la Cité", id="latin-1-is-not-cut"),
        pytest.param("联通".encode("gbk"), "联通", id="gbk-that-looks-like-utf-8"),
        pytest.param(b"", "", id="empty"),
        pytest.param(None, "", id="absent"),
        pytest.param(7, "", id="a-number"),
    ],
)
def test_what_devices_write_becomes_text(octets: object, shown: str) -> None:
    assert text(octets) == shown


@given(st.binary())
def test_any_octets_become_text_without_padding(octets: bytes) -> None:
    assert text(octets) == text(octets).strip()


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1))
def test_utf_8_is_never_taken_for_anything_else(written: str) -> None:
    assert text(written.encode()) == written


HANZI = st.text(alphabet=[chr(it) for it in range(0x4E00, 0x9FA6)], min_size=12, max_size=60)


@given(HANZI, st.integers(30, 64))
def test_utf_8_cut_anywhere_is_read_up_to_the_cut(written: str, octets: int) -> None:
    cut = written.encode()[:octets]
    assert text(cut) == cut.decode(errors="ignore")


@given(HANZI)
def test_gbk_cut_in_mid_character_is_read_up_to_the_cut(written: str) -> None:
    assert text(written.encode("gbk")[:-1]) == written[:-1]


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("198.51.100.1", "198.51.100.1:161"),
        ("198.51.100.1:1161", "198.51.100.1:1161"),
        ("r1.example", "r1.example:161"),
        ("2001:db8::1", "[2001:db8::1]:161"),
        ("[2001:db8::1]:1161", "[2001:db8::1]:1161"),
    ],
)
def test_an_agent_is_told_by_address_and_port(address: str, shown: str) -> None:
    assert str(Agent.at(address, COMMUNITY)) == shown


@pytest.mark.parametrize("address", ["", "r1:port", "r1:99999", "2001:db8::1::2", "a b"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        Agent.at(address, COMMUNITY)


def test_an_agent_never_shows_its_secrets() -> None:
    shown = repr([Agent.at("r1", COMMUNITY), Agent.at("r1", USER)])
    assert not any(secret in shown for secret in SECRETS)
