"""A cell of a sheet <-> the text that YAML would have for it.

Whoever fills in a sheet writes 12 万元, 2027年6月30日 or 是, and a spreadsheet makes numbers and
dates of what it can. Each kind of column says what it takes; everything else gets one clear line.
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Never, TypeAlias

from collectors.fields import seen

Value: TypeAlias = str | int | float | bool | datetime | date | time | timedelta | None
"""What a spreadsheet keeps in a cell; of a CSV file only texts."""

Read: TypeAlias = Callable[[Value, str], str | list[str] | None]
"""Makes the text of YAML, with the unit of the heading ('' if none); None for an empty cell.

Raises ValueError with one line: what was wrong, what was seen, what would be right.
"""

_NONE = {"无", "none"}
_MOST_DIGITS = 15
"""A spreadsheet's number keeps no more of them (IEEE 754)."""
_SERIALS = range(20_000, 80_000)
"""What a day of 1954 to 2119 is counted as from 1899-12-30, where a cell is not shown as a date."""
YUAN_IN = {"": None, "元": 1, "yuan": 1, "cny": 1, "rmb": 1, "万": 10**4, "万元": 10**4}
YUAN_IN |= {"10kyuan": 10**4, "10000yuan": 10**4, "亿元": 10**8, "亿": 10**8}
_AMOUNT = re.compile(r"[¥￥]?(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,6})?(\D*)")
_PREFIX = {"": "", "k": "k", "m": "M", "g": "G", "t": "T", "兆": "M"}
_SPEED = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(\D*)")
_DATES = (
    re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?: 0?0:00(?::00)?)?"),
    re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})(?: 0?0:00(?::00)?)?"),
    re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,2})"),
    re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日"),
)
_SHOWN = 60
_TOKEN = re.compile(r'"([^"]*)"|([^\s、，；,;]+)')


def refuse(message: str) -> Never:
    """End the reading of a cell with the one line that says why."""
    raise ValueError(message)


def narrow(text: str) -> str:
    """Full-width digits and letters as ASCII, without blanks around."""
    return unicodedata.normalize("NFKC", text).strip()


def narrowed(value: Value) -> str:
    """The text of a cell as `narrow` has it; '' of an empty one."""
    return narrow(plain_text(value) or "")


def plain_text(value: Value, _: str = "") -> str | None:
    """Texts as they are, but for blanks around them; a number as its digits."""
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    if isinstance(value, bool):
        refuse(
            f"a truth value stands here: {_shown(value)}; format the cell as text, write it again"
        )
    if not isinstance(value, int | float):
        refuse(f"a date or time stands here: {value}; format the cell as text, write it again")
    if value != int(value):
        return repr(value)
    if len(str(abs(int(value)))) > _MOST_DIGITS:
        refuse(
            f"a number keeps {_MOST_DIGITS} digits only: {int(value)}; format the cell as text, "
            "write it again"
        )
    return str(int(value))


def code(value: Value, _: str) -> str | None:
    """Digits and letters, which a spreadsheet may have made a number."""
    text = narrowed(value)
    return None if text.casefold() in _NONE else text or None


def number(value: Value, _: str) -> str | None:
    """A whole number."""
    text = narrowed(value)
    if text and not re.fullmatch(r"\d{1,15}", text):
        refuse(f"not a whole number: {seen(text)}; write digits only, as 12")
    return text or None


def yuan(value: Value, unit: str) -> str | None:
    """An amount in the unit of its cell or of its heading: one of them, or both alike."""
    text = narrowed(value).replace(" ", "")
    if not text:
        return None
    if text.casefold() in _NONE:
        refuse(f"{_quoted(value)} is no amount; write 0, or leave the cell empty if none is known")
    match = _AMOUNT.fullmatch(text)
    if match is None or match[3].casefold() not in YUAN_IN:
        refuse(f"{_quoted(value)} is no amount; write {_right_amount(unit)}")
    own = 1 if text[0] in "¥￥" and not match[3] else YUAN_IN[match[3].casefold()]
    headings = YUAN_IN[unit]
    if own is not None and headings is not None and own != headings:
        refuse(
            f"{_quoted(value)} is ambiguous: the heading says {unit}; write {_right_amount(unit)}"
        )
    factor = own or headings
    if factor is None:
        refuse(
            f"{_quoted(value)} has no unit; write {match[1]} 元 or {match[1]} 万元, "
            "or the unit into the heading, as 年租费（元）"
        )
    amount = Decimal(match[1].replace(",", "") + (match[2] or "")) * factor
    return format(amount.normalize(), "f")


def _right_amount(unit: str) -> str:
    if not unit:
        return "120000 元 or 12 万元"
    return "120000 or 12 万元" if YUAN_IN[unit] == 1 else "12 or 12 万元"


def bandwidth(value: Value, unit: str) -> str | None:
    """A number with k, M, G or T, its own or that of the heading."""
    text = narrowed(value).replace(" ", "")
    if not text:
        return None
    match = _SPEED.fullmatch(text)
    own = match and speed_prefix(match[2])
    if match is None or own is None:
        right = " (B is bytes, b and bit are bits)" if match and "B" in match[2] else ""
        refuse(f"{_quoted(value)} is no bandwidth{right}; write 100M or 2G")
    if match[2] and unit and own != speed_prefix(unit):
        refuse(f"{_quoted(value)} is ambiguous: the heading says {unit}; leave out one of them")
    if not (match[2] or unit):
        refuse(f"{_quoted(value)} has no unit; write {match[1]}M or {match[1]}G")
    prefix = own if match[2] else speed_prefix(unit)
    return f"{match[1]}{prefix}"


def speed_prefix(unit: str) -> str | None:
    """The prefix of a unit of bandwidth: `M` of Mbps, Mbit/s, M or 兆; None if it is none."""
    match = re.fullmatch(r"([kKMGTmgt兆]?)(bps|bit/s|b/s|bits|bit|)", narrow(unit))
    return _PREFIX[match[1].lower()] if match else None


def day(value: Value, _: str) -> str | None:
    """A date of the spreadsheet's own, or one of the usual texts; 无 is none."""
    if isinstance(value, datetime):
        if value.time() != time():
            refuse(f"a time of day stands beside the date: {value}; write {value.date()}")
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time | timedelta):
        refuse(f"a time, not a date: {value}; write 2027-06-30")
    text = narrowed(value)
    if not text or text.casefold() in _NONE:
        return None
    if re.fullmatch(r"\d{5}", text) and int(text) in _SERIALS:
        would = date(1899, 12, 30) + timedelta(int(text))
        refuse(
            f"{text} is a spreadsheet's number of a day, {would} if it counts from 1900; "
            "format the cell as a date"
        )
    match = next((it for pattern in _DATES if (it := pattern.fullmatch(text))), None)
    try:
        return date(*map(int, match.groups())).isoformat() if match else _no_date(value)
    except ValueError:
        return _no_date(value)


def _no_date(value: Value) -> str:
    refuse(f"{_quoted(value)} is no date; write 2027-06-30, 2027/6/30, 2027年6月30日 or 无")


def words(value: Value, _: str) -> list[str] | None:
    """Several words between blanks or commas of any kind; quotes hold one with commas together."""
    text = plain_text(value)
    if text is None or text.casefold() in _NONE:
        return None
    return [quoted or bare for quoted, bare in _TOKEN.findall(text)]


def truth(value: Value, _: str) -> str | None:
    """是 or 否."""
    if isinstance(value, bool):
        return str(value).lower()
    text = narrowed(value)
    for word, many in (("true", {"是", "yes", "true", "y"}), ("false", {"否", "no", "false", "n"})):
        if text.casefold() in many:
            return word
    if text:
        refuse(f"{_quoted(value)} is neither 是 nor 否; write 是, 否, yes or no")
    return None


def _shown(value: Value) -> str:
    return str(value).upper() if isinstance(value, bool) else str(value)


def _quoted(value: Value) -> str:
    text = _shown(value).strip()
    return f'"{text}"' if len(text) <= _SHOWN else f'"{text[: _SHOWN - 1]}…"'
