"""A Prometheus and a VictoriaMetrics answer from a bundle with the values that the node had."""

import json
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from agent.bundle import store
from agent.bundle.openmetrics import write
from tests.bundle_lab import LINKS, NODE, START, Node, level, node, rates, remember
from tests.peers import DIRECTLY, NO_LOOKING_BACK, backfill, prometheus
from tests.victoria import victoria

QUIET = LINKS[2]
RECEIVE = f'netfold_bundle_link_receive_bytes_per_second{{instance="{NODE}",link="{QUIET}"}}'


@pytest.fixture
def home(tmp_path: Path) -> Node:
    return node(tmp_path / "home")


@pytest.fixture
def text(home: Node, tmp_path: Path) -> str:
    """Two bundles, the second of which has some ticks of the first anew."""
    home.create(START + 16)
    remember(home, START - 4, 4)
    home.create(START + 24, since_s=(START + 12) * 300)
    kept = [store.take(home.file(n), home.public, tmp_path / "in").kept for n in (1, 2)]
    write(kept, kept, home.public, tmp_path / "out.om")
    return (tmp_path / "out.om").read_text()


def test_the_text_is_strict_openmetrics_with_each_sample_once(text: str) -> None:
    assert text.endswith("\n# EOF\n")
    found = {
        (sample.name, sample.labels.get("link"), float(sample.timestamp)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith(("netfold_bundle", "netfold_link_capacity"))
    }
    received = RECEIVE.split("{", maxsplit=1)[0]
    lines = [it for it in text.splitlines() if it.startswith(f"{received}{{")]
    assert len(lines) == len(set(lines)) == 24 * 3 - 2
    for tick in range(START, START + 24):
        assert found[received, QUIET, (tick + 1) * 300] == rates(2, tick)[0] / 8


def test_prometheus_answers_from_a_bundle_with_the_same_values(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "prometheus"
    backfill([it + "\n" for it in text.splitlines() if it != "# EOF"], folder)
    with prometheus({}, folder, "--storage.tsdb.retention.time=100y", NO_LOOKING_BACK) as server:
        for tick in (START, START + 11, START + 12, START + 15, START + 16, START + 23):
            (found,) = server.query(RECEIVE, (tick + 1) * 300)
            assert float(found["value"][1]) == rates(2, tick)[0] / 8
        cpu = f'netfold_bundle_server_cpu_ratio{{instance="{NODE}"}}'
        (found,) = server.query(cpu, (START + 8) * 300)
        assert float(found["value"][1]) == level(START + 7)
        verdict = f'netfold_link_verdict{{instance="{NODE}",link="{QUIET}"}} == 1'
        (found,) = server.query(verdict, (START + 24) * 300)
        assert found["metric"]["status"] == "unknown"


def test_victoriametrics_takes_the_same_file_and_answers_with_the_same_values(
    text: str, tmp_path: Path
) -> None:
    with victoria([], tmp_path / "victoria") as url:
        post(f"{url}/api/v1/import/prometheus", text)
        post(f"{url}/internal/force_flush", "")
        for tick in (START, START + 12, START + 23):
            asked = urlencode({"query": RECEIVE, "time": (tick + 1) * 300, "step": "1s"})
            with DIRECTLY.open(f"{url}/api/v1/query?{asked}", timeout=10) as answer:
                (found,) = json.load(answer)["data"]["result"]
            # It keeps decimals of some 13 digits, and no floats.
            assert float(found["value"][1]) == pytest.approx(rates(2, tick)[0] / 8, rel=1e-11)


def post(url: str, body: str) -> None:
    with DIRECTLY.open(Request(url, data=body.encode()), timeout=10) as answer:  # noqa: S310 - loopback
        answer.read()
