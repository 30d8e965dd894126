"""Packs: size, bytes, and what people read of them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from detection_bench import NAN, PRIOR, feed, live, meters, steady

from functions.domain.errors import StoreError
from functions.domain.packs import LAYOUT, METER, METERS_PER_PACK, Pack, describe, fresh, join


def pack(state, layout=LAYOUT):
    return Pack(id="F:0:0", feeder_id="F", layout=layout, data=state.tobytes())


def test_bytes_survive_a_round_trip_and_can_be_written_to():
    state = meters(3)
    feed(state, steady(4_000, 50, row=1))
    joined = join([pack(state[:2]), pack(state[2:])])
    assert joined.tobytes() == state.tobytes()
    joined["head"][0] = 7
    assert pack(state).meters == 3
    assert len(join([])) == 0


def test_a_meter_takes_no_more_than_a_kilobyte_and_a_quarter():
    full = base64.b64encode(meters(METERS_PER_PACK).tobytes())
    assert len(full) <= 1250 * METERS_PER_PACK <= 96_000
    assert METER.itemsize == meters(1).nbytes


def test_another_layout_is_refused_by_name():
    with pytest.raises(StoreError, match=r"pack F:0:0 has layout 99, this release reads"):
        join([pack(meters(), 99)])


def test_a_new_meter_reads_as_nothing_known():
    meter = describe(meters(nominal_v=NAN)[0])
    assert meter.last_reading is None
    assert meter.nominal_voltage_v is None
    assert set(meter.voltage_v) == set(meter.hours_energy_kwh) == {None}
    assert (meter.samples, meter.scores_kept, meter.open) == (0, 0, ())


def test_people_read_volts_times_and_what_is_open():
    state = meters()
    live(state, [(0, 100, 230, 0.5), (0, 102, 0, 0)])
    meter = describe(state[0])
    assert meter.last_reading == 102 * 900
    assert meter.voltage_v == (None, 230.0, None, 0.0)
    (opened,) = meter.open
    assert (opened.kind, opened.start) == ("power_off", 102 * 900)


def test_fresh_meters_do_not_share_memory():
    state = fresh(np.full(2, 230, np.float32), PRIOR)
    state["history"][0] = 1
    assert np.isnan(state["history"][1]).all()
