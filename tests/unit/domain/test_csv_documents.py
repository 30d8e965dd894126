"""Tables: a document a row, and what is no table refused with its row."""

from __future__ import annotations

import pytest

from functions.domain.csv_documents import csv_documents
from functions.domain.errors import RejectedDocument


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1,x\n", b"\xef\xbb\xbfa,b\r\n1,x\r\n", b"a , b\n 1 ,x\n\n\n", b'"a","b"\n"1","x"'],
)
def test_rows_become_documents_however_the_table_was_saved(content: bytes) -> None:
    assert csv_documents(content, {"a"}) == [{"a": 1.0, "b": "x"}]


def test_an_empty_cell_says_nothing_and_ids_stay_texts() -> None:
    assert csv_documents(b"id,a,b\n0012,,x\n7,2\n", {"a"}) == [{"id": "0012", "b": "x"}, {"id": "7", "a": 2.0}]


def test_what_is_no_number_is_left_for_the_reader_to_refuse() -> None:
    assert csv_documents(b"a\nwarm\n", {"a"}) == [{"a": "warm"}]


def test_a_cell_may_hold_commas_and_lines() -> None:
    assert csv_documents(b'a,b\n"x, y\nz",1\n') == [{"a": "x, y\nz", "b": "1"}]


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "empty"), (b"  \n", "empty"), (b"a\n\xff\n", "UTF-8"), (b'a\n"x\n', "CSV")],
)
def test_what_is_no_table_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(RejectedDocument, match=said) as fault:
        csv_documents(content)
    assert fault.value.field == "body"


def test_a_row_too_long_is_named_by_its_position() -> None:
    with pytest.raises(RejectedDocument, match="number 2, body: has 3 cells under 2 columns"):
        csv_documents(b"a,b\n1,2\n1,2,3\n")
