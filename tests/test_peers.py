import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.peers import (
    KEEP_OLD,
    backfill,
    backfill_rules,
    classic_text_only,
    prometheus,
    promtool,
    scraping,
)
from tests.testbed import eventually

CLASSIC = "# HELP sample_ratio A ratio.\n# TYPE sample_ratio gauge\nsample_ratio 0.5\n"


class Exporter(BaseHTTPRequestHandler):
    """Answers with one gauge, in the format that was asked for first."""

    def do_GET(self) -> None:
        wanted = self.headers["Accept"].split(",")[0]
        is_open = wanted.startswith("application/openmetrics-text")
        body = CLASSIC + f'format_info{{wanted_open="{is_open}"}} 1\n' + "# EOF\n" * is_open
        self.send_response(200)
        self.send_header("Content-Type", wanted)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def exporter() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Exporter) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_prometheus_scrapes_openmetrics_and_through_the_proxy_the_classic_text(
    exporter: str, tmp_path: Path
) -> None:
    with (
        classic_text_only(exporter) as classic,
        prometheus(scraping(exporter, classic, interval_s=0.2), tmp_path) as server,
    ):
        eventually(lambda: server.value("sum(up)") == 2)
        formats = server.query("format_info")
        assert server.value("sum(sample_ratio)") == 1
        assert {it["health"] for it in server.targets()} == {"up"}
        assert server.rejected_samples() == 0
    assert {it["metric"]["instance"]: it["metric"]["wanted_open"] for it in formats} == {
        exporter: "True",
        classic: "False",
    }


def test_a_target_that_is_gone_is_seen_as_down_through_the_proxy(tmp_path: Path) -> None:
    with (
        classic_text_only("127.0.0.1:9") as dead,
        prometheus(scraping(dead, interval_s=0.2), tmp_path) as server,
    ):
        eventually(lambda: server.value("up") == 0)
        assert "502" in server.targets()[0]["lastError"]


def test_prometheus_that_cannot_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(AssertionError, match="unknown_key"),
        prometheus({"unknown_key": 1}, tmp_path),
    ):
        pass


def test_promtool_judges_metrics() -> None:
    good, bad = (
        promtool("check", "metrics", input_text=CLASSIC),
        promtool(
            "check",
            "metrics",
            input_text="# TYPE sample_milliseconds gauge\nsample_milliseconds 1\n",
        ),
    )
    assert (good.returncode, good.stdout + good.stderr) == (0, "")
    assert bad.returncode == 3
    assert "no help text" in bad.stderr


def test_old_samples_and_rules_that_rest_on_one_another_are_there_afterwards(
    tmp_path: Path,
) -> None:
    start_s, end_s = 1_700_000_000, 1_700_006_000
    moments = [it for it in range(start_s, end_s, 60) if not start_s + 3000 < it < start_s + 4200]
    backfill((f'old_ratio{{line="a"}} 0.5 {it}\n' for it in moments), tmp_path)
    rules = [
        {"record": "line:old:double", "expr": "2 * old_ratio"},
        {"record": "line:old:fourfold", "expr": "2 * line:old:double"},
    ]
    group = {"name": "old", "interval": "5m", "rules": rules}
    backfill_rules(group, tmp_path, start_s, end_s)
    with prometheus({}, tmp_path, *KEEP_OLD) as server:
        double, fourfold = (server.query(f"{it['record']}[2h]", end_s)[0]["values"] for it in rules)
    assert {value for _, value in fourfold} == {"2"}
    assert [at for at, _ in fourfold] == [at for at, _ in double]
    assert len(double) in {16, 17}  # a gap of 20 minutes: none is lengthened
