"""Why TLS failed: OpenSSL's words -> a reason, and a line that says what was wrong."""

import re
import ssl

from collectors.base import Reason

_EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED

_ABOUT_US = (
    *("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "CERTIFICATE_REVOKED", "CERTIFICATE_EXPIRED"),
    *("CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED", "CERTIFICATE_REQUIRED"),
)
"""Alerts to a client about its certificate (RFC 8446, 6.2)."""

_NOTHING_IN_COMMON = (
    *("PROTOCOL_VERSION", "INSUFFICIENT_SECURITY", "HANDSHAKE_FAILURE", "UNSUPPORTED_PROTOCOL"),
    *("NO_APPLICATION_PROTOCOL", "MISSING_EXTENSION", "UNSAFE_LEGACY_RENEGOTIATION_DISABLED"),
    *("DH_KEY_TOO_SMALL", "WRONG_SSL_VERSION", "VERSION_TOO_LOW", "WRONG_CIPHER_RETURNED"),
)
"""Alerts, and what our own side refuses: it is newer than the server, or knows other ways."""

_RECORDS = range(20, 25)  # content types of RFC 8446, 5.1
_TLS, _TLCP = b"\x03", b"\x01\x01"  # versions as records bear them; TLCP is GB/T 38636
_SEEN_BYTES = 40
_ITS_TLS = "its_tls"


class Watched(ssl.SSLObject):
    """One that can be asked, where it failed, how far it came: the loop's TLS lets go of it."""

    def do_handshake(self) -> None:
        """Shake hands; an error of it remembers this object for `failed_at`."""
        try:
            super().do_handshake()
        except ssl.SSLError as error:
            setattr(error, _ITS_TLS, self)
            raise


def failed_at(error: ssl.SSLError) -> ssl.SSLObject | None:
    """Return what failed, if that was the handshake of a context made for it."""
    tls: ssl.SSLObject | None = getattr(error, _ITS_TLS, None)
    return tls


def why(error: ssl.SSLError, began: bytes = b"", *, chosen: bool = False) -> tuple[Reason, str]:
    """Name what ended a handshake, or the first read after it.

    `began` is what the server's answer began with; `chosen`, whether it had agreed to a protocol
    and a cipher, so that its refusal concerns the certificate that it was, or was not, shown.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = Reason.TLS_EXPIRED if error.verify_code == _EXPIRED else Reason.TLS_VERIFY
        return reason, error.verify_message.rstrip(".")
    if began and not _is_tls(began):
        return _other(began)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return Reason.RESET, "it hung up in the TLS handshake"
    if chosen and _says(error, "HANDSHAKE_FAILURE"):
        # In TLS 1.2 servers say no more (RFC 5246, 7.4.6).
        return Reason.AUTH, f"{_in_words(error)}; it wants a client's certificate, or another one"
    return _reason(error), _in_words(error)


def _is_tls(began: bytes) -> bool:
    return began[0] in _RECORDS and began[1:2] in {_TLS, b""}


def _other(began: bytes) -> tuple[Reason, str]:
    if began[0] in _RECORDS and began[1:3] == _TLCP:
        return Reason.UNSUPPORTED_PROTOCOL, "it answers in TLCP (GB/T 38636), not in TLS"
    text = began[:_SEEN_BYTES].decode(errors="replace")
    return Reason.UNEXPECTED_CONTENT, f"it does not speak TLS; its answer begins {text!r}"


def _reason(error: ssl.SSLError) -> Reason:
    if _says(error, *_ABOUT_US):
        return Reason.AUTH
    if _says(error, *_NOTHING_IN_COMMON):
        return Reason.UNSUPPORTED_PROTOCOL
    if _is_elsewhere(error) or _says(error, "UNRECOGNIZED_NAME", "BAD_SIGNATURE"):
        return Reason.TLS_VERIFY
    return Reason.UNEXPECTED_CONTENT


def _says(error: ssl.SSLError, *words: str) -> bool:
    return (error.reason or "").endswith(words)


def _in_words(error: ssl.SSLError) -> str:
    alert = re.fullmatch("(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(.+)", error.reason or "")
    if alert:
        return f"it ended TLS: {alert[1].lower().replace('_', ' ')}"
    if _is_elsewhere(error):
        return f"its certificate cannot be read: {_text(error)}"
    return f"TLS failed: {_text(error)}"


def _is_elsewhere(error: ssl.SSLError) -> bool:
    """Whether another part of OpenSSL failed: at the certificate's encoding, key or signature."""
    return error.library != "SSL" or _text(error).endswith(" lib")


def _text(error: ssl.SSLError) -> str:
    """What OpenSSL says, without the place in Python's source that it says it at."""
    return re.sub(r"^\[[^]]*\] *| *\(_ssl\.c:\d+\)$", "", str(error.args[-1]))
