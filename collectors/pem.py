"""Certificates and keys from PEM files into a TLS context; what is wrong with them, in our words.

OpenSSL's own words say neither which file nor what to do; no message quotes what a file holds.
"""

import ssl
from collections.abc import Callable
from pathlib import Path


def check_readable(file: Path) -> None:
    """Do nothing.

    Raises:
        ValueError: it is no file, or may not be read.

    """
    try:
        is_file = file.is_file()
        if is_file:
            file.open("rb").close()
    except OSError as error:
        msg = f"cannot be read: {file}: {error.strerror}; name a file that netfold may read"
        raise ValueError(msg) from error
    if not is_file:
        what = "not a file" if file.exists() else "no such file"
        msg = f"{what}: {file}; name a file in PEM"
        raise ValueError(msg)


def load_certificates(context: ssl.SSLContext, file: Path) -> None:
    """Trust those who sign clients, and let the context tell clients their names.

    Raises:
        ValueError: the file holds no certificate.

    """
    check_readable(file)
    try:
        context.load_verify_locations(file)
    except OSError as error:  # an ssl.SSLError is one
        msg = f"holds no certificate: {file}; name a file in PEM"
        raise ValueError(msg) from error


def load_pair(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Show clients this certificate, and those behind it in the same file.

    Raises:
        ValueError: the key is none, needs a passphrase, or belongs to another certificate.

    """
    check_readable(key)
    try:
        context.load_cert_chain(certificate, key, _refused(key))
    except ssl.SSLError as error:
        raise ValueError(_in_words(error, certificate, key)) from error
    except OSError as error:
        msg = f"cannot be read: {certificate} or {key}: {error.strerror}; name two files in PEM"
        raise ValueError(msg) from error


def _in_words(error: ssl.SSLError, certificate: Path, key: Path) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"{key} is not the key of {certificate}; name two that belong together"
    if error.reason in {None, "NO_START_LINE"}:
        return f"holds no private key: {key}; name a file in PEM"
    why = error.reason.lower().replace("_", " ")
    return f"OpenSSL refuses {certificate} with {key}: {why}; have another pair made"


def _refused(key: Path) -> Callable[[], str]:
    """Answer OpenSSL's question for a passphrase, which would else wait at the terminal."""

    def ask() -> str:
        msg = f"encrypted: {key}; write the key without a passphrase into a file of mode 0600"
        raise ValueError(msg)

    return ask
