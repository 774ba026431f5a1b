"""The example of docs/adding-a-collector.md, taken from the page and dropped into the package."""

import asyncio
import importlib
import re
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime

import pytest

import collectors
from agent.catalogue import catalogue
from agent.exposition import Exposition
from agent.observe import Observation, observe
from collectors.base import Collector, Moment, Reason, Sample, Target, Tools, discover, find
from config.load import load
from config.problems import ConfigError

PAGE = Path(__file__).parents[1] / "docs" / "adding-a-collector.md"
WRITTEN_FOR = "198.51.100.25, port: 25"


def block(language: str) -> str:
    """The page's one block of code in that language."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert isinstance(text, str)
    return text


@pytest.fixture
def greeting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """The page's collector, in one new file on the package's path while a test runs."""
    (tmp_path / "greeting.py").write_text(block("python"), encoding="utf-8")
    monkeypatch.setattr(collectors, "__path__", [*collectors.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    found = find("greeting")
    assert found is not None
    yield found
    del sys.modules["collectors.greeting"]
    del collectors.greeting  # type: ignore[attr-defined]  # the import set it


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    path = tmp_path / "netfold.yaml"
    path.write_text(f"node: {{name: here}}\n{block('yaml')}", encoding="utf-8")
    return path


@asynccontextmanager
async def saying(greeting: bytes) -> AsyncIterator[int]:
    """Listen on a free loopback port; who connects is told this, or nothing."""
    handlers: list[asyncio.Task[None]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.extend(filter(None, [asyncio.current_task()]))
        writer.write(greeting)
        await reader.read()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        for handler in handlers:
            await handler


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, kept from others meanwhile."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


def written_for(config_file: Path, port: int) -> Target:
    """The probe of an operator who wrote the page's lines, but for a port here."""
    text = config_file.read_text(encoding="utf-8")
    assert WRITTEN_FOR in text
    here = text.replace(WRITTEN_FOR, f"127.0.0.1, port: {port}, timeout: 300ms")
    config_file.write_text(here, encoding="utf-8")
    (target,) = load(config_file).probes
    return target


async def observed(config_file: Path, collector: Collector, port: int) -> Observation:
    tools = Tools(lambda: Moment(0, clock_gettime(CLOCK_BOOTTIME)))
    observation = await observe(collector, written_for(config_file, port), tools)
    await tools.close()
    return observation


def test_the_new_kind_is_discovered_and_its_metric_catalogued(greeting: Collector) -> None:
    assert greeting in discover()
    assert "netfold_probe_greeting_seconds" in {metric.name for metric in catalogue()}


def test_the_package_is_as_before_without_the_file() -> None:
    assert find("greeting") is None
    assert "greeting" not in {one.kind for one in discover()}


def test_the_pages_configuration_is_taken_as_it_stands(
    greeting: Collector, config_file: Path
) -> None:
    (target,) = load(config_file).probes
    assert isinstance(target, greeting.target)
    assert target.model_dump(include={"port", "expect"}) == {"port": 25, "expect": "220"}


def test_a_slip_in_the_options_is_said_with_what_was_meant(
    greeting: Collector, config_file: Path
) -> None:
    text = config_file.read_text(encoding="utf-8")
    config_file.write_text(text.replace("port:", "prot:"), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"netfold\.yaml:3: .*prot.*did you mean 'port'"):
        load(config_file)


async def test_the_right_greeting_is_measured_and_stands_on_metrics(
    greeting: Collector, config_file: Path
) -> None:
    async with saying(b"220 mail.example.net ESMTP\r\n") as port:
        observation = await observed(config_file, greeting, port)
    assert observation.reason is None, observation.detail
    (sample,) = observation.measurements
    assert isinstance(sample, Sample)
    assert 0 < sample.value < 0.3
    exposition = Exposition()
    exposition.put("mail", [sample])
    assert b'\nnetfold_probe_greeting_seconds{target="mail"} 0.' in exposition.render(0)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(b"554 no\r\n", Reason.UNEXPECTED_CONTENT, id="another-greeting"),
        pytest.param(b"", Reason.TIMEOUT, id="silence"),
    ],
)
async def test_a_greeting_that_is_wrong_or_does_not_come_is_a_named_failure(
    greeting: Collector, config_file: Path, said: bytes, reason: Reason
) -> None:
    async with saying(said) as port:
        observation = await observed(config_file, greeting, port)
    assert observation.reason is reason


async def test_a_refused_connection_is_a_named_failure(
    greeting: Collector, config_file: Path, closed_port: int
) -> None:
    observation = await observed(config_file, greeting, closed_port)
    assert (observation.reason, observation.detail) == (
        Reason.REFUSED,
        "127.0.0.1: Connection refused",
    )
