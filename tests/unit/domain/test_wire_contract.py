"""The wire contract: every form of a body, and what becomes of what cannot be used."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.device_events import DeviceEvent, Meaning
from functions.domain.ids import is_id
from functions.domain.outcomes import Reason
from functions.domain.readings import decode
from functions.domain.salvage import salvage

NOW = 1_700_000_000
READING = {"meter_id": "A", "timestamp": NOW, "voltage_v": 230.5, "energy_kwh": 0.25}


def body(readings=None, **envelope) -> bytes:
    document = {"feeder_id": "F", **({} if readings is None else {"readings": readings}), **envelope}
    return json.dumps(document).encode()


def decoded(*arguments, **envelope):
    return decode(body(*arguments, **envelope), NOW)


def rows(batch):
    columns = (batch.meter_id, batch.timestamp.tolist(), batch.voltage_v.tolist(), batch.energy_kwh.tolist())
    return list(zip(*columns, strict=True))


def reasons(batch):
    return [refusal.reason for refusal in batch.refusals]


COLUMNS = {name: [value] for name, value in READING.items()}


@pytest.mark.parametrize("readings", [READING, [READING], COLUMNS], ids=["object", "list", "columns"])
def test_the_three_forms_say_the_same(readings):
    batch = decoded(readings)
    assert rows(batch) == [("A", NOW, 230.5, 0.25)]
    assert (batch.feeder_id, batch.interval_s, batch.records) == ("F", 900, 1)


def test_a_flat_body_is_one_reading():
    assert rows(decode(json.dumps({"feeder_id": "F", **READING}).encode(), NOW)) == [("A", NOW, 230.5, 0.25)]


def test_a_flat_body_keeps_its_reading_beside_device_events():
    told = [{"meter_id": "A", "timestamp": NOW, "code": "last_gasp"}]
    batch = decode(json.dumps({"feeder_id": "F", **READING, "end_device_events": told}).encode(), NOW)
    assert (len(rows(batch)), len(batch.device_events)) == (1, 1)


def test_a_byte_order_mark_is_no_fault():
    assert len(rows(decode(b"\xef\xbb\xbf" + body([READING]), NOW))) == 1


@pytest.mark.parametrize("moment", ["2023-11-14T22:13:20Z", "2023-11-15T00:13:20+02:00", NOW, NOW + 0.9])
def test_times_are_iso_with_a_zone_or_seconds(moment):
    assert decoded([{**READING, "timestamp": moment}]).timestamp.tolist() == [NOW]


def test_null_is_not_measured():
    batch = decoded([{**READING, "voltage_v": None}])
    assert np.isnan(batch.voltage_v[0])
    assert batch.energy_kwh[0] == 0.25


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"voltage_v": -1}, Reason.sentinel),
        ({"energy_kwh": 4294967.295}, Reason.sentinel),
        ({"voltage_v": float("nan")}, Reason.sentinel),
        ({"voltage_v": 1000.1}, Reason.impossible_value),
        ({"voltage_v": -2}, Reason.impossible_value),
        ({"energy_kwh": 1250.1}, Reason.impossible_value),
        ({"energy_kwh": float("inf")}, Reason.impossible_value),
        ({"voltage_v": 10**400}, Reason.impossible_value),
        ({"voltage_v": None, "energy_kwh": None}, Reason.no_value),
        ({"timestamp": "2023-11-14T22:13:20"}, Reason.naive_timestamp),
        ({"timestamp": "yesterday"}, Reason.bad_timestamp),
        ({"timestamp": True}, Reason.bad_timestamp),
        ({"timestamp": None}, Reason.bad_timestamp),
        ({"timestamp": 1e300}, Reason.bad_timestamp),
        ({"timestamp": NOW * 1000}, Reason.bad_timestamp),
        ({"timestamp": NOW + 3601}, Reason.future_timestamp),
        ({"timestamp": NOW - 7 * 86_400 - 1}, Reason.too_old),
        ({"voltage_v": "230"}, Reason.bad_record),
        ({"voltage_v": True}, Reason.bad_record),
        ({"meter_id": 7}, Reason.bad_record),
        ({"meter_id": None}, Reason.bad_record),
    ],
)
def test_one_broken_reading_is_refused_with_its_reason_and_its_neighbour_lives(fields, reason):
    batch = decoded([{**READING, **fields}, {**READING, "meter_id": "B"}])
    assert reasons(batch) == [reason.name]
    assert batch.meter_id == ["B"]
    assert batch.records == 2


@pytest.mark.parametrize("fields", [{"timestamp": NOW + 3600}, {"timestamp": NOW - 7 * 86_400}, {"voltage_v": 1000}])
def test_what_lies_on_the_line_is_taken(fields):
    assert decoded([{**READING, **fields}]).records == len(decoded([{**READING, **fields}]).meter_id) == 1


def test_a_bare_nan_in_columns_costs_its_own_record_only():
    text = (
        b'{"feeder_id":"F","readings":{"meter_id":["A","B"],"timestamp":[1700000000,1700000000],"voltage_v":[NaN,230]}}'
    )
    batch = decode(text, NOW)
    assert reasons(batch) == ["sentinel"]
    assert rows(batch)[0][0] == "B"


def test_broken_json_inside_a_list_costs_its_own_record_only():
    batch = decode(body([READING, READING])[:-2] + b', {"meter_id": ]}', NOW)
    assert len(batch.meter_id) == 2
    assert reasons(batch) == ["bad_record"]


def test_columns_of_unequal_length_are_refused_record_by_record():
    batch = decoded({"meter_id": ["A", "B", "C"], "timestamp": [NOW, NOW], "voltage_v": [230, 230, 230]})
    assert reasons(batch) == ["unequal_columns"] * 3


def test_a_scalar_among_columns_is_refused_and_not_silently_dropped():
    batch = decoded({"meter_id": ["A"], "timestamp": [NOW], "voltage_v": 230, "energy_kwh": [1]})
    assert reasons(batch) == ["unequal_columns"]


@pytest.mark.parametrize("interval_s", [0, -900, 86_401, "900", None, True])
def test_an_interval_at_fault_refuses_every_record(interval_s):
    batch = decoded([READING, READING], interval_s=interval_s)
    assert reasons(batch) == ["bad_interval"] * 2


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe", b"null", b"[]", b"{}", b'{"feeder_id": "F"}', body([READING], feeder_id="a/b"), b"{" * 500],
)
def test_an_unreadable_body_is_exactly_one_dead_letter(text):
    batch = decode(text, NOW)
    assert [(refusal.reason, refusal.outcome) for refusal in batch.refusals] == [("bad_body", "dead_lettered")]
    assert batch.records == 1


def test_device_events_ride_along_and_are_checked():
    told = [
        {"meter_id": "A", "timestamp": NOW, "code": "last_gasp"},
        {"meter_id": "A", "timestamp": NOW, "code": "3.26.9.216"},
        {"meter_id": "A", "timestamp": NOW, "code": "no such"},
        {"meter_id": "A", "timestamp": NOW + 7200, "code": "last_gasp"},
        {"meter_id": "A", "timestamp": 5, "code": "last_gasp"},
        {"meter_id": "A", "code": "last_gasp"},
        {"timestamp": NOW},
    ]
    batch = decoded([READING], end_device_events=told)
    assert batch.device_events == [
        DeviceEvent("A", NOW, Meaning.last_gasp),
        DeviceEvent("A", NOW, Meaning.power_restored),
    ]
    assert reasons(batch) == ["bad_event_code", "future_timestamp", "too_old", "bad_timestamp", "bad_record"]
    assert batch.records == 8
    assert len(decoded(end_device_events=told).device_events) == 2


def test_minus_zero_is_zero_to_the_bit():
    batch = decode(body([{**READING, "voltage_v": -0.0}]), NOW)
    assert not np.signbit(batch.voltage_v[0])


def test_half_a_surrogate_pair_can_be_stored():
    batch = decode(b'{"feeder_id":"F","readings":[{"meter_id":"\\ud800","timestamp":"x"},"\\ud800"]}', NOW)
    assert len(batch.refusals) == 2
    for refusal in batch.refusals:
        (refusal.meter_id + refusal.record).encode()


def test_a_refused_record_is_cut():
    batch = decoded([{**READING, "voltage_v": -1, "meter_id": "x" * 9000}])
    assert len(batch.refusals[0].record) == 2000


@pytest.mark.parametrize("text", ["a/b", "", " a", "a" * 65, "a:b", "a\n", "\ufffd", 7])
def test_these_are_no_ids(text):
    assert not is_id(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.lists(json_values, max_size=5))
def test_whatever_a_list_holds_every_record_is_counted(records):
    assert decoded([*records, READING]).records == len(records) + 1


@settings(deadline=None, derandomize=True, max_examples=200)
@given(st.binary(max_size=80))
def test_no_bytes_raise(noise):
    assert decode(noise, NOW).records == 1
    assert decode(b'{"feeder_id":"F","readings":[' + noise, NOW).records >= 1


def test_salvage_reads_device_events_beside_broken_readings():
    envelope = salvage(b'{"feeder_id":"F","interval_s":300,"readings":[{"a":1},],"end_device_events":[{"b":2}]')
    assert envelope.interval_s == 300
    assert (envelope.records, envelope.device_events) == ([{"a": 1}], [{"b": 2}])


@pytest.mark.parametrize("broken", [1, 40, 1_200])
def test_of_known_records_the_broken_are_refused_and_the_others_live(broken):
    good = [f'{{"meter_id": "G{n}", "timestamp": {NOW}, "voltage_v": 240.5}}' for n in range(66)]
    bad = ['{"meter_id": }'] * broken
    body = '{"feeder_id": "F", "readings": [' + ",".join([*bad[: broken // 2], *good, *bad[broken // 2 :]]) + "]}"
    batch = decode(body.encode(), NOW)
    assert batch.meter_id == [f"G{n}" for n in range(66)]
    assert [refusal.reason for refusal in batch.refusals] == ["bad_record"] * broken


def test_a_hostile_body_is_read_in_reasonable_time():
    nested = b'{"feeder_id": "F", "readings": [' + b'{"a":' * 50_000
    assert decode(nested, NOW).meter_id == []
