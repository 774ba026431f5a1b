"""What devices write into names and descriptions, as text."""

ENCODINGS = ("utf-8", "gbk", "latin-1")
"""Tried in this order; the last one takes any bytes."""


def text(value: object) -> str:
    """Decode an OCTET STRING without its padding (NULs, blanks); anything else is empty."""
    if not isinstance(value, bytes):
        return ""
    stripped = value.strip(b"\0 \t\r\n")
    for encoding in ENCODINGS:
        try:
            return stripped.decode(encoding).strip()
        except UnicodeDecodeError:
            continue
    return ""
