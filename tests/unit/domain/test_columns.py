"""Columns: fields taken out of records, and put back."""

from __future__ import annotations

import numpy as np
import pytest
from detection_bench import meters

from functions.domain.columns import AT_ONCE, CHANGING, LEARNT, Columns
from functions.domain.packs import METER


def rough(count: int):
    """Records of any bytes at all."""
    return np.frombuffer(bytearray(np.random.default_rng(1).bytes(count * METER.itemsize)), METER)


@pytest.mark.parametrize("count", [0, 1, AT_ONCE, 2 * AT_ONCE + 3])
def test_taking_out_and_putting_back_changes_no_bit(count):
    records = rough(count)
    before = records.tobytes()
    columns = Columns(records)
    for field in METER.names:
        assert columns[field].tobytes() == np.ascontiguousarray(records[field]).tobytes()
    columns.let_learn()
    columns.put_back()
    assert records.tobytes() == before


@pytest.mark.parametrize("field", METER.names)
def test_what_is_written_to_a_field_arrives_in_it_alone(field):
    records = meters(AT_ONCE + 5)
    others = {name: records[name].tobytes() for name in METER.names if name != field}
    columns = Columns(records)
    columns.let_learn()
    columns[field][AT_ONCE + 1] = 7
    columns.put_back()
    assert (records[field][AT_ONCE + 1] == 7).all()
    assert (records[field][AT_ONCE] != 7).all()
    assert {name: records[name].tobytes() for name in others} == others


@pytest.mark.parametrize("field", LEARNT)
def test_only_a_block_that_closes_may_write_what_was_learnt(field):
    columns = Columns(meters())
    with pytest.raises(ValueError, match="read-only"):
        columns[field][0] = 1
    columns.let_learn()
    columns[field][0] = 1


def test_no_field_is_named_twice():
    assert len(set(CHANGING + LEARNT)) == len(CHANGING + LEARNT)
