"""What a trusted sender signs may be meant to harm: it is refused in one line, and cheaply."""

import errno
import gzip
import json
import os
import re
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.bundle import keys, store
from agent.bundle.contents import LINK_COLUMNS
from agent.bundle.errors import BundleError
from agent.bundle.manifest import FILES, LINKS, VERDICTS
from agent.bundle.numbers import alone
from agent.bundle.openmetrics import write
from agent.bundle.redaction import Redaction
from agent.bundle.rows import series_of
from agent.bundle.verify import check
from agent.history import History
from agent.judge.status import Status
from agent.judge.tenure import Tenure
from agent.verdict_json import iso
from tests.bundle_lab import LINKS as LINK_NAMES
from tests.bundle_lab import NODE, START, Node, node, objects
from tests.test_bundle_container import resealed

SAMPLE = re.compile(r"(?P<series>.+\}) \S+ (?P<at>\d+)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Node:
    made = node(tmp_path_factory.mktemp("home"), 24)
    made.create(START + 8)
    return made


def told(one: Node, folder: Path, *numbers: int) -> str:
    """The OpenMetrics text of some of a node's bundles, which alone are known."""
    kept = [store.take(one.file(it), one.public, folder / "in").kept for it in numbers]
    write(kept, kept, one.public, folder / "out.om", force=True)
    return (folder / "out.om").read_text()


def samples(text: str) -> list[tuple[str, int]]:
    """Each sample's series and time, in the text's order."""
    found = (SAMPLE.fullmatch(it) for it in text.splitlines() if not it.startswith("#"))
    return [(it["series"], int(it["at"])) for it in found if it]


def times_of(text: str, metric: str) -> list[int]:
    return [at for series, at in samples(text) if series.startswith(metric)]


def test_what_a_newer_bundle_does_not_have_stays_in_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = node(tmp_path / "home")
    monkeypatch.setattr("agent.bundle.create.MOST_TICKS", 8)
    one.create(START + 24)
    one.create(START + 24, since_s=START * 300)
    whole = told(one, tmp_path, 1, 2, 3)
    assert samples(told(one, tmp_path / "all", 1, 2, 3, 4, 5, 6)) == samples(whole)
    # Bundle 4 has the ticks of bundle 1 anew, and those of 5 and 6 have not come yet.
    assert samples(told(one, tmp_path / "late", 1, 2, 3, 4)) == samples(whole)
    # And of a longer one nothing is lost around the part that is new.
    assert sorted(samples(told(one, tmp_path / "gap", 2, 3, 5))) == sorted(
        samples(told(one, tmp_path / "old", 2, 3))
    )


def test_bundles_that_end_together_give_each_verdict_once(tmp_path: Path) -> None:
    one = node(tmp_path / "home")
    one.create(START + 24)
    one.create(START + 24, since_s=(START + 12) * 300)
    found = samples(told(one, tmp_path, 1, 2))
    assert len(found) == len(set(found))


def signed(home: Node, folder: Path, name: str, content: bytes) -> store.Kept:
    """A bundle that is taken, whose node signed this content."""
    packed = gzip.compress(content, 1)
    path = folder / "odd.tar"
    whole = home.file(1).read_bytes()
    path.write_bytes(resealed(home, whole, FILES.index(name), packed, len(content)))
    return store.take(path, home.public, folder / "in").kept


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"subject": "\ud800"}, id="half-a-character"),
        pytest.param({"subject": 'a",b="'}, id="a-name-that-would-end-its-label"),
        pytest.param({"since": "yesterday"}, id="no-time"),
        pytest.param({"since": "2026-01-01T00:00:00"}, id="a-time-of-no-zone"),
        pytest.param({"since": "2026-01-01T00:00:00+00:00", "confirmed": 10**400}, id="no-float"),
        pytest.param({"since": "2026-01-01T00:00:00+00:00", "confirmed": 1e999}, id="infinite"),
        pytest.param({"kind": ["link"]}, id="no-kind"),
    ],
)
def test_signed_verdicts_that_no_netfold_wrote_are_refused(
    home: Node, tmp_path: Path, facts: dict[str, Any]
) -> None:
    one = next(it for it in objects(home.file(1), VERDICTS) if it["kind"] == "link")
    kept = signed(home, tmp_path, VERDICTS, json.dumps([one | facts]).encode())
    with pytest.raises(BundleError, match=r"verdicts\.json\.gz is not as netfold writes it"):
        write([kept], [kept], home.public, tmp_path / "out.om")
    assert not (tmp_path / "out.om").exists()


def test_a_verdict_that_is_signed_twice_is_refused(home: Node, tmp_path: Path) -> None:
    one = next(it for it in objects(home.file(1), VERDICTS) if it["kind"] == "link")
    kept = signed(home, tmp_path, VERDICTS, json.dumps([one, one]).encode())
    with pytest.raises(BundleError, match=r"verdicts\.json\.gz is not as netfold writes it"):
        write([kept], [kept], home.public, tmp_path / "out.om")


def test_verdicts_without_end_are_refused_before_they_fill_the_memory(
    home: Node, tmp_path: Path
) -> None:
    kept = signed(home, tmp_path, VERDICTS, b"[" + b" " * 200_000_000 + b"]")
    tracemalloc.start()
    with pytest.raises(BundleError, match=r"verdicts\.json\.gz .* bytes"):
        write([kept], [kept], home.public, tmp_path / "out.om")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def endless(chunk: bytes, read: list[int]) -> Iterator[bytes]:
    """Chunks as long as anybody asks, up to 30 MB; `read` says how much was asked for."""
    yield LINK_COLUMNS.encode()
    for _ in range(30_000_000 // len(chunk)):
        read.append(len(chunk))
        yield chunk


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param(b"a" * 250_000, id="a-line-without-end"),
        pytest.param(f"a,{START * 300},1,1,\n".encode() * 10_000, id="one-series-without-end"),
        pytest.param(b'"' + b"a\n" * 100_000, id="a-quote-without-end"),
    ],
)
def test_rows_without_end_are_left_at_once(home: Node, chunk: bytes) -> None:
    with home.file(1).open("rb") as stream:
        manifest = check(stream, home.public).manifest
    read: list[int] = []
    with pytest.raises(BundleError, match=r"links\.csv\.gz: what follows its beginning is not as"):
        list(series_of(endless(chunk, read), LINKS, LINK_COLUMNS, 1, manifest))
    assert sum(read) < 1_000_000


@pytest.mark.parametrize(
    "wrong",
    [{"digest": "abc"}, {"digest": None}, {"digest": 7}, {"number": -1}, {"end_tick": -1}],
)
def test_numbers_that_netfold_did_not_write_are_one_line(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    one = node(tmp_path / "home")
    one.create(START + 8)
    state = one.config.data_dir / "bundles.json"
    ((key, said),) = json.loads(state.read_text()).items()
    state.write_text(json.dumps({key: said | wrong}))
    with pytest.raises(BundleError, match=r"bundles\.json: not as netfold writes it"):
        one.create(START + 16)


def test_after_the_last_number_a_new_key_is_asked_for(tmp_path: Path) -> None:
    one = node(tmp_path / "home")
    one.create(START + 8)
    state = one.config.data_dir / "bundles.json"
    ((key, said),) = json.loads(state.read_text()).items()
    state.write_text(json.dumps({key: said | {"number": 999_999}}))
    with pytest.raises(BundleError, match=r"999999 bundles .* make a new key"):
        one.create(START + 16)


def test_a_public_key_whose_fingerprint_was_exchanged_is_refused(tmp_path: Path) -> None:
    ours, other = (keys.make(NODE, tmp_path / it) for it in ("ours", "other"))
    path = tmp_path / "ours.pub"
    path.write_text(path.read_text().replace(ours.fingerprint, other.fingerprint))
    with pytest.raises(BundleError, match=f"changed: the key's fingerprint is {ours.fingerprint}"):
        keys.public(path)


def test_the_saving_of_a_smaller_line_does_not_leave_where_costs_do_not(tmp_path: Path) -> None:
    keys.make(NODE, tmp_path / "key")
    redaction = Redaction(["costs"], keys.private(tmp_path / "key"))
    size = {"bandwidth_bps": 1e7, "annual_saving_yuan": 1680.0}
    said = {"kind": "link", "subject": "a", "members": [], "right_size": size}
    assert redaction.verdict(said, ())["right_size"] == {"bandwidth_bps": 1e7}


def test_only_one_command_makes_bundles_of_a_node_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = node(tmp_path / "home")
    monkeypatch.setattr("agent.bounded_lock.LOCK_S", 0.0)
    with (
        alone(one.config.data_dir),
        pytest.raises(BundleError, match=r"bundles\.lock: another command is making bundles"),
    ):
        one.create(START + 8)
    assert one.create(START + 8)[0][0].manifest.number == 1


def test_where_there_are_no_locks_it_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", refused)
    with (
        pytest.raises(BundleError, match=r"bundles\.lock: cannot be locked: No locks"),
        alone(tmp_path),
    ):
        pytest.fail("it is not alone")


def test_a_verdict_of_long_ago_does_not_say_since_when_todays_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = node(tmp_path / "home")
    history = History(one.config.data_dir / "history.sqlite")
    now = Tenure(Status.UNKNOWN, START * 300.0, START * 300.0, confirmed=False)
    history.keep({("link", LINK_NAMES[2]): now})
    history.close()
    monkeypatch.setattr("agent.bundle.create.MOST_TICKS", 8)
    one.create(START + 16)
    sinces = [
        [it["since"] for it in objects(one.file(n), VERDICTS) if it["subject"] == LINK_NAMES[2]]
        for n in (1, 2)
    ]
    assert sinces == [[None], [iso(START * 300)]]
