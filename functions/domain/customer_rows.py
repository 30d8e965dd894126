"""Customer rows: what a utility's customer information system tells of each customer, as JSON or CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping

import msgspec

from functions.domain.catalogue import languages
from functions.domain.customers import CHANNELS, Customer
from functions.domain.errors import RejectedDocument
from functions.domain.ids import checked_id
from functions.domain.quiet_hours import zone_of

COLUMNS = ("customer_id", "phone", "language", "time_zone", "channels", "critical", "quiet_from", "quiet_to")
_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0", ""})

Row = Mapping[str, object]


class RejectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row that was not applied, and why."""

    row: int
    """From 1, the header of a table not counted."""
    customer_id: str
    field: str
    error: str


def rows_of_table(content: bytes) -> list[Row]:
    """Rows of a CSV file with a header; raises `RejectedDocument` for what is none of customers."""
    try:
        reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        header = reader.fieldnames or ()
        unknown = sorted(set(header) - set(COLUMNS))
        if "customer_id" not in header or unknown:
            raise RejectedDocument("header", f"needs customer_id and has {unknown or 'nothing else'}; use {COLUMNS}")
        return [{name: value for name, value in row.items() if name is not None} for row in reader]
    except (UnicodeDecodeError, csv.Error) as fault:
        raise RejectedDocument("body", f"is no UTF-8 CSV ({fault}); save it as one") from None


def read_customer(row: Row, e164: Callable[[str], str]) -> Customer:
    """A row as a customer; raises `RejectedDocument`. What is left out or empty is as for everybody."""
    unknown = sorted(set(row) - set(COLUMNS))
    if unknown:
        raise RejectedDocument(unknown[0], f"is no column; use {', '.join(COLUMNS)}")
    usual = Customer(customer_id=_text(row, "customer_id"))
    checked_id("customer_id", usual.customer_id)
    phone, language, zone = (_text(row, name) for name in ("phone", "language", "time_zone"))
    if language and language.lower().partition("-")[0] not in languages():
        raise RejectedDocument("language", f"{language!r} is not in the catalogue; use {', '.join(languages())}")
    if zone and zone_of(zone) is None:
        raise RejectedDocument("time_zone", f"{zone!r} is no IANA time zone; write it as Africa/Nairobi")
    return Customer(
        customer_id=usual.customer_id,
        phone=e164(phone) if phone else "",
        language=language or usual.language,
        critical=_flag(row, "critical"),
        time_zone=zone,
        channels=_channels(row),
        quiet_from=_minutes(row, "quiet_from", usual.quiet_from),
        quiet_to=_minutes(row, "quiet_to", usual.quiet_to),
    )


def _text(row: Row, field: str) -> str:
    value = row.get(field)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RejectedDocument(field, "is not a text; put it in quotation marks")
    return value.strip()


def _flag(row: Row, field: str) -> bool:
    value = row.get(field)
    word = str(value).strip().lower() if value is not None else ""
    if word not in _YES | _NO:
        raise RejectedDocument(field, f"{word[:20]!r} is neither yes nor no")
    return word in _YES


def _channels(row: Row) -> tuple[str, ...]:
    """A list, or words with anything between them."""
    value = row.get("channels")
    named = [str(each) for each in value] if isinstance(value, list) else re.findall(r"\w+", _text(row, "channels"))
    for each in named:
        if each not in CHANNELS:
            raise RejectedDocument("channels", f"{each[:20]!r} is no channel; use {', '.join(CHANNELS)}")
    return tuple(dict.fromkeys(named))


def _minutes(row: Row, field: str, usual: int) -> int:
    text = _text(row, field)
    if not text:
        return usual
    found = re.fullmatch(r"(\d{1,2}):(\d{2})", text)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise RejectedDocument(field, f"{text[:20]!r} is no time of day; write it as 21:00")
    return int(found[1]) * 60 + int(found[2])
