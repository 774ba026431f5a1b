"""What the certificates of a chain say: until when, since when, whose (RFC 5280)."""

import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cryptography import x509

from collectors.base import Metric, Reason, Sample

EXPIRY = Metric(
    "netfold_probe_tls_expiry_timestamp_seconds",
    "gauge",
    "When the first certificate of the chain expires.",
    ("target",),
)
CERTIFICATE_EXPIRY = Metric(
    "netfold_probe_tls_certificate_expiry_timestamp_seconds",
    "gauge",
    "When this certificate of the chain expires.",
    ("target", "subject", "serial"),
)
CERTIFICATE_START = Metric(
    "netfold_probe_tls_certificate_start_timestamp_seconds",
    "gauge",
    "From when on this certificate of the chain is valid.",
    ("target", "subject", "serial"),
)
ISSUER = Metric(
    "netfold_probe_tls_issuer_info",
    "info",
    "Who issued the server's own certificate.",
    ("target", "issuer"),
)
INFO = Metric(
    "netfold_probe_tls_info",
    "info",
    "What client and server agreed to use.",
    ("target", "version", "cipher"),
)
METRICS = (EXPIRY, ISSUER, CERTIFICATE_EXPIRY, CERTIFICATE_START)

NOT_PROVEN = {Reason.TLS_VERIFY, Reason.TLS_EXPIRED}
"""Both could talk, but the server's certificates do not show who it is."""

_MOST_SHOWN = 16
_LONGEST_SUBJECT = 200
_DER = 2  # _ssl.ENCODING_DER


class Certificate(NamedTuple):
    """What is shown of one; times are UTC epoch seconds."""

    subject: str
    issuer: str
    serial: str
    starts_s: float
    expires_s: float


def read(chain: Sequence[bytes]) -> list[Certificate]:
    """Read certificates in DER; one that cannot be read is left out, for nothing is known of it."""
    return [it for it in map(_read, chain) if it]


def certificates(tls: ssl.SSLObject, *, is_proven: bool) -> list[bytes]:
    """The chain in DER, the server's own first: as verified, with its root, else as sent.

    OpenSSL 3 keeps what was sent where verifying failed; older ones have nothing then.
    """
    # Public from Python 3.13 on; the methods beneath are the same in all of them.
    beneath: Any = tls._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - see above
    chain = (is_proven and beneath.get_verified_chain()) or beneath.get_unverified_chain() or ()
    return [it.public_bytes(_DER) for it in chain]


def samples(target: str, chain: Sequence[Certificate]) -> Iterator[Sample]:
    """What `summary` says, and each one's own times; nothing of an empty chain."""
    yield from summary(target, chain)
    # A chain may hold a certificate twice, and hundreds of them.
    shown = {(it.subject, it.serial): it for it in chain[:_MOST_SHOWN]}
    for (subject, serial), it in shown.items():
        yield Sample(CERTIFICATE_EXPIRY, it.expires_s, (target, subject, serial))
        yield Sample(CERTIFICATE_START, it.starts_s, (target, subject, serial))


def summary(target: str, chain: Sequence[Certificate]) -> Iterator[Sample]:
    """The first end of all of them, and who issued the server's own; nothing of an empty chain."""
    if chain:
        yield Sample(EXPIRY, min(it.expires_s for it in chain), (target,))
        yield Sample(ISSUER, 1, (target, chain[0].issuer))


def in_words(reason: Reason, detail: str, chain: Sequence[Certificate]) -> str:
    """Say beside a chain that proves nothing when it is valid as a whole."""
    if reason not in NOT_PROVEN or not chain:
        return detail
    starts_s, expires_s = max(it.starts_s for it in chain), min(it.expires_s for it in chain)
    return f"{detail} (its chain is valid from {_day(starts_s)} to {_day(expires_s)})"


def _read(der: bytes) -> Certificate | None:
    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            certificate.subject.rfc4514_string()[:_LONGEST_SUBJECT],
            certificate.issuer.rfc4514_string()[:_LONGEST_SUBJECT],
            f"{certificate.serial_number:x}",
            certificate.not_valid_before_utc.timestamp(),
            certificate.not_valid_after_utc.timestamp(),
        )
    except ValueError:  # OpenSSL takes some that it does not
        return None


def _day(time_s: float) -> str:
    return f"{datetime.fromtimestamp(time_s, UTC):%Y-%m-%d %H:%M} UTC"
