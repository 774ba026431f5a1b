"""The example of docs/adding-a-vendor.md, taken from the page and dropped into the package."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.snmp import profiles
from collectors.snmp.agent import Agent
from collectors.snmp.host import Memory, read_host
from collectors.snmp.profiles import choose
from tests.recorded import Recorded
from tests.snmpd import COMMUNITY

PAGE = Path(__file__).parents[1] / "docs" / "adding-a-vendor.md"


def block(language: str) -> str:
    """The page's one block in that language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert isinstance(text, str)
    return text


@pytest.fixture
def one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of profiles with the page's file in it, while a test runs."""
    folder = shutil.copytree(profiles.FOLDER, tmp_path / "profiles")
    (folder / "example.yaml").write_text(block("yaml"), encoding="utf-8")
    monkeypatch.setattr(profiles, "FOLDER", folder)
    profiles.shipped.cache_clear()
    yield folder
    profiles.shipped.cache_clear()


@pytest.mark.usefixtures("one_more")
async def test_the_example_reads_its_recording_as_the_page_says(tmp_path: Path) -> None:
    recording = tmp_path / "host_example.snmprec"
    recording.write_text(block("text"))
    client = Recorded(recording)
    profile = choose(str(client.values["1.3.6.1.2.1.1.2.0"]))
    assert profile.vendor == "Example Networks"
    host = await read_host(client, Agent("198.51.100.1", 161, COMMUNITY), profile)
    processors = {it.description: it.utilisation_ratio for it in host.processors}
    assert processors == pytest.approx({"Slot 1": 0.3, "Slot 2": 0.0})
    assert host.memory == (
        Memory("Slot 1", 2**31, 2**30, 0.5),
        Memory("Slot 2", 2**31, 0, 0.0),
    )


def test_every_key_of_a_profile_is_explained_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    models = (profiles.Profile, profiles.Processors, profiles.Pools, profiles.Condition)
    for key in {key for model in models for key in model.model_fields}:
        assert re.search(rf"\b{key}\b", page), key
