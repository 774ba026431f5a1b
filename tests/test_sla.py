"""Profiles of service levels: which target has which, and what an operator gets wrong."""

from pathlib import Path

import pytest

from collectors.icmp import IcmpTarget
from config.load import load
from config.problems import ConfigError
from config.sla import load_sla


def target(purpose: str | None) -> IcmpTarget:
    return IcmpTarget.model_validate(
        {"name": "a", "kind": "icmp", "address": "192.0.2.1", "purpose": purpose}
    )


@pytest.mark.parametrize(
    ("purpose", "kind", "profile"),
    [
        ("gateway", "extranet", "gateway"),
        ("gateway", "internet", None),
        ("internet_egress", None, "internet"),
        ("ca", "local", "service"),
        (None, "extranet", None),
    ],
)
def test_a_target_has_the_first_shipped_profile_that_fits(
    purpose: str | None, kind: str | None, profile: str | None
) -> None:
    found = load_sla().profile(target(purpose), kind)  # type: ignore[arg-type]
    assert (found.name if found else None) == profile


def test_a_file_takes_the_place_of_the_shipped_profiles(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("window: 1d\nprofiles: [{name: all, availability: 99%}]\n")
    (tmp_path / "n.yaml").write_text("node: {name: n}\nsla: own.yaml\n")
    sla = load(tmp_path / "n.yaml").sla
    assert sla.window_s == 86_400
    (profile,) = sla.profiles
    assert (profile.name, profile.availability) == ("all", 0.99)
    assert sla.profile(target(None), None) is profile


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("window: 30d\nprofiles: [{name: a, loss: 1}]", "2: profiles[a].loss: not a percentage: "),
        ("window: 30d\nprofiles: [{name: a}]", "2: profiles[a]: promises nothing; write one of "),
        ("window: 30d\nprofiles: [{nam: a, loss: 1%}]", "2: profiles[?].nam: unknown key; did you"),
        (
            "window: 30d\nprofiles:\n - {name: a, loss: 1%}\n - {name: a, loss: 2%}",
            "4: profiles[a].name: taken: 'a' is named at ",
        ),
        (
            "window: 30d\nprofiles: [{name: a, loss: 1%, purposes: [gatway]}]",
            "2: profiles[a].purposes[0]: not a word for this: 'gatway'; did you mean 'gateway'?",
        ),
        ("profiles: [{name: a, loss: 1%}]", "1: window: missing; "),
        ("window: 20m\nprofiles: []", "1: window: out of range: '20m'; write at least 1d"),
        ("window: 30d\nprofiles: 7", "2: profiles: a list belongs here"),
    ],
)
def test_one_mistake_gets_one_line(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "own.yaml").write_text(content + "\n")
    (tmp_path / "n.yaml").write_text("node: {name: n}\nsla: own.yaml\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path / "n.yaml")
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{tmp_path}/own.yaml:{says}")


def test_a_file_that_is_not_there_is_said_where_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text("node: {name: n}\nsla: gone.yaml\n")
    with pytest.raises(ConfigError, match=r"2: sla: cannot be read: .*gone\.yaml: No such file"):
        load(tmp_path / "n.yaml")
