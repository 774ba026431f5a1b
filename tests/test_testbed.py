import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.debian import UnavailableError
from tests.testbed import Peer, eventually, eventually_async, fetch, free_port, peer

CLONE = Path(__file__).parents[1]

SKIPPING = """
import pytest

from tests.debian import UnavailableError

@pytest.fixture
def daemon():
    raise UnavailableError("snmpd is not to be had: no apt-get and dpkg here")

def test_of_a_daemon(daemon): ...
def test_that_starts_it_itself():
    raise UnavailableError("snmpd is not to be had: no apt-get and dpkg here")

def test_of_a_network(): pytest.skip("no network namespaces here")
def test_of_material(shared): ...
def test_that_passes(): ...
"""


def run(tests: str, folder: Path, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run tests in a run of their own, with this clone's conftest, outside CI if not told."""
    (folder / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")
    (folder / "tests").mkdir()
    (folder / "tests/conftest.py").write_text((CLONE / "tests/conftest.py").read_text())
    (folder / "tests/test_sample.py").write_text(tests)
    (folder / "tests/__init__.py").write_text(f"__path__.append({str(CLONE / 'tests')!r})\n")
    command = [sys.executable, "-m", "pytest", "--import-mode=importlib", *args]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"CI": "", "PY_COLORS": "0"} | env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("workers", [pytest.param("0", id="alone"), pytest.param("2", id="xdist")])
def test_a_run_ends_with_how_many_tests_were_skipped_and_why(tmp_path: Path, workers: str) -> None:
    result = run(SKIPPING, tmp_path, "-n", workers)
    assert result.returncode == 0
    assert result.stdout.splitlines()[-4:-1] == [
        "skipped 2 tests: snmpd is not to be had: no apt-get and dpkg here",
        "skipped 1 test: no network namespaces here",
        "skipped 1 test: needs ../shared, which is not here",
    ]


def test_in_ci_a_run_that_skipped_something_fails_and_says_so(tmp_path: Path) -> None:
    result = run(SKIPPING, tmp_path, CI="true")
    assert result.returncode == 1
    last = result.stdout.splitlines()[-2]
    assert last == "failed: in CI only tests that need ../shared may be skipped, not 3 others"


def test_in_ci_tests_that_need_the_shared_folder_may_be_skipped(tmp_path: Path) -> None:
    result = run("def test_of_material(shared): ...", tmp_path, CI="true")
    assert result.returncode == 0
    assert result.stdout.splitlines()[-2] == "skipped 1 test: needs ../shared, which is not here"


def test_a_run_that_skips_nothing_says_nothing_of_it(tmp_path: Path) -> None:
    result = run("def test_that_passes(): ...", tmp_path, CI="true")
    assert result.returncode == 0
    assert "skipped" not in result.stdout


def test_a_daemon_runs_with_libraries_that_only_it_is_given() -> None:
    before = dict(os.environ)
    said = peer("snmpd").run("--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert "NET-SNMP version" in said.stdout
    assert os.environ == before


def test_a_program_that_no_package_has_is_a_mistake_and_not_a_reason_to_skip() -> None:
    peer("snmpd")
    with pytest.raises(LookupError, match="no program 'snmpq' in the test bed"):
        peer("snmpq")


def test_a_program_that_does_not_end_is_killed_at_its_deadline() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        Peer(Path("/bin/sleep"), {}).run("60", timeout_s=0.1)


def test_without_a_fetch_a_peer_is_missing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UnavailableError) as refusal:
        peer("snmpd")
    assert str(refusal.value) == ("snmpd is not to be had: run python -m tests.testbed fetch")


def test_a_cache_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert fetch() == f"cannot write to {tmp_path}/cache/netfold/testbed: Not a directory"


def test_free_ports_are_free_and_below_those_of_clients() -> None:
    ports = [free_port("tcp"), free_port("udp")]
    assert all(10_000 <= it < 32_768 for it in ports)


def test_eventually_returns_the_first_true_answer() -> None:
    answers = iter([0, None, "here"])
    assert eventually(lambda: next(answers)) == "here"


def test_eventually_gives_up_at_its_deadline() -> None:
    with pytest.raises(AssertionError, match=r"not within 0\.05 s"):
        eventually(lambda: False, deadline_s=0.05)


async def test_eventually_async_takes_coroutines_and_plain_answers() -> None:
    answers = iter([0, "here", "there"])

    async def answer() -> object:
        return next(answers)

    assert await eventually_async(answer) == "here"
    assert await eventually_async(lambda: next(answers)) == "there"
    with pytest.raises(AssertionError, match=r"not within 0\.05 s"):
        await eventually_async(lambda: False, deadline_s=0.05)
