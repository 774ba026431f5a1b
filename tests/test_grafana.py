"""What Grafana is given to read, held against its manual: no Grafana is to be had here."""

from pathlib import Path, PurePosixPath

import pytest
import yaml

from dashboards.build import GENERATED

ROOT = Path(__file__).parents[1]
CENTRE = GENERATED.parent / "centre"
PROVISIONING = GENERATED.parent / "grafana" / "provisioning"

KEYS: dict[str, dict[str, type]] = {
    "datasources": {
        **dict.fromkeys(("name", "type", "access", "uid", "url", "user", "database"), str),
        **dict.fromkeys(("basicAuth", "withCredentials", "isDefault", "editable"), bool),
        **dict.fromkeys(("orgId", "version"), int),
        **dict.fromkeys(("jsonData", "secureJsonData"), dict),
    },
    "providers": {
        **dict.fromkeys(("name", "folder", "folderUid", "type"), str),
        **dict.fromkeys(("disableDeletion", "allowUiUpdates"), bool),
        **dict.fromkeys(("orgId", "updateIntervalSeconds"), int),
        "options": dict,
    },
}
"""The keys that Grafana's manual names under "Provision Grafana", and what their values are."""

OPTIONS: dict[str, dict[str, type]] = {
    "datasources": dict.fromkeys(("httpMethod", "prometheusType", "timeInterval"), str),
    "providers": {"path": str, "foldersFromFilesStructure": bool},
}
"""Those of a Prometheus within jsonData, and of provider type file within options."""


@pytest.mark.parametrize(
    ("room", "key"), [("datasources", "datasources"), ("dashboards", "providers")]
)
def test_grafana_is_provisioned_with_keys_that_its_manual_names(room: str, key: str) -> None:
    files = list((PROVISIONING / room).iterdir())
    assert [it.suffix for it in files] == [".yaml"]
    content = yaml.safe_load(files[0].read_text(encoding="utf-8"))
    assert set(content) == {"apiVersion", key}
    assert content["apiVersion"] == 1
    for one in content[key]:
        assert {it: type(one[it]) for it in one} == {it: KEYS[key][it] for it in one}
        inner = one["jsonData" if key == "datasources" else "options"]
        assert {it: type(inner[it]) for it in inner} == {it: OPTIONS[key][it] for it in inner}


def test_grafana_reads_the_centre_as_often_as_it_scrapes() -> None:
    """$__rate_interval is four of them: a wrong one leaves curves empty."""
    content = yaml.safe_load((PROVISIONING / "datasources" / "netfold.yaml").read_text("utf-8"))
    for name in ("prometheus.yml", "agent.yml"):
        every = yaml.safe_load((CENTRE / name).read_text("utf-8"))["global"]["scrape_interval"]
        assert {it["jsonData"]["timeInterval"] for it in content["datasources"]} == {every}
    assert len({it["uid"] for it in content["datasources"]}) == len(content["datasources"])


def test_grafana_finds_every_board_in_the_folder_that_the_manual_installs() -> None:
    content = yaml.safe_load((PROVISIONING / "dashboards" / "netfold.yaml").read_text("utf-8"))
    (provider,) = content["providers"]
    path = PurePosixPath(provider["options"]["path"])
    assert path.parts[:3] == ("/", "opt", "netfold")
    assert sorted(ROOT.joinpath(*path.parts[3:]).glob("*.json")) == sorted(
        GENERATED.glob("en/*.json")
    )
