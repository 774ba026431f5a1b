"""The journal: nothing in it can be changed, removed or cut off without showing."""

import json
import multiprocessing
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import bounded_lock
from agent.bounded_lock import LOCK_S
from agent.declared import follow
from agent.journal import (
    NO_DIGEST,
    Content,
    JournalError,
    head,
    journal_in,
    opened,
    parse,
    read,
    user,
)
from config.load import load
from tests.agentproc import netfold, write

AT_S = 1_800_000_000.0


def journal(folder: Path, phases: tuple[str, ...] = ("planned", "连通", "cut_over")) -> Path:
    with opened(folder) as it:
        for phase in phases:
            it.append("phase", "edu", {"phase": phase}, "config", AT_S)
    return journal_in(folder)


def is_whole(text: bytes, noted: str) -> bool:
    content = parse(text)
    return content.problem is None and content.has(noted)


def test_an_entry_is_one_canonical_line_chained_to_the_one_before(tmp_path: Path) -> None:
    first, second, _ = journal(tmp_path).read_text(encoding="utf-8").splitlines()
    assert first.startswith(
        '{"at":"2027-01-15T08:00:00Z","by":"config","digest":"',
    )
    assert first.endswith(
        f'","kind":"phase","n":1,"previous":"{NO_DIGEST}","subject":"edu",'
        '"what":{"phase":"planned"}}'
    )
    assert "连通" in second
    assert json.loads(second)["previous"] == json.loads(first)["digest"]


def test_any_byte_changed_removed_added_or_cut_off_is_found(tmp_path: Path) -> None:
    text = journal(tmp_path).read_bytes()
    noted = head(tmp_path)
    assert is_whole(text, noted)
    for at in range(len(text)):
        for bit in range(8):
            changed = bytes((text[at] ^ (1 << bit),))
            assert not is_whole(text[:at] + changed + text[at + 1 :], noted), (at, bit)
        for more in (b"\n", b" ", b"0", b"}"):
            assert not is_whole(text[:at] + more + text[at:], noted), (at, more)
        assert not is_whole(text[:at] + text[at + 1 :], noted), at
        assert not is_whole(text[:at], noted), at
        assert not is_whole(text[at + 1 :], noted), at


@given(st.data())
def test_any_piece_taken_out_or_put_elsewhere_is_found(data: st.DataObject) -> None:
    text, noted = SAMPLE
    start = data.draw(st.integers(0, len(text) - 1))
    stop = data.draw(st.integers(start + 1, len(text)))
    rest = text[:start] + text[stop:]
    at = data.draw(st.integers(0, len(rest)))
    moved = rest[:at] + text[start:stop] + rest[at:]
    assert not is_whole(rest, noted)
    assert moved == text or not is_whole(moved, noted)


@given(st.binary())
def test_whatever_stands_in_the_file_is_answered_without_an_error(text: bytes) -> None:
    parse(text)
    parse(SAMPLE[0] + text)


def test_lines_cut_off_whole_show_against_a_digest_noted_earlier_only(tmp_path: Path) -> None:
    path = journal(tmp_path)
    noted = head(tmp_path)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert read(path).problem is None
    assert not read(path).has(noted)
    path.unlink()
    assert read(path) == Content(())
    assert not read(path).has(noted)


def test_a_tail_written_anew_shows_against_a_digest_noted_earlier(tmp_path: Path) -> None:
    path = journal(tmp_path)
    noted = [it.digest for it in read(path).entries]
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    journal(tmp_path, ("connected", "dual_running"))
    assert read(path).problem is None
    assert [read(path).has(it) for it in noted] == [True, False, False]


def test_an_older_digest_stands_in_a_journal_that_went_on(tmp_path: Path) -> None:
    path = journal(tmp_path, ("planned",))
    noted = head(tmp_path)
    journal(tmp_path, ("connected",))
    assert read(path).has(noted)
    assert [it.n for it in read(path).entries] == [1, 2]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        pytest.param(lambda text: text[:-9], "line 3 is cut off", id="cut-off-by-a-crash"),
        pytest.param(lambda text: text[:-1], "line 3 is cut off", id="even-if-only-its-end-is"),
        pytest.param(
            lambda text: text.replace(b"planned", b"retired"), "line 1 was changed", id="changed"
        ),
        pytest.param(
            lambda text: b"".join(text.splitlines(keepends=True)[1:]),
            "line 1 does not follow",
            id="removed",
        ),
        pytest.param(
            lambda text: text.replace(b'"n":1', b'"n": 1'),
            "is not as netfold writes it",
            id="blank",
        ),
        pytest.param(lambda text: text + b"[]\n", "line 4 is no entry", id="no-entry"),
        pytest.param(lambda text: text + b"[" * 9999 + b"\n", "line 4 is no entry", id="nested"),
        pytest.param(lambda text: text + b"\xff\n", "line 4 is no entry", id="no-utf-8"),
    ],
)
def test_nothing_is_added_to_a_damaged_journal(damage: Any, said: str, tmp_path: Path) -> None:
    path = journal(tmp_path)
    path.write_bytes(damaged := damage(path.read_bytes()))
    with pytest.raises(JournalError, match=said) as caught, opened(tmp_path):
        pass
    assert "keep a copy" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == damaged
    with pytest.raises(JournalError, match=said):
        head(tmp_path)


def test_a_journal_whose_cut_off_line_was_removed_goes_on(tmp_path: Path) -> None:
    path = journal(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:40])
    path.write_bytes(b"".join(lines[:2]))
    journal(tmp_path, ("retired",))
    assert [it.what["phase"] for it in read(path).entries] == ["planned", "连通", "retired"]


def _declare_some(folder: Path, who: str) -> None:
    for n in range(25):
        with opened(folder) as it:
            it.append("phase", who, {"n": n}, who, AT_S)


def test_two_processes_append_side_by_side(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    both = [context.Process(target=_declare_some, args=(tmp_path, who)) for who in ("a", "b")]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    content = read(journal_in(tmp_path))
    assert content.problem is None
    assert len(content.entries) == 50
    for who in ("a", "b"):
        assert [it.what["n"] for it in content.entries if it.by == who] == list(range(25))


HOLDER = """
import sys
from pathlib import Path
from agent.journal import opened
with opened(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def stopped_holder(folder: Path) -> Iterator[None]:
    """A program that stopped, as by ctrl-Z, while it had the journal open for writing."""
    words = [sys.executable, "-c", HOLDER, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, cwd=Path(__file__).parents[1]) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            holder.send_signal(signal.SIGSTOP)
            yield
        finally:
            holder.kill()


def test_a_journal_that_another_program_holds_is_waited_for_a_while_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "netfold.yaml"
    networks = [{"name": "edu", "kind": "dedicated", "phase": "retired"}]
    write(config, {"node": {"name": "test"}, "data_dir": "data", "networks": networks})
    data = tmp_path / "data"
    before = journal(data).read_bytes()
    said = "journal.jsonl: is being written by another program"
    with stopped_holder(data):
        started_s = perf_counter()
        with pytest.raises(JournalError, match=said) as caught, opened(data):
            pass
        assert LOCK_S <= perf_counter() - started_s < 3 * LOCK_S
        assert "\n" not in str(caught.value)
        monkeypatch.setattr(bounded_lock, "LOCK_S", 0.1)  # that it is waited for was seen
        with pytest.raises(JournalError, match=said):
            head(data)
        # What stands in it counts for the agent all the same, and so does what the file says.
        found = follow(load(config), AT_S)
        assert (found.head, [it.phase for it in found.timelines["edu"]]) == (
            None,
            ["planned", "cut_over", "retired"],
        )
        assert said in str(found.problem)
        shown = netfold("journal", "show", "-c", config)
        assert (shown.returncode, "cut_over" in shown.stdout, said in shown.stderr) == (1, True, 1)
        declared = netfold("phase", "declare", "edu", "surveyed", "--override", "r", "-c", config)
        assert (declared.returncode, declared.stdout) == (1, "")
        assert declared.stderr.splitlines()[-1].endswith("end the one that has it open")
    assert journal_in(data).read_bytes() == before
    assert follow(load(config), AT_S).problem is None


def test_a_user_who_is_called_as_the_agent_signs_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    me = pwd.getpwuid(os.getuid())
    assert user() == me.pw_name
    namesake = pwd.struct_passwd(("config", *me[1:]))
    # A user of that name would have to be made on the machine.
    monkeypatch.setattr(pwd, "getpwuid", lambda _: namesake)
    assert user() == "user:config"


def test_what_cannot_be_written_leaves_the_journal_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = journal(tmp_path)
    before = path.read_bytes()
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda fd, line: real_write(fd, line[:10]))
    with pytest.raises(JournalError, match="nothing was written: the disk is full"):
        journal(tmp_path, ("retired",))
    monkeypatch.undo()
    assert path.read_bytes() == before
    with pytest.raises(JournalError, match="not text that UTF-8 can hold"):
        journal(tmp_path, ("\udcff",))
    assert path.read_bytes() == before


def test_a_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="run this as the agent's user"):
        journal(tmp_path / "file")


def test_the_commands_show_and_verify(tmp_path: Path) -> None:
    config = tmp_path / "netfold.yaml"
    write(config, {"node": {"name": "test"}, "data_dir": "data"})
    empty = netfold("journal", "verify", "-c", config)
    assert (empty.returncode, empty.stdout) == (0, f"0 entries, unbroken; head {NO_DIGEST}\n")
    path = journal(tmp_path / "data")
    noted = head(tmp_path / "data")
    table = netfold("journal", "show", "-c", config)
    assert "phase: cut_over" in table.stdout
    with opened(tmp_path / "data") as it:
        policy = {
            "hash": "sha256:0",
            "changes": ["links.window_s: was 1, is 2"],
            "terms": {"a": "long"},
        }
        it.append("policy", "policy", policy, "config", AT_S)
    table = netfold("journal", "show", "-c", config)
    assert "links.window_s: was 1, is 2" in table.stdout
    assert "long" not in table.stdout
    assert '"long"' in netfold("journal", "show", "--json", "-c", config).stdout
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    (first, *_) = json.loads(netfold("journal", "show", "--json", "-c", config).stdout)
    assert {it: first[it] for it in ("n", "kind", "subject", "what", "by")} == {
        "n": 1,
        "kind": "phase",
        "subject": "edu",
        "what": {"phase": "planned"},
        "by": "config",
    }
    whole = netfold("journal", "verify", "--head", noted, "-c", config)
    assert (whole.returncode, whole.stdout) == (0, f"3 entries, unbroken; head {noted}\n")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    cut = netfold("journal", "verify", "--head", noted, "-c", config)
    assert (cut.returncode, cut.stdout) == (1, "")
    assert "none of its entries (2) has the digest" in cut.stderr
    path.write_bytes(path.read_bytes()[:-5])
    torn = netfold("journal", "verify", "-c", config)
    assert (torn.returncode, torn.stderr.count("\n")) == (1, 1)
    assert "line 2 is cut off" in torn.stderr
    assert netfold("journal", "show", "-c", config).returncode == 1
    assert netfold("journal", "verify", "--head", "abc", "-c", config).returncode == 2


def _sample() -> tuple[bytes, str]:
    import tempfile  # noqa: PLC0415 - hypothesis shares no function-scoped folder

    with tempfile.TemporaryDirectory() as folder:
        text = journal(Path(folder)).read_bytes()
        return text, head(Path(folder))


SAMPLE = _sample()
