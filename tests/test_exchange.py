"""Old records into the history, and the history as a file: all or nothing, and nothing lost."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent import clock
from agent.history import Capacity, History, HistoryError, Record, SeriesKey
from agent.history_reader import HistoryReader
from agent.journal import head, journal_in, read
from agent.judge.bounds import Traffic
from agent.judge.rates import TICK_S, Tick
from tests.agentproc import netfold, running, write

HEADING = "subject,unix_time,receive_bps,transmit_bps,capacity_bps"
NOW_TICK = int(clock.now().wall_s // TICK_S)
DAY = 288
OWN = SeriesKey("link", "a", "r1/eth0", "octets")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "netfold.yaml"
    links = [
        {"name": name, "network": "edu", "bandwidth": "100M", "interface": {"local": nic}}
        for name, nic in (("a", "lo"), ("教育", "eth9"))
    ]
    networks = [{"name": "edu", "kind": "dedicated"}]
    write(path, {"node": {"name": "n"}, "data_dir": "data", "networks": networks, "links": links})
    return path


def rows(link: str, first: int, count: int, capacity: str = "1e8") -> list[str]:
    ticks = range(first, first + count)
    return [f"{link},{n * 300},{1e6 + n / 7:.3f},{n % 977},{capacity}" for n in ticks]


def table(folder: Path, *lines: str) -> Path:
    path = folder / "old.csv"
    path.write_text("\n".join([HEADING, *lines]) + "\n", encoding="utf-8")
    return path


def windows(folder: Path, first: int, ticks: int) -> dict[str, Traffic]:
    with HistoryReader(folder / "data" / "history.sqlite") as reader:
        return dict(reader.traffic(["a", "教育"], first, ticks))


def test_a_line_with_a_month_of_records_is_judged_on_the_first_day(
    tmp_path: Path, config: Path
) -> None:
    old = table(tmp_path, *rows("a", NOW_TICK - 31 * DAY, 31 * DAY))
    done = netfold("history", "import", old, "-c", config)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"took {31 * DAY} ticks of 1 link into the history\n"
    said = netfold("assess", "-c", config).stdout
    assert "low_use" in next(row for row in said.splitlines() if "link " in row and " a " in row)


def test_what_was_given_out_and_taken_in_elsewhere_gives_the_same_windows(
    tmp_path: Path, config: Path
) -> None:
    first, ticks = NOW_TICK - 3 * DAY, 3 * DAY
    own = rows("a", first, DAY, "5e7") + rows("a", first + DAY + 9, DAY) + rows("教育", first, 700)
    assert netfold("history", "import", table(tmp_path, *own), "-c", config).returncode == 0
    before = windows(tmp_path, first, ticks)
    given = netfold("history", "export", "-c", config)
    assert (given.returncode, given.stderr) == (0, "")
    assert given.stdout.splitlines()[:2] == [
        f"# netfold journal sha256:{head(tmp_path / 'data')}",
        HEADING,
    ]
    (tmp_path / "data").rename(tmp_path / "data.before")
    taken = netfold(
        "history", "import", table(tmp_path, *given.stdout.splitlines()[2:]), "-c", config
    )
    assert taken.returncode == 0
    for link, window in windows(tmp_path, first, ticks).items():
        for column in ("receive", "transmit", "capacity"):
            was, now = getattr(before[link], column), getattr(window, column)
            np.testing.assert_array_equal(was, now)
    again = netfold("history", "export", "-c", config).stdout
    assert again.splitlines()[1:] == given.stdout.splitlines()[1:]
    assert again.splitlines()[0] == f"# netfold journal sha256:{head(tmp_path / 'data')}"


def test_what_was_given_out_is_read_as_it_is_also_after_a_spreadsheet_saved_it(
    tmp_path: Path, config: Path
) -> None:
    own = table(tmp_path, *rows("a", NOW_TICK - 9, 5))
    assert netfold("history", "import", own, "-c", config).returncode == 0
    given = tmp_path / "given.csv"
    text = netfold("history", "export", "-c", config).stdout
    first, rest = text.split("\n", 1)
    for line in (first, f"{first},,,,", f'"{first}"'):
        given.write_text(f"{line}\n{rest}")
        assert netfold("assess", "--series", given).returncode == 0
        taken = netfold("history", "import", given, "-c", config).stdout
        assert taken == "took 0 ticks of 1 link into the history; 5 that it had stay as they are\n"
    given.write_text(f"{text}a,1,2\n")
    ragged = netfold("history", "import", given, "-c", config)
    assert (ragged.returncode, ":8: 3 cells" in ragged.stderr) == (2, True)
    given.write_text(f"{first}\nlink,time\n")
    assert (
        ":2: not a heading of series: 'link,time'"
        in netfold("history", "import", given, "-c", config).stderr
    )


def test_an_export_beside_a_damaged_journal_bears_no_digest_and_says_why(
    tmp_path: Path, config: Path
) -> None:
    old = table(tmp_path, *rows("a", NOW_TICK - 9, 5))
    assert netfold("history", "import", old, "-c", config).returncode == 0
    path = journal_in(tmp_path / "data")
    path.write_bytes(path.read_bytes()[:-2])
    given = netfold("history", "export", "-c", config)
    assert (given.returncode, given.stdout.splitlines()[0]) == (0, HEADING)
    (line,) = given.stderr.splitlines()
    assert "line 1 is cut off" in line
    assert line.endswith("what is exported bears no digest")


def test_what_the_history_has_stays_as_it_is(tmp_path: Path, config: Path) -> None:
    first = NOW_TICK - DAY
    history = History(tmp_path / "data" / "history.sqlite")
    ticks = [Tick(n, (5.0, 6.0)) for n in range(first, first + 100)]
    history.write({OWN: Record(ticks)}, [Capacity("link", "a", (first + 50) * 300.0, 2e6)])
    history.close()
    old = table(tmp_path, *rows("a", first - 10, 120))
    done = netfold("history", "import", old, "-c", config)
    assert done.stdout == (
        "took 20 ticks of 1 link into the history; 100 that it had stay as they are\n"
    )
    window = windows(tmp_path, first - 10, 120)["a"]
    assert set(window.receive[10:110]) == {5.0}
    assert window.receive[9] == pytest.approx(1e6 + (first - 1) / 7)
    # The old capacity holds until the first one that the history knew.
    assert [window.capacity[it] for it in (0, 59, 60, 119)] == [1e8, 1e8, 2e6, 2e6]
    again = netfold("history", "import", old, "-c", config)
    assert again.stdout.startswith("took 0 ticks of 1 link ")


def test_records_older_than_the_retention_are_left_out_and_told(
    tmp_path: Path, config: Path
) -> None:
    old = table(tmp_path, *rows("a", NOW_TICK - 401 * DAY, 10), *rows("a", NOW_TICK - DAY, 10))
    done = netfold("history", "import", old, "-c", config)
    assert done.stdout == (
        "took 10 ticks of 1 link into the history; 10 older than its retention are left out\n"
    )
    (entry,) = read(journal_in(tmp_path / "data")).entries
    assert (entry.kind, entry.subject) == ("import", old.name)
    assert entry.what == {"lines": 1, "ticks": {"taken": 10, "there": 0, "older": 10}}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (rows("b", NOW_TICK - 9, 5), "no link 'b' in the configuration; there are"),
        (rows("a", NOW_TICK + 5, 1), "one of the clocks is wrong; set it right, or correct"),
        (["a,1,2"], ":2: 3 cells, but the heading has 5; write one for each"),
    ],
    ids=["another-line", "the-future", "ragged"],
)
def test_one_bad_row_and_nothing_is_taken(
    tmp_path: Path, config: Path, lines: list[str], message: str
) -> None:
    old = table(tmp_path, *rows("a", NOW_TICK - DAY, 3), *lines)
    done = netfold("history", "import", old, "-c", config)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    if message.startswith(":2"):
        message = message.replace(":2", ":5")
    assert message in done.stderr
    assert not (tmp_path / "data" / "history.sqlite").exists()


def test_servers_are_told_that_only_lines_can_be_taken(tmp_path: Path, config: Path) -> None:
    path = tmp_path / "servers.csv"
    path.write_text("subject,unix_time,cpu_ratio,memory_ratio,network_bps\na,1,1,1,1\n")
    done = netfold("history", "import", path, "-c", config)
    assert (
        done.stderr
        == f"{path}: it holds servers; only lines' records can be taken into the history\n"
    )
    assert done.returncode == 2


def test_a_history_that_is_locked_is_told_and_nothing_is_taken(
    tmp_path: Path, config: Path
) -> None:
    path = tmp_path / "data" / "history.sqlite"
    History(path).close()
    locker = sqlite3.connect(path, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")
    old = table(tmp_path, *rows("a", NOW_TICK - DAY, 3))
    done = netfold("history", "import", old, "-c", config)
    locker.execute("ROLLBACK")
    locker.close()
    assert done.returncode == 1
    assert "locked by another program; nothing was taken, try again" in done.stderr
    with HistoryReader(path) as reader:
        assert reader.last_tick is None


def test_a_failure_in_the_middle_takes_nothing(tmp_path: Path) -> None:
    history = History(tmp_path / "history.sqlite")
    key = SeriesKey("link", "a", "imported", "octets")

    def batches() -> Iterator[dict[SeriesKey, Record]]:
        yield {key: Record([Tick(1, (1.0, 1.0))])}
        msg = "it broke"
        raise HistoryError(msg)

    with pytest.raises(HistoryError, match="it broke"):
        history.fill(batches())
    assert (history.series(), history.tick_count) == ([], 0)
    history.write({key: Record([Tick(2, (1.0, 1.0))])})
    assert [it.number for it in history.ticks(key, 0, 9)] == [2]
    history.close()


def test_a_running_agent_goes_on_writing_beside_an_import(tmp_path: Path) -> None:
    link = {"name": "a", "network": "edu", "bandwidth": "1G", "interface": {"local": "lo"}}
    config = {"networks": [{"name": "edu", "kind": "dedicated"}], "links": [link]}
    with running(tmp_path, config) as agent:
        agent.wait_ready()
        old = table(tmp_path, *rows("a", NOW_TICK - DAY, DAY - 1))
        done = netfold("history", "import", old, "-c", tmp_path / "netfold.yaml")
        assert (done.returncode, done.stderr) == (0, "")
        assert agent.end() == 0
    with HistoryReader(tmp_path / "data" / "history.sqlite") as reader:
        ((_, window),) = reader.traffic(["a"], NOW_TICK - DAY, DAY - 1)
    assert not np.isnan(window.rate).any()
    assert "history is not written" not in agent.log.read_text()
