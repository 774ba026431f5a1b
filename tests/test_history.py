import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

import agent.history_file
from agent.history import Capacity, History, HistoryError, Record, SeriesKey
from agent.judge.rates import Run, Tick
from agent.standing import STANDING_BYTES

EDU = SeriesKey("link", "edu-a", "r1/ge0", "octets")
TAX = SeriesKey("link", "tax-a", "r2/ge7", "octets")
CPU = SeriesKey("server", "db1", "local", "cpu")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def record(
    *ticks: Tick, runs: tuple[Run, ...] = (), state: bytes = bytes([7] * STANDING_BYTES)
) -> Record:
    return Record(list(ticks), {run.first: run for run in runs}, state)


def test_what_is_written_is_read_back_after_a_restart(path: Path) -> None:
    history = History(path)
    history.write(
        {
            EDU: record(
                Tick(10, (1.5, 2.5)), Tick(12, (3.0, 4.0)), state=bytes([1] * STANDING_BYTES)
            ),
            CPU: record(Tick(10, (0.25,)), state=bytes([2] * STANDING_BYTES)),
        }
    )
    history.close()
    history = History(path)
    assert history.ticks(EDU, 0, 99) == [Tick(10, (1.5, 2.5)), Tick(12, (3.0, 4.0))]
    assert history.ticks(CPU, 0, 99) == [Tick(10, (0.25,))]
    assert history.ticks(TAX, 0, 99) == []
    assert history.states() == {EDU: bytes([1] * STANDING_BYTES), CPU: bytes([2] * STANDING_BYTES)}
    assert history.series() == [EDU, CPU]
    assert history.tick_count == 2
    history.close()


def test_many_series_of_one_slot_and_of_two_stand_where_they_stood(path: Path) -> None:
    kinds = [("link", "octets"), ("server", "cpu"), ("link", "octets"), ("server", "octets")]
    keys = [SeriesKey(kinds[n % 4][0], f"s{n}", "r1", kinds[n % 4][1]) for n in range(500)]
    stood = {key: n.to_bytes(STANDING_BYTES, "big") for n, key in enumerate(keys, 1)}
    history = History(path)
    history.write({key: Record(state=state) for key, state in stood.items()})
    history.write({key: Record(state=stood[key]) for key in keys[::7]})
    history.close()
    again = History(path)
    assert again.states() == stood
    again.close()


@pytest.mark.parametrize("place", [0, 3, 4, 5_000, 64 * STANDING_BYTES + 3])
def test_where_a_disk_changed_any_of_the_series_in_a_row_none_of_them_stands(
    path: Path, place: int
) -> None:
    keys = [SeriesKey("server", f"s{n}", "r1", "cpu") for n in range(200)]  # 64 a row, even and odd
    history = History(path)
    history.write({key: record() for key in keys})
    with closing(sqlite3.connect(path)) as db, db:
        (row,) = db.execute("SELECT states FROM standings WHERE block = 1").fetchone()
        spoilt = bytearray(row)
        spoilt[place] ^= 1
        db.execute("UPDATE standings SET states = ? WHERE block = 1", (bytes(spoilt),))
    assert history.states().keys() == {*keys} - {*keys[1:128:2]}
    history.write({keys[3]: record()})
    assert history.states().keys() == {*keys} - {*keys[1:128:2]} | {keys[3]}
    history.close()


def test_a_series_that_joins_later_does_not_disturb_the_ticks_of_others(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    history.write({TAX: record(Tick(10, (7.0, 8.0)), Tick(11, (9.0, 10.0)))})
    assert history.ticks(EDU, 10, 11) == [Tick(10, (1.0, 2.0))]
    assert history.ticks(TAX, 10, 11) == [Tick(10, (7.0, 8.0)), Tick(11, (9.0, 10.0))]
    assert history.tick_count == 2
    history.close()


def test_ticks_that_an_import_took_in_beside_the_agent_are_counted_with_the_next_write(
    path: Path,
) -> None:
    history, importing = History(path), History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    old = [record(*(Tick(number, (3.0, 4.0)) for number in range(10)))]
    importing.fill({TAX: it} for it in old)
    importing.close()
    history.write({EDU: record(Tick(11, (1.0, 2.0)))})
    assert history.tick_count == 12
    history.write({EDU: record(Tick(12, (1.0, 2.0)))})
    assert history.tick_count == 13
    history.close()


def test_a_rate_already_written_is_not_overwritten_when_the_clock_steps_back(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    history.write({EDU: record(Tick(10, (5.0, 6.0)))})
    assert history.ticks(EDU, 10, 10) == [Tick(10, (1.0, 2.0))]
    history.close()


def test_a_run_that_grows_is_one_run(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(runs=(Run(10, 12, (8.0, 16.0)),))})
    history.write({EDU: record(runs=(Run(10, 13, (9.0, 2.0**60)),))})
    assert history.runs(EDU) == [Run(10, 13, (9.0, 2.0**60))]
    history.close()


def test_a_rebound_link_begins_a_new_series_and_the_old_one_stays(path: Path) -> None:
    rebound = EDU._replace(identity="r1/ge5")
    history = History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    history.write({rebound: record(Tick(10, (7.0, 8.0)))})
    assert history.ticks(EDU, 10, 10) == [Tick(10, (1.0, 2.0))]
    assert history.ticks(rebound, 10, 10) == [Tick(10, (7.0, 8.0))]
    history.close()


def test_capacity_is_kept_as_dated_steps(path: Path) -> None:
    history = History(path)
    for since_s, bps in [(100.0, 2e6), (200.0, 2e6), (300.0, None), (400.0, 1e7)]:
        history.write({}, [Capacity("link", "edu-a", since_s, bps)])
    assert [
        (step.since_s, step.bits_per_second) for step in history.capacities("link", "edu-a")
    ] == [
        (100.0, 2e6),
        (300.0, None),
        (400.0, 1e7),
    ]
    history.close()


def test_a_slot_is_given_anew_only_when_its_last_tick_is_forgotten(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(Tick(1_000, (1.0, 2.0)), runs=(Run(1_001, 1_002, (1.0, 1.0)),))})
    history.prune(1_002 * 300.0)
    assert history.series() == [EDU]
    history.write({TAX: record(Tick(2_000, (3.0, 4.0)))})
    history.prune(1_400 * 300.0)
    assert history.series() == [TAX]
    assert history.states().keys() == {TAX}
    assert history.runs(EDU) == []
    assert history.tick_count == 1
    history.write({CPU: record(Tick(2_000, (0.5,)))})
    assert history.ticks(CPU, 2_000, 2_000) == [Tick(2_000, (0.5,))]
    assert history.ticks(TAX, 2_000, 2_000) == [Tick(2_000, (3.0, 4.0))]
    history.close()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(b"not a database at all" * 999), id="no-sqlite"),
        pytest.param(lambda file: os.truncate(file, 5_000), id="cut-short"),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes()[:100] + os.urandom(40_000)),
            id="overwritten-behind-the-header",
        ),
    ],
)
def test_a_damaged_file_is_set_aside_whole_and_a_new_one_begun(path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    history = History(path)
    history.write({EDU: record(*(Tick(n, (1.0, 2.0)) for n in range(300)))})
    history.close()
    damage(path)
    damaged = path.read_bytes()
    history = History(path)
    history.write({EDU: record(Tick(500, (5.0, 6.0)))})
    assert history.ticks(EDU, 500, 500) == [Tick(500, (5.0, 6.0))]
    (aside,) = history.set_aside
    assert aside.read_bytes() == damaged
    assert aside.name.startswith("history.sqlite.damaged-2")
    history.close()


def test_a_file_locked_by_another_is_waited_for_then_said_and_nothing_is_lost(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.history_file.LOCK_WAIT_S", 0.2)
    history = History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match=r"history\.sqlite: it is locked by another program"):
        history.write({EDU: record(Tick(11, (3.0, 4.0)))})
    other.execute("ROLLBACK")
    other.close()
    history.write({EDU: record(Tick(11, (3.0, 4.0)))})
    assert history.ticks(EDU, 10, 11) == [Tick(10, (1.0, 2.0)), Tick(11, (3.0, 4.0))]
    history.close()


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match="its folder must be writable by this user"):
        History(tmp_path / "file" / "history.sqlite")


def test_a_clock_set_to_a_wrong_year_does_not_forget_the_ticks_that_are_kept(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(*(Tick(n, (1.0, 2.0)) for n in range(1_000, 1_010)))})
    history.prune(before_s=4e9, keep=6)
    assert [tick.number for tick in history.ticks(EDU, 0, 2_000)] == list(range(1_004, 1_010))
    assert history.series() == [EDU]
    assert history.tick_count == 6
    history.prune(before_s=1_002 * 300.0, keep=2)
    assert history.tick_count == 6
    history.close()


def test_a_shorter_run_of_a_clock_set_back_does_not_replace_a_longer_one(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(runs=(Run(10, 500, (8.0, 16.0)),))})
    history.write({EDU: record(runs=(Run(10, 12, (1.0, 1.0)),))})
    assert history.runs(EDU) == [Run(10, 500, (8.0, 16.0))]
    history.close()


def test_a_first_start_on_a_full_disk_leaves_nothing_that_the_next_one_refuses(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = agent.history_file.SCHEMA
    monkeypatch.setattr("agent.history_file.SCHEMA", whole + "DROP TABLE no_room")
    with pytest.raises(HistoryError, match="no_room"):
        History(path)
    monkeypatch.setattr("agent.history_file.SCHEMA", whole)
    History(path).close()


def test_when_no_new_file_can_replace_a_damaged_one_the_next_write_tries_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(path)
    history.write({EDU: record(*(Tick(n, (1.0, 2.0)) for n in range(300)))})
    history.close()
    size = path.stat().st_size
    History(path).close()
    history = History(path)
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xee" * (size - 4_096))
    monkeypatch.setattr("agent.history_file.SCHEMA", "DROP TABLE no_room")
    with pytest.raises(HistoryError, match="no_room"):
        history.write({EDU: record(Tick(500, (5.0, 6.0)))})
    monkeypatch.undo()
    history.write({EDU: record(Tick(501, (7.0, 8.0)))})
    assert history.ticks(EDU, 0, 999) == [Tick(501, (7.0, 8.0))]
    assert len(history.set_aside) == 1
    history.close()


def test_a_file_removed_while_in_use_is_said_and_a_new_one_begun(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(Tick(10, (1.0, 2.0)))})
    path.unlink()
    with pytest.raises(HistoryError, match="it was removed while in use; a new one is begun"):
        history.write({EDU: record(Tick(11, (3.0, 4.0)))})
    history.write({EDU: record(Tick(11, (3.0, 4.0)))})
    history.close()
    history = History(path)
    assert history.ticks(EDU, 0, 99) == [Tick(11, (3.0, 4.0))]
    history.close()


def test_another_programs_database_is_refused_not_set_aside(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name)")
    other.close()
    with pytest.raises(HistoryError, match="not a history of this version: the tables recipes"):
        History(path)
    assert [file.name for file in path.parent.iterdir()] == ["history.sqlite"]


def test_a_history_of_other_ticks_is_refused(path: Path) -> None:
    History(path, tick_s=60.0).close()
    with pytest.raises(HistoryError, match=r"'tick_s': '60\.0'"):
        History(path)


@pytest.mark.parametrize("version", ["1", "2"])
def test_an_older_version_is_taken_over_with_its_ticks(path: Path, version: str) -> None:
    history = History(path)
    history.write({EDU: record(Tick(10, (1.5, 2.5)))})
    history.close()
    with sqlite3.connect(path) as db:
        if version == "1":
            db.execute("DROP TABLE standings")
            db.execute("CREATE TABLE readings (slot INTEGER PRIMARY KEY, state TEXT NOT NULL)")
            db.execute("INSERT INTO readings VALUES (0, '{}')")
        db.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", (version,))
    db.close()
    history = History(path)
    assert history.states() == {}
    assert history.ticks(EDU, 0, 99) == [Tick(10, (1.5, 2.5))]
    history.write({EDU: record(Tick(11, (2.5, 3.5)))})
    history.close()
    again = History(path)
    assert again.states().keys() == {EDU}
    again.close()


def test_a_slot_that_is_given_anew_does_not_stand_where_the_one_before_it_stood(path: Path) -> None:
    history = History(path)
    history.write({EDU: record(Tick(10, (1.5, 2.5)))})
    history.write({TAX: record(Tick(9_000, (1.5, 2.5)))})
    history.prune(5_000 * 300.0)
    history.write({CPU: Record([Tick(9_001, (0.5,))], {})})
    assert history.states().keys() == {TAX}
    history.close()


ON_A_SMALL_DISK = textwrap.dedent("""
    import json, sys
    from pathlib import Path
    from agent.history import History, HistoryError, Record, SeriesKey
    from agent.judge.rates import Tick
    folder = Path(sys.argv[1])
    history = History(folder / "history.sqlite")
    written, keys = 0, [SeriesKey("link", f"l{n}", "r1", "octets") for n in range(200)]
    try:
        for number in range(10_000):
            history.write({key: Record([Tick(number, (1.0, 2.0))], {}, b"") for key in keys})
            written += 1
    except HistoryError as error:
        message = str(error)
    kept = len(history.ticks(keys[0], 0, 10_000))
    ballast = folder / "ballast"
    ballast.unlink()
    history.write({keys[0]: Record([Tick(99_999, (3.0, 4.0))], {}, b"")})
    again = history.ticks(keys[0], 99_999, 99_999)
    print(json.dumps([written, kept, message, len(again), [str(p) for p in history.set_aside]]))
""")


def test_a_full_disk_is_said_and_when_there_is_room_writing_goes_on(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1500k tmpfs {disk} && head -c 500k /dev/zero > {disk}/ballast"
    alone = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-m"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no mount namespace to be had here for a small disk")
    command = f"{mount} && exec {sys.executable} -c '{ON_A_SMALL_DISK}' {disk}"
    done = subprocess.run([*alone, "sh", "-c", command], check=True, capture_output=True, text=True)
    written, kept, message, again, aside = json.loads(done.stdout)
    assert written == kept > 0
    assert message.endswith("the disk is full")
    assert again == 1
    assert aside == []
