"""What profiles say, how one is chosen, and what is wrong with one that cannot be used."""

import re
from pathlib import Path

import pytest

from collectors.snmp.profiles import STANDARD, Profile, ProfileError, choose, read, shipped

GOOD = """\
vendor: Example
match: [1.3.6.1.4.1.32473.1]
processors:
  - source: EXAMPLE-MIB exampleCpu; RFC 5612
    load: 1.3.6.1.4.1.32473.1.1
memory:
  - source: EXAMPLE-MIB exampleMemory; RFC 5612
    used_percent: 1.3.6.1.4.1.32473.1.2
"""


def test_every_vendor_asked_for_has_a_profile() -> None:
    assert {profile.vendor for profile in shipped()} >= {
        *("Huawei VRP", "H3C Comware", "ZTE ZXR10", "Ruijie RGOS", "Cisco IOS", "Juniper Junos"),
        *("Fortinet FortiGate", "MikroTik RouterOS", "Microsoft Windows", "Linux (net-snmp)"),
    }


def test_no_two_profiles_match_the_same_prefix() -> None:
    prefixes = [prefix for profile in shipped() for prefix in profile.match]
    assert len(prefixes) == len(set(prefixes))


def test_every_source_names_a_mib_and_where_it_is_published() -> None:
    for profile in shipped():
        for source in (*profile.processors, *profile.memory):
            assert re.search(r"\w+-MIB \w+", source.source), source.source
            assert re.search(r"https://|\(RFC \d+\)", source.source), source.source


@pytest.mark.parametrize(
    ("object_id", "vendor"),
    [
        pytest.param("1.3.6.1.4.1.2011.2.23.291", "Huawei VRP", id="a-prefix"),
        pytest.param("1.3.6.1.4.1.9.1.1208", "Cisco IOS", id="cisco"),
        pytest.param("1.3.6.1.4.1.99999.1", "any", id="9-is-no-prefix-of-99999"),
        pytest.param("1.3.6.1.4.1.2021.250.10", "Linux (net-snmp)", id="ucd"),
        pytest.param("1.3.6.1.4.1", "any", id="shorter-than-every-prefix"),
        pytest.param(None, "any", id="absent"),
    ],
)
def test_a_profile_is_chosen_by_whole_arcs(object_id: str | None, vendor: str) -> None:
    assert choose(object_id).vendor == vendor


def test_the_longest_prefix_wins_in_any_order() -> None:
    short = STANDARD.model_copy(update={"vendor": "all", "match": ("1.3.6.1.4.1.32473",)})
    longer = STANDARD.model_copy(update={"vendor": "one", "match": ("1.3.6.1.4.1.32473.1",)})
    for profiles in ([short, longer], [longer, short]):
        assert choose("1.3.6.1.4.1.32473.1.5", profiles) is longer
        assert choose("1.3.6.1.4.1.32473.2", profiles) is short


def test_a_good_file_is_a_profile(tmp_path: Path) -> None:
    assert isinstance(wrong(tmp_path, "", ""), Profile)


@pytest.mark.parametrize(
    ("right", "instead", "said"),
    [
        pytest.param("vendor:", "vender:", r":1: vender: Extra inputs", id="unknown-key"),
        pytest.param("load: 1", "laod: 1", r":5: processors.0.laod: Extra", id="deep-unknown-key"),
        pytest.param(
            "load: 1.3.6", "load: x.3.6", r":5: processors.0.load: .*pattern", id="no-oid"
        ),
        pytest.param("32473.1]", "32473.1", r":3: no YAML: ", id="no-yaml"),
        pytest.param(
            "[1.3.6.1.4.1.32473.1]", "[1.3.6.1.2.1]", r":2: match: .*below", id="no-vendor"
        ),
        pytest.param("used_percent", "total", r":7: memory.0: .*what is used", id="half-a-memory"),
        pytest.param(
            "- source: EXAMPLE-MIB exampleCpu; RFC 5612\n   ", "-", "source", id="uncited"
        ),
        pytest.param(
            "    load:",
            "    rows: [{column: 1.3.6}]\n    load:",
            r":5: processors.0.rows.0: .*asks nothing",
            id="an-idle-condition",
        ),
        pytest.param(
            "    load:",
            "    rows: [{column: 1.3.6, not_like: '('}]\n    load:",
            r":5: processors.0.rows.0.not_like: .*no regular expression",
            id="no-pattern",
        ),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(
    tmp_path: Path, right: str, instead: str, said: str
) -> None:
    with pytest.raises(ProfileError, match=said) as caught:
        wrong(tmp_path, right, instead)
    assert str(caught.value).startswith(f"{tmp_path / 'example.yaml'}:")


def wrong(folder: Path, right: str, instead: str) -> Profile:
    path = folder / "example.yaml"
    assert right in GOOD
    path.write_text(GOOD.replace(right, instead, 1) if right else GOOD)
    return read(path)
