"""Event bodies in column form."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InputError
from functions.domain.packing import pack_columns


def bodies(n: int, name: str = "m{}", **limits: int) -> list[bytes]:
    ids = [name.format(i) for i in range(n)]
    return list(pack_columns("F1", 900, ids, np.arange(n) * 900, np.full(n, 230.0), np.full(n, 0.25), **limits))


def test_a_body_is_the_column_form_of_the_wire():
    packed = pack_columns(
        "F ü",
        300,
        ["a", "b"],
        np.array([1_700_000_000, 1_700_000_300]),
        np.array([230.1, np.nan]),
        np.array([np.nan, 2]),
    )
    assert [json.loads(body.decode()) for body in packed] == [
        {
            "feeder_id": "F ü",
            "interval_s": 300,
            "readings": {
                "meter_id": ["a", "b"],
                "timestamp": [1_700_000_000, 1_700_000_300],
                "voltage_v": [230.1, None],
                "energy_kwh": [None, 2.0],
            },
        }
    ]


def test_numbers_are_rounded_and_float32_noise_goes():
    volts = np.array([239.6, 230.12349, -1, 4294967.295, 1.7e308])
    single = np.float32([239.6, 0.1]).astype(np.float64)
    (body,) = pack_columns("F", 900, list("abcde"), np.arange(5), volts, np.array([0.12345, 1e-9, 2, 3, 4]))
    readings = json.loads(body)["readings"]
    assert readings["voltage_v"] == [239.6, 230.123, -1, 4294967.295, 1.7e308]
    assert readings["energy_kwh"] == [0.1234, 0, 2, 3, 4]
    (body,) = pack_columns("F", 900, ["a", "b"], np.arange(2), single, single)
    assert b"[239.6,0.1]" in body


def test_an_infinity_that_json_cannot_say_is_null():
    (body,) = pack_columns("F", 900, ["a", "b"], np.arange(2), np.array([np.inf, -np.inf]), np.array([1.0, 2.0]))
    assert json.loads(body)["readings"]["voltage_v"] == [None, None]


def test_readings_are_cut_at_the_limit_and_keep_their_order():
    parts = [json.loads(body)["readings"]["meter_id"] for body in bodies(1203)]
    assert [len(part) for part in parts] == [500, 500, 203]
    assert [name for part in parts for name in part] == [f"m{i}" for i in range(1203)]


def test_long_ids_cut_further():
    packed = bodies(40, "m{}" + "x" * 300, max_bytes=2000)
    assert all(len(body) <= 2000 for body in packed)
    names = [name for body in packed for name in json.loads(body)["readings"]["meter_id"]]
    assert names == [f"m{i}" + "x" * 300 for i in range(40)]


def test_a_reading_too_large_for_any_event_is_refused_by_name():
    with pytest.raises(InputError, match="one reading of meter 'm0xxx"):
        bodies(1, "m{}" + "x" * 3000, max_bytes=2000)


def test_nothing_packs_to_nothing():
    assert bodies(0) == []


def test_columns_of_different_lengths_are_a_mistake():
    with pytest.raises(ValueError, match="different lengths"):
        next(pack_columns("F", 900, ["a"], np.arange(2), np.zeros(2), np.zeros(2)))


def test_arrays_handed_in_are_left_alone_and_may_be_read_only():
    volts = np.array([230.12345])
    volts.flags.writeable = False
    list(pack_columns("F", 900, ["a"], np.array([0]), volts, volts))
    assert volts.tolist() == [230.12345]


@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.integers(0, 2**40), st.floats(width=32), st.floats(0, 100)), max_size=60
    ),
    st.integers(1, 25),
    st.integers(400, 3000),
)
def test_what_is_packed_is_what_is_read_back(rows, max_readings, max_bytes):
    ids, stamps, volts, energy = ([row[column] for row in rows] for column in range(4))
    packed = list(
        pack_columns(
            "F1",
            60,
            ids,
            np.array(stamps, np.int64),
            np.array(volts, np.float64),
            np.array(energy, np.float64),
            max_readings=max_readings,
            max_bytes=max_bytes,
        )
    )
    read = [json.loads(body)["readings"] for body in packed]
    assert all(len(body) <= max_bytes for body in packed)
    assert all(1 <= len(part["meter_id"]) <= max_readings for part in read)
    assert [name for part in read for name in part["meter_id"]] == ids
    assert [stamp for part in read for stamp in part["timestamp"]] == stamps
    back = np.array([volt for part in read for volt in part["voltage_v"]], np.float64)
    finite = np.isfinite(np.array(volts, np.float64))
    assert (np.isnan(back) == ~finite).all()
    np.testing.assert_allclose(back[finite], np.array(volts, np.float64)[finite], rtol=1e-12, atol=0.000501)
