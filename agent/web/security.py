"""The web configuration in force: read anew when it, or a file that it names, changes."""

import logging
import ssl
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from agent.web.handshake import ContextInForce
from config.problems import ConfigError
from config.web import WebConfig, load_web

log = logging.getLogger(__name__)

RETRY_S = 1.0
"""A broken file is read again no more often than this."""

_Stamp = tuple[tuple[int, int, int] | None, ...]


class Security:
    """Who may use the endpoint, and how; asked at every handshake and every request.

    Raises:
        ConfigError: with every mistake in the file as it is at the start.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._config = load_web(path)
        _warn_of_others(self._config)
        self._stamp: _Stamp = ()
        self._retry_s = 0.0
        self._problem = ""

    @property
    def config(self) -> WebConfig:
        """What is in force now: the file as it is or, if that is broken, as it last was not."""
        files = self._config.files
        stamp = _stamp_of((self._path, *files))
        if stamp == self._stamp:
            self._problem = ""
        elif time.monotonic() >= self._retry_s:
            self._read(files, stamp)
        return self._config

    @property
    def is_tls(self) -> bool:
        """Whether TLS is spoken, which does not change while the endpoint listens."""
        return self._config.tls_server_config is not None

    @property
    def context(self) -> ssl.SSLContext | None:
        """What the server is started with; None without TLS."""
        return ContextInForce(self._context_now) if self.is_tls else None

    def _context_now(self) -> ssl.SSLContext:
        tls = self.config.tls_server_config
        if tls is None:
            msg = "TLS was given up while it is spoken, which no reading of the file does"
            raise LookupError(msg)
        return tls.context

    def _read(self, files: tuple[Path, ...], stamp: _Stamp) -> None:
        try:
            config = load_web(self._path)
        except ConfigError as error:
            self._refuse("; ".join(str(error).splitlines()))
            return
        if (config.tls_server_config is not None) != self.is_tls:
            self._refuse(f"{self._path}: TLS is taken up or given up with the next start only")
            return
        if self._stamp or self._problem:
            log.info("web configuration taken", extra={"file": str(self._path)})
            _warn_of_others(config)
        # The stamp is older than what was read, so that no change in between is missed. Files that
        # are named for the first time have none yet: the next request reads once more.
        self._config, self._stamp = config, stamp if config.files == files else ()
        self._problem = ""

    def _refuse(self, problem: str) -> None:
        self._retry_s = time.monotonic() + RETRY_S
        if problem != self._problem:
            log.error(
                "web configuration not taken, the old is in force", extra={"problem": problem}
            )
        self._problem = problem


def _warn_of_others(config: WebConfig) -> None:
    """Others may be let at the key by mistake; exporter-toolkit, whose files we take, allows it."""
    tls = config.tls_server_config
    with suppress(OSError):  # gone since it was read: the next reading says so
        if tls and tls.key_file.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
            log.warning("others may get at the private key", extra={"file": str(tls.key_file)})


def _stamp_of(files: Iterable[Path]) -> _Stamp:
    """What changes when a file does: its place on the disk, its size, when it was last touched."""
    return tuple(map(_stamp_of_one, files))


def _stamp_of_one(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
