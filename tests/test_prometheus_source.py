"""A Prometheus that is asked for windows: what it scraped, and every way of answering badly.

A server that breaks off, lies or redirects cannot be made of a real one: here a stand-in answers.
"""

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from agent.judge.bounds import Traffic
from agent.sources import promapi
from agent.sources.prometheus import PrometheusReader
from agent.sources.scraped import Line
from agent.sources.windows import SourceError
from config.prometheus import PrometheusAccess
from tests.agentproc import netfold, write

TICK = 6_000_000
START_S = TICK * 300.0
SAMPLED = ("receive_bytes_total", "transmit_bytes_total", "seen_since_timestamp_seconds")
ANYBODY = PrometheusAccess()
Answer = Callable[[BaseHTTPRequestHandler, Mapping[str, str]], None]


@contextmanager
def serving(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer each question by `answer`; the server's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            answer(self, {name: texts[0] for name, texts in form.items()} | {"path": self.path})

        def log_message(self, *_: object) -> None:
            """Say nothing: the test does."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"{'https' if context else 'http'}://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def says(status: int, body: bytes, length: int | None = None, **headers: str) -> Answer:
    """Always say this; a `length` that is not the body's breaks the answer off."""

    def answer(request: BaseHTTPRequestHandler, _: Mapping[str, str]) -> None:
        request.send_response(status)
        for name, text in headers.items():
            request.send_header(name, text)
        request.send_header("Content-Length", str(length or len(body)))
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(body)
        request.close_connection = True

    return answer


def holding(
    counters: Mapping[str, Sequence[tuple[float, ...]]],
    labels: Mapping[str, str] | None = None,
    sampled: Sequence[str] = SAMPLED,
    **more: Any,
) -> Answer:
    """Answer as a server that scraped these links at these times; their capacity is 100M.

    The agent says that it saw all, as long as no scrape names another moment as its fourth.
    """

    def answer(request: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        result = []
        for link, scrapes in counters.items():
            own = {"link": link, **(labels or {})}
            if form["path"].endswith("query_range"):
                name = "netfold_link_capacity_bytes_per_second"
                values = [[float(form["start"]), "12500000"]]
                result.append({"metric": {"__name__": name, **own}, "values": values})
                continue
            length_s = float(form["query"].rsplit("[", 1)[1].removesuffix("ms]")) / 1000
            end_s = float(form["time"])
            inside = [it for it in scrapes if end_s - length_s <= it[0] <= end_s]
            for at, name in enumerate(sampled, 1):
                metric = {"__name__": f"netfold_link_{name}", **own}
                values = [[it[0], str((*it, START_S - 900)[at])] for it in inside]
                result += [{"metric": metric, "values": values}] if values else []
        data = {"resultType": "matrix", "result": result}
        body = json.dumps({"status": "success", "data": data, **more}).encode()
        says(200, body)(request, form)

    return answer


def scrapes(count: int, step_s: float = 60, each: int = 6000) -> list[tuple[float, int, int]]:
    """Scrapes from before the first tick on, `each` octets between two."""
    return [(START_S - 30 + n * step_s, n * each, n * 100) for n in range(count)]


def window(
    url: str, link: str = "a", ticks: int = 3, access: PrometheusAccess = ANYBODY
) -> Traffic:
    with PrometheusReader(url, access) as reader:
        ((name, found),) = reader.traffic([link], TICK, ticks)
    assert name == link
    return found


def test_scraped_counters_become_the_ticks_that_the_agent_has() -> None:
    with serving(holding({"a": scrapes(18)})) as url:
        found = window(url)
    np.testing.assert_allclose(found.receive, [800.0] * 3)
    np.testing.assert_allclose(found.transmit, [100 * 8 / 60] * 3)
    assert list(found.capacity) == [100e6] * 3


def test_a_link_that_the_server_holds_nothing_of_is_unseen_and_never_idle(
    tmp_path: Path,
) -> None:
    """Also where the list of series shrinks: what is missing is not taken for silence."""
    path = department(tmp_path)
    with serving(holding({"other": scrapes(18)})) as url:
        done = netfold("assess", "-c", path, "--prometheus", url, "--json")
    assert "the server holds nothing of these links, all is unseen" in done.stderr
    assert [it["status"] for it in json.loads(done.stdout)] == ["unknown", "unknown"]


def test_systems_are_left_out_in_one_line_and_another_policy_is_tried_on_the_rest(
    tmp_path: Path,
) -> None:
    path = department(tmp_path, systems=[{"name": "leave", "ports": [8443]}])
    write(tmp_path / "lax.yaml", {"links": {"window": "1d", "confirm_after": "1d"}})
    args = ("assess", "-c", path, "--at", "2027-01-15T08:00", "--policy", tmp_path / "lax.yaml")
    with serving(holding({"a": scrapes(18)})) as url:
        done = netfold(*args, "--prometheus", url)
        said = json.loads(netfold(*args, "--prometheus", url, "--json").stdout)
    assert done.stderr.count("systems are not judged by a Prometheus") == 1
    assert "0 of 2 subjects change under this policy" in done.stdout
    assert [(it["kind"], it["subject"]) for it in said] == [("link", "a"), ("network", "edu")]
    assert said[0]["evidence"]["ticks"] == 288


def polled(moved: Callable[[int], bool], count: int = 24) -> list[tuple[float, int, int, float]]:
    """Scrapes of a silent counter, at some of which the agent had a gap up to its last poll."""
    since_s, found = START_S - 900, []
    for at_s, *_ in scrapes(count):
        since_s = at_s - 1 if moved(len(found)) else since_s
        found.append((at_s, 7, 7, since_s))
    return found


def test_a_counter_that_stands_still_is_no_silence_where_the_agent_knew_no_rate() -> None:
    with serving(holding({"a": polled(lambda _: False)})) as url:
        assert list(window(url, ticks=4).rate) == [0] * 4
    # What stood still for six minutes before the gap may have been its last poll, shown again.
    with serving(holding({"a": polled(lambda n: n == 14)})) as url:
        assert list(np.isnan(window(url, ticks=4).rate)) == [False, True, True, False]
    with serving(holding({"a": polled(lambda _: True)})) as url:
        assert np.isnan(window(url, ticks=4).rate).all()


def test_what_stood_on_metrics_while_its_device_was_silent_is_no_silence() -> None:
    """Polled every 120 s, a device is away for 10 minutes: its values stand for 6 of them."""
    scraped = polled(lambda n: n == 14)
    away = [it for it in scraped if not 6 < (it[0] - START_S) / 60 < 13]
    with serving(holding({"a": away})) as url:
        assert list(np.isnan(window(url, ticks=4).rate)) == [True, True, True, False]


@pytest.mark.parametrize(
    ("speed_bps", "is_seen"),
    [
        pytest.param(100e6, True, id="32-bits-cannot-wrap-between-polls"),
        pytest.param(1e9, False, id="a-fast-port"),
        pytest.param(np.nan, False, id="no-speed-is-known"),
    ],
)
def test_an_older_agent_is_believed_only_where_it_cannot_be_wrong(
    speed_bps: float, is_seen: bool
) -> None:
    line = Line(TICK, np.full(3, speed_bps), 300.0)
    for at_s, *octets in scrapes(20):
        line.take(at_s, *octets)
    line.end()
    assert list(np.isnan(line.receive)) == [not is_seen] * 3


def test_an_older_agent_is_named_in_one_line(tmp_path: Path) -> None:
    path = department(tmp_path)
    with serving(holding({"a": scrapes(18)}, sampled=SAMPLED[:2])) as url:
        done = netfold("assess", "-c", path, "--prometheus", url, "--at", "2027-01-15T08:20")
    assert done.stderr.count("\n") == 1
    assert "an older agent was scraped" in done.stderr
    assert "netfold_link_seen_since_timestamp_seconds" in done.stderr


def test_a_series_that_ends_is_unseen_from_there_on() -> None:
    with serving(holding({"a": scrapes(8)})) as url:
        found = window(url)
    assert list(np.isnan(found.rate)) == [False, True, True]


def test_a_gap_of_more_than_a_tick_is_unseen_and_so_is_a_counter_that_fell() -> None:
    gap = [it for it in scrapes(28) if not START_S + 290 < it[0] < START_S + 630]
    fallen = [(at, n % 3000, n) for at, n, _ in scrapes(18, each=500)]
    with serving(holding({"a": gap})) as url:
        assert list(np.isnan(window(url, ticks=4).rate)) == [True, True, True, False]
    with serving(holding({"a": fallen})) as url:
        assert list(np.isnan(window(url).rate)) == [True, True, True]


def test_two_agents_links_of_one_name_are_told_apart_by_the_label_that_is_written() -> None:
    def answer(request: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        its = [
            it
            for it in ("x", "y")
            if 'instance="' not in form["query"] or f'"{it}"' in form["query"]
        ]
        body: dict[str, Any] = {"status": "success", "data": {"result": []}}
        for instance in its if form["path"].endswith("query") else []:
            for name in SAMPLED:
                metric = {"__name__": f"netfold_link_{name}"}
                octets = [it[1] for it in scrapes(18)] if "bytes" in name else [7] * 18
                values = [[it[0], str(n)] for it, n in zip(scrapes(18), octets, strict=True)]
                row = {"metric": metric | {"link": "a", "instance": instance}, "values": values}
                body["data"]["result"].append(row)
        says(200, json.dumps(body).encode())(request, form)

    with serving(answer) as url:
        said = (
            "there twice at one time, with instance 'x' and 'y'; write under prometheus: labels: {"
        )
        with pytest.raises(SourceError, match=said):
            window(url)
        own = PrometheusAccess(labels={"instance": "y"})
        assert not np.isnan(window(url, access=own).rate).any()


def test_a_long_window_is_asked_for_in_chunks() -> None:
    asked: list[Mapping[str, str]] = []

    def answer(request: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        asked.append(form)
        holding({"a": scrapes(60 * 24)})(request, form)

    told: list[float] = []
    with serving(answer) as url, PrometheusReader(url, ANYBODY, told.append) as reader:
        ((_, found),) = reader.traffic(["a"], TICK, 24_000)
    ranges = [it for it in asked if it["path"].endswith("query_range")]
    points = [(float(it["end"]) - float(it["start"])) / float(it["step"]) + 1 for it in ranges]
    assert points == [10_000, 10_000, 4_000]
    assert len(asked) == 3 + len(told)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
    assert np.count_nonzero(~np.isnan(found.rate)) == 60 * 24 // 5 - 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(
            says(422, b'{"status":"error","errorType":"execution","error":"too many samples"}'),
            r"it says \(HTTP 422\): execution: too many samples$",
            id="its-own-error",
        ),
        pytest.param(
            says(503, b'{"status":"error","errorType":"timeout","error":"timed\\nout"}'),
            r"it says \(HTTP 503\): timeout: timed out$",
            id="its-own-timeout",
        ),
        pytest.param(
            says(200, b"<html>welcome"),
            r"no answer of a Prometheus API \(HTTP 200\): '<html>welcome'; name the server's",
            id="not-json",
        ),
        pytest.param(
            says(200, b'{"took": 3, "hits": []}'), "no answer of a Prometheus API", id="another-api"
        ),
        pytest.param(
            says(404, b"404 page not found"), r"\(HTTP 404\): '404 page", id="no-such-page"
        ),
        pytest.param(
            says(200, b'{"status":"success","data":{"result":[{"value":[1,"2"]}]}}'),
            "its answer holds no series",
            id="another-result",
        ),
        pytest.param(
            says(200, b'{"status":"success","da'), "no answer of a Prometheus", id="truncated-well"
        ),
        pytest.param(
            says(200, b'{"status":"success","da', length=900), "cannot be asked: ", id="broken-off"
        ),
        pytest.param(
            says(502, b"bad gateway"), r"the gateway before it has no answer \(HTTP 502\)", id="502"
        ),
        pytest.param(
            says(302, b"", Location="https://elsewhere.example/"),
            "it redirects to 'https://elsewhere.example/'; name the server itself",
            id="redirect",
        ),
        pytest.param(
            says(401, b"no"), r"does not let us in \(HTTP 401\); write bearer, or user", id="401"
        ),
    ],
)
def test_a_bad_answer_is_one_line_that_names_the_server(answer: Answer, message: str) -> None:
    with serving(answer) as url, pytest.raises(SourceError, match=message) as caught:
        window(url)
    assert str(caught.value).startswith(f"{url}: ")
    assert "\n" not in str(caught.value)


def test_an_answer_that_stops_in_the_middle_is_waited_for_no_longer_than_it_may_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(promapi.Api.__init__, "__defaults__", (0.3,))
    ended = threading.Event()

    def answer(request: BaseHTTPRequestHandler, _: Mapping[str, str]) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "900")
        request.end_headers()
        request.wfile.write(b'{"status":')
        request.wfile.flush()
        ended.wait(20)
        request.close_connection = True

    with serving(answer) as url:
        try:
            with pytest.raises(SourceError, match=r"no whole answer within 0\.3 s; is it up"):
                window(url)
        finally:
            ended.set()


def test_an_answer_that_broke_off_once_is_asked_for_again() -> None:
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        asked.append(form["path"])
        how = says(200, b"{", length=99) if len(asked) == 1 else holding({"a": scrapes(18)})
        how(request, form)

    with serving(answer) as url:
        assert not np.isnan(window(url).rate).any()


def test_an_answer_larger_than_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(promapi, "MOST_BYTES", 2**20)
    with (
        serving(says(200, b" " * 2**21)) as url,
        pytest.raises(SourceError, match="one answer is larger than 1 MiB"),
    ):
        window(url)


@pytest.mark.parametrize(
    ("more", "text"),
    [({"warnings": ["store s2 is down"]}, "store s2 is down"), ({"isPartial": True}, "partial")],
    ids=["thanos", "victoriametrics"],
)
def test_warnings_are_shown_once_and_what_they_leave_out_is_unseen(
    tmp_path: Path, more: dict[str, Any], text: str
) -> None:
    path = department(tmp_path)
    with serving(holding({"a": scrapes(8)}, None, **more)) as url:
        done = netfold("explain", "a", "-c", path, "--prometheus", url, "--at", "2027-01-15T08:20")
    assert done.returncode == 0
    assert done.stderr.count(text) == 1
    assert done.stdout.splitlines()[0] == "link a: unknown"
    assert "of 8640 ticks were seen" in done.stdout


def test_secrets_are_sent_to_the_server_and_shown_nowhere(tmp_path: Path) -> None:
    seen: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler, form: Mapping[str, str]) -> None:
        seen.append(request.headers["Authorization"])
        says(401, b"")(request, form)

    (tmp_path / "key").write_text("hunter2-hunter2\n")
    (tmp_path / "key").chmod(0o600)
    secret = {"file": "key"}
    ways = ({"bearer": secret}, {"user": "ada", "password": secret})
    with serving(answer) as url:
        said = [
            netfold("assess", "-c", department(tmp_path, prometheus=way), "--prometheus", url)
            for way in ways
        ]
    basic = base64.b64encode(b"ada:hunter2-hunter2").decode()
    assert seen == ["Bearer hunter2-hunter2", f"Basic {basic}"]
    assert {it.returncode for it in said} == {1}
    assert "hunter2" not in "".join(it.stdout + it.stderr for it in said)


def test_a_private_authority_is_believed_where_it_is_named_and_nowhere_else(
    tmp_path: Path,
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with serving(holding({"a": scrapes(18)}), context) as url:
        trusted = PrometheusAccess(ca=tmp_path / "ca.pem")
        assert not np.isnan(window(url, access=trusted).rate).any()
        with pytest.raises(SourceError, match="certificate verify failed"):
            window(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("127.0.0.1:9090", "not an address: '127.0.0.1:9090'; write as http://127.0.0.1:9090"),
        ("http://ada:hunter2@127.0.0.1", "no user or password in the address"),
        ("ftp://ada:hunter2@127.0.0.1", "no user or password in the address"),
        ("http://198.51.100.1:9090", "would be told a secret in the clear; ask it by https"),
    ],
)
def test_an_address_that_cannot_be_asked_is_bad_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, message: str
) -> None:
    monkeypatch.setenv("NETFOLD_TOKEN", "hunter2-hunter2")
    path = department(tmp_path, prometheus={"bearer": {"env": "NETFOLD_TOKEN"}})
    done = netfold("assess", "-c", path, "--prometheus", url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
    assert "hunter2" not in done.stderr


def test_a_server_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with serving(says(200, b"")) as url:
        pass
    done = netfold("assess", "-c", department(tmp_path), "--prometheus", url)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith(f"{url}: cannot be asked: Cannot connect to host")
    alone = netfold("assess", "--prometheus", url)
    assert alone.returncode == 2
    assert alone.stderr.startswith("--prometheus needs -c FILE")


def test_scrapes_between_two_polls_do_not_make_a_full_port_look_impossible() -> None:
    """A port at 90 % of 100 Mbit/s, polled every 120 s, scraped every 15 s with some jitter."""
    random = np.random.default_rng(1)
    line = Line(TICK, np.full(10, 100e6), 300.0)
    for at_s in (START_S - 300 + np.arange(0, 3900, 15) + random.uniform(0, 1, 260)).tolist():
        polled_s = at_s // 120 * 120
        line.take(at_s, polled_s * 90e6 / 8, 0)
    line.end()
    np.testing.assert_allclose(line.receive, 90e6, rtol=0.07)


def test_what_no_port_can_carry_is_left_out() -> None:
    line = Line(TICK, np.full(3, 100e6), 300.0)
    for at_s, octets, _ in scrapes(20):
        line.take(at_s, octets + (2**33 if at_s > START_S + 400 else 0), 0)
    line.end()
    assert list(np.isnan(line.receive)) == [False, True, False]


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 10**6)), max_size=60))
def test_no_scrapes_show_more_than_the_counters_counted(its: list[tuple[int, int]]) -> None:
    line = Line(TICK, np.full(10, np.nan), 300.0)
    total = 0
    for at_s, more in sorted(its):
        total += more
        line.take(START_S + at_s, total, 0, START_S)
    line.end()
    assert np.nansum(line.receive) * 300 <= total * 8 * (1 + 1e-9)


def department(folder: Path, **more: Any) -> Path:
    path = folder / "netfold.yaml"
    link = {"name": "a", "network": "edu", "bandwidth": "100M", "interface": {"local": "lo"}}
    networks = [{"name": "edu", "kind": "dedicated"}]
    write(path, {"node": {"name": "n"}, "networks": networks, "links": [link], **more})
    return path


@pytest.mark.parametrize(
    ("prometheus", "message"),
    [
        ({"bearer": "hunter2-hunter2"}, "prometheus.bearer: a secret is not written here"),
        ({"user": "ada"}, "prometheus: user and password belong together; write both, or none"),
        ({"labels": {"a-b": "x"}}, "not the name of a label: 'a-b'; write one, as instance"),
        ({"token": "x"}, "prometheus.token: unknown key; known here: "),
    ],
)
def test_how_a_server_is_asked_is_checked_with_the_configuration(
    tmp_path: Path, prometheus: dict[str, Any], message: str
) -> None:
    done = netfold("check", "-c", department(tmp_path, prometheus=prometheus))
    assert done.returncode == 2
    assert message in done.stderr + done.stdout
    assert "hunter2" not in done.stderr + done.stdout
