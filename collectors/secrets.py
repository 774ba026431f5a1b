"""Secrets: read from a file or the environment when the configuration is, never written in it."""

import os
import stat
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from collectors.fields import seen
from collectors.files import folder_of

_OTHERS = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH
_MOST_BYTES = 4096
_SHORTEST = 8


def from_file(file: Path) -> SecretStr:
    """Read a secret that only its owner and group can get at.

    Raises:
        ValueError: others can, or it is no file of one line; the text does not quote it.

    """
    return _one_line(_read(file), f"file {seen(str(file))}")


def _secret(value: object, info: ValidationInfo) -> SecretStr:
    """Read `{file: PATH}` or `{env: NAME}`; no message quotes what may be a secret."""
    if isinstance(value, SecretStr):
        return value
    match value:
        case {"file": str(path), **others} if not others:
            return from_file(folder_of(info) / path)
        case {"env": str(name), **others} if not others:
            return _one_line(_variable(name), f"environment variable {seen(name)}")
    msg = "a secret is not written here; put it into a file of mode 0600 and write {file: PATH}"
    msg += ", or into the environment and write {env: NAME}"
    raise ValueError(msg)


def _read(file: Path) -> bytes:
    try:
        # Without waiting, should it be a pipe that nobody writes to.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            content = stream.read(_MOST_BYTES + 1) if stat.S_ISREG(mode) else b""
    except OSError as error:
        msg = f"cannot be read: {file}: {error.strerror}; name a file that netfold may read"
        raise ValueError(msg) from error
    if not stat.S_ISREG(mode):
        msg = f"not a file: {file}; name a file that holds the secret"
        raise ValueError(msg)
    if mode & _OTHERS:
        seen_mode = f"{stat.S_IMODE(mode):04o}"
        msg = f"others may get at {file}: its mode is {seen_mode}; run chmod o-rwx {file}"
        raise ValueError(msg)
    return content


def _variable(name: str) -> bytes:
    value = os.environ.get(name)
    if value is None:
        msg = f"environment variable {seen(name)} is not set; set it where netfold is started"
        raise ValueError(msg)
    return os.fsencode(value)


def _one_line(content: bytes, source: str) -> SecretStr:
    try:
        secret = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        msg = f"{source} is not UTF-8; write the secret into it as text"
        raise ValueError(msg) from None
    if not secret.strip():
        msg = f"{source} is empty; write the secret into it"
        raise ValueError(msg)
    if len(content) > _MOST_BYTES or "\n" in secret or "\0" in secret:
        msg = f"{source} holds more than one line; write the secret alone into it"
        raise ValueError(msg)
    return SecretStr(secret)


def _passphrase(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SHORTEST:
        msg = f"shorter than {_SHORTEST} characters (RFC 3414); choose a longer secret"
        raise ValueError(msg)
    return value


Secret = Annotated[SecretStr, BeforeValidator(_secret)]
"""A secret of one line, as `{file: PATH}` or `{env: NAME}`."""

Passphrase = Annotated[Secret, AfterValidator(_passphrase)]
"""A secret of SNMPv3's user-based security."""
