"""Whether an answer over HTTP is the right one."""

import re
from collections.abc import Iterator, Mapping

from collectors.base import CollectError, Reason
from collectors.fields import seen
from collectors.http_options import HttpTarget
from collectors.http_session import Answer
from collectors.patterns import met, missed

_REFUSED = {401, 403}
"""Who asks is not known, or may not (RFC 9110, 15.5)."""


def check(target: HttpTarget, answer: Answer) -> None:
    """Do nothing if it is right.

    Raises:
        CollectError: `auth` for status 401 or 403, else `unexpected_content`; it quotes what was
            expected, and of what was sent the status alone.

    """
    if not target.expects(answer.status):
        reason = Reason.AUTH if answer.status in _REFUSED else Reason.UNEXPECTED_CONTENT
        raise CollectError(reason, f"status {answer.status}, not {' or '.join(target.status)}")
    if wrong := next(_wrong(target, answer), None):
        raise CollectError(Reason.UNEXPECTED_CONTENT, wrong)


def header(answer: Answer, name: str) -> str:
    """Return the value of a header, of several with commas between them; '' if it is not there."""
    return ", ".join(value for key, value in answer.headers if key.lower() == name.lower())


def _wrong(target: HttpTarget, answer: Answer) -> Iterator[str]:
    if answer.version not in target.versions:
        yield f"HTTP/{answer.version}, not {' or '.join(target.versions)}"
    yield from _wrong_headers(answer, target.header_matches, target.header_lacks)
    if answer.body is not None:
        text = [_text(answer.body, answer.charset)]
        if pattern := missed(text, target.body_matches):
            yield f"the body does not match {seen(pattern.pattern)}"
        if pattern := met(text, target.body_lacks):
            yield f"the body matches {seen(pattern.pattern)}"


def _wrong_headers(
    answer: Answer,
    matches: Mapping[str, re.Pattern[str]],
    lacks: Mapping[str, re.Pattern[str]],
) -> Iterator[str]:
    for name, pattern in matches.items():
        if not pattern.search(header(answer, name)):
            yield f"header {name} does not match {seen(pattern.pattern)}"
    names = {key.lower() for key, _ in answer.headers}
    for name, pattern in lacks.items():
        if name.lower() in names and pattern.search(header(answer, name)):
            yield f"header {name} matches {seen(pattern.pattern)}"


def _text(body: bytes, charset: str | None) -> str:
    """Read a body in its own charset; without one in UTF-8, else GB 18030 as many pages are."""
    for encoding in (charset, "utf-8", "gb18030"):
        try:
            return body.decode(encoding or "utf-8")
        except (LookupError, ValueError):
            continue
    return body.decode("utf-8", "replace")
