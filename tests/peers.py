"""A real Prometheus beside a test, and what a test asks of it."""

import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from prometheus_client.parser import text_string_to_metric_families

from tests.testbed import eventually, free_port, peer

CLASSIC_TEXT = "text/plain;version=0.0.4"

DIRECTLY = build_opener(ProxyHandler({}))
"""Opens loopback addresses, also where the environment names a proxy for the rest."""

KEEP_OLD = ("--storage.tsdb.retention.time=120d",)
"""Prometheus keeps 15 days otherwise."""

NO_LOOKING_BACK = "--query.lookback-delta=4m"
"""What promtool backfills has no marks of where a series ends, so that five minutes lengthen it."""

REJECTIONS = (
    "prometheus_target_scrapes_sample_duplicate_timestamp",
    "prometheus_target_scrapes_sample_out_of_bounds",
    "prometheus_target_scrapes_sample_out_of_order",
    "prometheus_target_scrapes_exceeded_sample_limit",
)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus.

    A question blocks: ask by `asyncio.to_thread` while something in this loop is being scraped.
    """

    url: str
    log: Path

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """Evaluate PromQL now or then: `[{"metric": {...}, "value": [time, "text"]}, ...]`."""
        then = {} if at_s is None else {"time": f"{at_s:.3f}"}
        return list(self.api("query", query=expression, **then)["result"])

    def value(self, expression: str) -> float | None:
        """Evaluate PromQL that gives at most one series; None if it gives none."""
        found = self.query(expression)
        assert len(found) < 2, f"{expression} gives {len(found)} series"
        return float(found[0]["value"][1]) if found else None

    def targets(self) -> list[dict[str, Any]]:
        """Return the active targets, with `health`, `lastError` and `scrapeUrl`."""
        return list(self.api("targets", state="active")["activeTargets"])

    def rejected_samples(self) -> float:
        """Count what was scraped and not taken, as Prometheus says of itself."""
        families = text_string_to_metric_families(_get(f"{self.url}/metrics"))
        return sum(it.samples[0].value for it in families if it.name in REJECTIONS)

    def api(self, path: str, **parameters: str) -> dict[str, Any]:
        """Return `data` of an answer of the HTTP API v1."""
        answer = json.loads(_get(f"{self.url}/api/v1/{path}?{urlencode(parameters)}"))
        assert answer["status"] == "success", answer
        return dict(answer["data"])


def scraping(*targets: str, interval_s: float = 1) -> dict[str, Any]:
    """Make a configuration that scrapes `/metrics` of each `host:port`, as job `netfold`."""
    every = f"{round(interval_s * 1000)}ms"
    job = {"job_name": "netfold", "static_configs": [{"targets": list(targets)}]}
    return {
        "global": {"scrape_interval": every, "scrape_timeout": every},
        "scrape_configs": [job],
    }


@contextmanager
def prometheus(config: Mapping[str, Any], folder: Path, *args: str) -> Iterator[Prometheus]:
    """Run Prometheus with `config` on a free loopback port; ready inside, gone afterwards.

    Its first scrape comes 5 s after it is ready: it lets the targets settle.

    Raises:
        UnavailableError: Prometheus is not to be had here.

    """
    with _prometheus(config, folder, f"--storage.tsdb.path={folder / 'data'}", *args) as server:
        yield server


@contextmanager
def agent_mode(config: Mapping[str, Any], folder: Path, *args: str) -> Iterator[Prometheus]:
    """Run one that keeps nothing and answers no query: it writes where `config` says."""
    own = ("--enable-feature=agent", f"--storage.agent.path={folder / 'data'}")
    with _prometheus(config, folder, *own, *args) as server:
        yield server


@contextmanager
def _prometheus(config: Mapping[str, Any], folder: Path, *args: str) -> Iterator[Prometheus]:
    folder.mkdir(parents=True, exist_ok=True)
    # JSON is YAML too.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    address = f"127.0.0.1:{free_port('tcp')}"
    with (
        (folder / "prometheus.log").open("w") as log,
        peer("prometheus").popen(
            f"--config.file={folder / 'prometheus.yml'}",
            f"--web.listen-address={address}",
            *args,
            cwd=folder,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        server = Prometheus(f"http://{address}", folder / "prometheus.log")
        try:
            eventually(lambda: _is_ready(server, process), deadline_s=30)
            yield server
        finally:
            _stop(process)


def promtool(
    *args: str | Path, input_text: str = "", cwd: Path | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run promtool, as `promtool("check", "metrics", input_text=text)`."""
    return peer("promtool").run(*args, input_text=input_text, cwd=cwd)


def backfill(openmetrics: Iterable[str], folder: Path) -> None:
    """Give old samples to the Prometheus that will be run in `folder`.

    Each is a line `name{label="value"} number time_s`, in order of time within its series.

    Raises:
        UnavailableError: promtool is not to be had here.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "old.om").open("w") as file:
        file.writelines(openmetrics)
        file.write("# EOF\n")
    _create_blocks(folder, "openmetrics", "old.om", "data")


def backfill_rules(group: Mapping[str, Any], folder: Path, start_s: float, end_s: float) -> None:
    """Record a group of rules over the old samples in `folder`, as Prometheus would have then.

    A rule sees what another one of its group recorded only in the next pass, and Prometheus sees
    new blocks at its next start: one of each for the longest chain of rules.
    """
    # A relative name: rules are evaluated at an offset that Prometheus makes of name and file.
    (folder / "group.yml").write_text(json.dumps({"groups": [group]}))
    for _ in range(_longest_chain(group["rules"])):
        with prometheus({}, folder, *KEEP_OLD, NO_LOOKING_BACK) as server:
            where = ("--url", server.url, "--output-dir", "data")
            period = ("--start", f"{start_s:.0f}", "--end", f"{end_s:.0f}")
            _create_blocks(folder, "rules", *where, *period, "group.yml")


@contextmanager
def classic_text_only(target: str) -> Iterator[str]:
    """Stand before `host:port` and ask it for text 0.0.4 only; the `host:port` to scrape instead.

    Debian's Prometheus always prefers OpenMetrics, so it would never see the classic text.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            request = Request(f"http://{target}{self.path}", headers={"Accept": CLASSIC_TEXT})
            try:
                answer = DIRECTLY.open(request, timeout=10)
            except OSError as error:
                self.send_error(502, str(error))
                return
            with answer:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.headers["Content-Type"])
                self.end_headers()
                self.wfile.write(answer.read())

        def log_message(self, *_: object) -> None:
            """Say nothing: the test does."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False  # so that leaving waits for them
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _create_blocks(folder: Path, *args: str) -> None:
    # Without the hidden flag blocks are of two hours, and there are hundreds.
    command = ("tsdb", "create-blocks-from", "--max-block-duration=768h", "--quiet", *args)
    said = promtool(*command, cwd=folder)
    assert said.returncode == 0, said.stdout + said.stderr


def _longest_chain(rules: Sequence[Mapping[str, Any]]) -> int:
    """How many rules rest on one another at most; each only on earlier ones."""
    lengths: dict[str, int] = {}
    for rule in rules:
        named = re.findall(r"[\w:]+", rule["expr"])
        lengths[rule["record"]] = 1 + max((lengths.get(it, 0) for it in named), default=0)
    return max(lengths.values())


def _is_ready(server: Prometheus, process: "subprocess.Popen[str]") -> bool:
    ended = process.poll()
    assert ended is None, f"prometheus ended with {ended}:\n{server.log.read_text()}"
    try:
        return bool(_get(f"{server.url}/-/ready"))
    except OSError:
        return False


def _stop(process: "subprocess.Popen[str]", patience_s: float = 10) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()


def _get(url: str) -> str:
    with DIRECTLY.open(url, timeout=10) as answer:
        return str(answer.read().decode())
