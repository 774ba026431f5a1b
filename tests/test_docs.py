"""What the documents promise is there."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from agent.catalogue import page
from agent.cli import COMMANDS
from collectors.base import Reason
from config.load import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_reason_and_every_alert_has_one_section_in_the_operating_manual() -> None:
    headings = Counter(re.findall(r"^### (\w+)$", OPERATING, re.MULTILINE))
    generated = ROOT / "dashboards" / "generated" / "alerts.yml"
    groups = yaml.safe_load(generated.read_text(encoding="utf-8"))["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]
    assert {name: headings[name] for name in (*Reason, *alerts)} == dict.fromkeys(
        (*Reason, *alerts), 1
    )


def test_every_link_to_a_section_of_the_operating_manual_leads_to_one() -> None:
    titles = re.findall(r"^#+ (.+)$", OPERATING, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", it).lower().replace(" ", "-") for it in titles}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    text = "".join(it.read_text(encoding="utf-8") for it in pages if it.name != "operating.md")
    linked = re.findall(r"\]\(#([^)]+)\)", OPERATING) + re.findall(r"operating\.md#([\w-]+)", text)
    assert set(linked) <= anchors


def test_the_page_of_metrics_is_what_the_code_says() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == page()


def test_the_readmes_configuration_is_the_smallest_one_and_loads(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    shipped = (ROOT / "config" / "smallest.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == yaml.safe_load(shipped)
    (tmp_path / "netfold.yaml").write_text(text)
    for name in ("auth.key", "priv.key"):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text("long enough\n")
    config = load(tmp_path / "netfold.yaml")
    assert [link.bandwidth_bps for link in config.links] == [100e6]


def test_every_command_that_the_readme_shows_exists() -> None:
    shown = set(re.findall(r"^\.venv/bin/netfold (\w+)", README, re.MULTILINE))
    assert shown == set(COMMANDS)
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "README.zh-CN.md",
        "CONTRIBUTING.md",
        *sorted(str(it.relative_to(ROOT)) for it in (ROOT / "docs").glob("*.md")),
    ],
)
def test_every_link_between_the_pages_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8")):
        assert "://" in target or (folder / target).exists(), target
