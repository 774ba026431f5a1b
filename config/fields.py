"""Texts of the configuration that only it knows: dates, regions, busy periods, networks."""

import ipaddress
import re
from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from collectors.fields import seen

_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12]")
_CODE_CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CREDIT_CODE = re.compile(rf"[{_CODE_CHARACTERS}]{{2}}[0-9]{{6}}[{_CODE_CHARACTERS}]{{10}}")
_LEAP_YEAR = 2000  # so that 02-29 is a day of the year
_LONGEST_TEXT = 200


class Item(BaseModel):
    """What every part of the configuration is: frozen, and without room for unknown keys.

    A pydantic error never quotes its input, which may be a secret in the wrong place.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        # fromisoformat takes 20270630 and 2027-W26-3 as well.
        return date.fromisoformat(value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "")
    except ValueError:
        msg = f"not a date: {seen(value)}; write YYYY-MM-DD, as 2027-06-30"
        raise ValueError(msg) from None


def _truth(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        msg = f"neither true nor false: {seen(value)}; write true or false"
        raise ValueError(msg)
    return value


def _text(value: object) -> object:
    if isinstance(value, str) and ("\n" in value or len(value) > _LONGEST_TEXT):
        msg = f"not a short text: {seen(value)}; write one line, at most {_LONGEST_TEXT} characters"
        raise ValueError(msg)
    return value


def _region(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[0-9]{6}(?:[0-9]{6})?", value):
        msg = f"not a region: {seen(value)}; write 6 or 12 digits of GB/T 2260, as 440300"
        raise ValueError(msg)
    if not _PROVINCE.match(value):
        msg = f"not a region: {seen(value)}, no province has the code {value[:2]}; "
        msg += "write 6 or 12 digits of GB/T 2260, as 440300"
        raise ValueError(msg)
    return value


def _credit_code(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _CREDIT_CODE.fullmatch(value):
        msg = f"not a unified social credit code: {seen(value)}; write the 18 characters of "
        msg += "GB 32100: digits and capitals without I, O, S, V and Z"
        raise ValueError(msg)
    check = credit_check(value[:-1])
    if value[-1] != check:
        msg = f"not a unified social credit code: {seen(value)} ends with {value[-1]}, but "
        msg += f"{check} would follow from the others; compare it with the certificate"
        raise ValueError(msg)
    return value


def credit_check(first: str) -> str:
    """Return the 18th character that follows from the first 17 (GB 32100-2015, MOD 31)."""
    weighed = sum(_CODE_CHARACTERS.index(it) * 3**n for n, it in enumerate(first))
    return _CODE_CHARACTERS[-weighed % 31]


def _busy_period(value: object) -> object:
    if not isinstance(value, str) or value in {"month_end", "quarter_end"}:
        return value
    match = re.fullmatch(r"(\d\d)-(\d\d)\.\.(\d\d)-(\d\d)", value)
    month, day, last_month, last_day = map(int, match.groups()) if match else (0, 0, 0, 0)
    try:
        date(_LEAP_YEAR, month, day)
        date(_LEAP_YEAR, last_month, last_day)
    except ValueError:
        msg = f"not a busy period: {seen(value)}; write month_end, quarter_end or 06-01..06-10"
        raise ValueError(msg) from None
    return value


def _percent(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)%", value)
    if match is None:
        msg = f"not a percentage: {seen(value)}; write a number and %, as 5%"
        raise ValueError(msg)
    return float(f"{match[1]}e-2")  # 0.7% is 0.007; 0.7 / 100 is less than that


def _ip_network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        msg = f"not a range of addresses: {seen(value)}; write it as 198.51.100.0/24"
        raise ValueError(msg) from None
    if ipaddress.ip_interface(value).ip != network.network_address:
        msg = f"not where a range begins: {seen(value)}; write {network}, or the address alone"
        raise ValueError(msg)
    return network


Day = Annotated[date, BeforeValidator(_date)]
"""A day, written `2027-06-30`."""

Truth = Annotated[bool, BeforeValidator(_truth)]
"""`true` or `false`, and no other of YAML's many words for them."""

Text = Annotated[str, BeforeValidator(_text)]
"""A short text for people."""

Region = Annotated[str, BeforeValidator(_region)]
"""A GB/T 2260 code, kept as text: 6 digits, or 12 for townships and villages."""

CreditCode = Annotated[str, BeforeValidator(_credit_code)]
"""A department's 统一社会信用代码 (GB 32100), with the check character that it has to have."""

BusyPeriod = Annotated[str, BeforeValidator(_busy_period)]
"""`month_end`, `quarter_end` or `MM-DD..MM-DD`; one that ends before it begins passes new year."""

AddressRange = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network, BeforeValidator(_ip_network)
]
"""A range of addresses (CIDR); a single address is one too."""

Percent = Annotated[float, BeforeValidator(_percent)]
"""A ratio, written in percent: `5%` is 0.05."""

Yuan = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""Money, in yuan."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP port."""
