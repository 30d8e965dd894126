"""Documents in a table: CSV (RFC 4180) with a header, one document a row."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection

from functions.domain.errors import RejectedDocument


def csv_documents(content: bytes, numbers: Collection[str] = ()) -> list[dict[str, object]]:
    """Rows as documents; an empty cell says nothing. Columns named in `numbers` become numbers where they can.

    Raises `RejectedDocument` for what is no table.

    >>> csv_documents(b"id,temperature_c\\nA,21.5\\n", {"temperature_c"})
    [{'id': 'A', 'temperature_c': 21.5}]
    """
    try:
        text = content.decode("utf-8-sig").rstrip()
    except UnicodeDecodeError as fault:
        raise RejectedDocument("body", f"is not UTF-8 ({fault.reason}, byte {fault.start}); save it as UTF-8") from None
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as fault:
        raise RejectedDocument(
            "body", f"is not CSV ({fault}); separate by commas and quote texts with commas"
        ) from None
    except ValueError:
        raise RejectedDocument("body", "is empty; send a header and a row for each") from None
    names = [name.strip() for name in header]
    for position, row in enumerate(rows):
        if len(row) > len(names):
            raise RejectedDocument("body", f"has {len(row)} cells under {len(names)} columns; quote commas", position)
    return [
        {name: _value(name, cell.strip(), numbers) for name, cell in zip(names, row, strict=False) if cell.strip()}
        for row in rows
    ]


def _value(name: str, cell: str, numbers: Collection[str]) -> object:
    if name not in numbers:
        return cell
    try:
        return float(cell)
    except ValueError:
        return cell
