"""What a client of TLS is told, and the context that it comes to."""

import ssl
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from collectors.base import CollectError, Reason
from collectors.fields import Host
from collectors.files import FilePath
from collectors.pem import check_readable, load_certificates, load_pair
from collectors.tls_failure import Watched

MinVersion = Literal["1.2", "1.3"]

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def _readable(file: Path) -> Path:
    check_readable(file)
    return file


_PemFile = Annotated[FilePath, AfterValidator(_readable)]


class TlsOptions(BaseModel):
    """Options of every kind that speaks TLS, beside its own.

    Certificates are always verified: against the system's authorities, or those in the file `ca`.
    A self-signed certificate is verified by naming it there. `server_name` is what the server is
    asked for (SNI, RFC 6066) and must prove; without it, the address is. `certificate` and `key`
    are files in PEM, for a server that wants to know who asks.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    ca: _PemFile | None = None
    certificate: _PemFile | None = None
    key: _PemFile | None = None
    server_name: Host | None = None
    min_version: MinVersion = "1.2"

    @model_validator(mode="after")
    def _files_fit_together(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            msg = "certificate and key belong together; name both files, or none"
            raise ValueError(msg)
        _check(_wanted(self), tuple(_state(self)))
        return self


_Wanted = tuple[Path | None, Path | None, Path | None, MinVersion]
_FileState = tuple[int, int, int] | None


def _wanted(options: TlsOptions) -> _Wanted:
    return options.ca, options.certificate, options.key, options.min_version


@lru_cache(maxsize=1024)
def _check(wanted: _Wanted, _state: tuple[_FileState, ...]) -> None:
    """Find out once for thousands of targets that their files are good, while these stay as is."""
    _make_context(*wanted)


def _make_context(
    ca: Path | None, certificate: Path | None, key: Path | None, min_version: MinVersion
) -> ssl.SSLContext:
    """Read the files, and make a context that verifies.

    Raises:
        ValueError: a file is not what it should be.

    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = _VERSIONS[min_version]
    context.sslobject_class = Watched
    if ca:
        load_certificates(context, ca)
    if certificate and key:
        load_pair(context, certificate, key)
    return context


class TlsContexts:
    """The contexts of all targets: those that want the same share one.

    The system's authorities take 20 ms to read. A file that was renewed is read anew.
    """

    def __init__(self) -> None:
        self._made: dict[_Wanted, tuple[tuple[_FileState, ...], ssl.SSLContext]] = {}

    def get(self, options: TlsOptions) -> ssl.SSLContext:
        """Return the context of these options.

        Raises:
            CollectError: `local`, if a file is not what it should be any more.

        """
        wanted = _wanted(options)
        state = tuple(_state(options))
        kept_state, context = self._made.get(wanted, (None, None))
        if context is None or kept_state != state:
            try:
                context = _make_context(*wanted)
            except ValueError as error:
                raise CollectError(Reason.LOCAL, str(error)) from error
            if options.ca is None:
                context.load_default_certs(ssl.Purpose.SERVER_AUTH)
            self._made[wanted] = (state, context)
        return context

    async def close(self) -> None:
        """Forget them."""
        self._made.clear()


def _state(options: TlsOptions) -> Iterator[_FileState]:
    for file in (options.ca, options.certificate, options.key):
        try:
            found = file.stat() if file else None
        except OSError:  # said when it is read
            found = None
        yield (found.st_ino, found.st_size, found.st_mtime_ns) if found else None
