"""What every test has, and what a run says of the tests that it skipped."""

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.debian import UnavailableError

NO_SHARED = "needs ../shared, which is not here"


@pytest.fixture
def shared() -> Path:
    """The folder beside this clone with material that is not part of it; skips without it."""
    folder = Path(__file__).parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(NO_SHARED)
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    return (yield from _skip_without_peer())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    return (yield from _skip_without_peer())


def _skip_without_peer() -> Generator[None, object, object]:
    """Let a test ask for a peer wherever it likes: where there is none, the test is skipped."""
    try:
        return (yield)
    except UnavailableError as error:
        pytest.skip(str(error))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure, but for those that need ../shared."""
    if _forbidden(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, object, object]:
    """Say last how many tests were skipped, and why."""
    result = yield
    for reason, count in _skipped(config).most_common():
        tests = "1 test" if count == 1 else f"{count} tests"
        terminalreporter.write_line(f"skipped {tests}: {reason}")
    if forbidden := _forbidden(config):
        terminalreporter.write_line(
            f"failed: in CI only tests that need ../shared may be skipped, not {forbidden} others",
            red=True,
        )
    return result


def _forbidden(config: pytest.Config) -> int:
    """How many tests were skipped that CI must run; 0 outside CI."""
    if os.environ.get("CI") not in {"true", "1"}:
        return 0
    return sum(count for reason, count in _skipped(config).items() if reason != NO_SHARED)


def _skipped(config: pytest.Config) -> Counter[str]:
    """The reasons of the skipped tests; none in a worker of xdist, which reports to the first."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    return Counter(str(it.longrepr[2]).removeprefix("Skipped: ") for it in reports)
