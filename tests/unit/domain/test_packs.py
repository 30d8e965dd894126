"""Packs: size, bytes, and what people read of them."""

from __future__ import annotations

import base64

import numpy as np
import pytest
from detection_bench import NAN, PRIOR, feed, live, meters, steady

from functions.domain.errors import StoreError
from functions.domain.features import FEATURES
from functions.domain.packs import LAYOUT, METER, METERS_PER_PACK, CustomerType, Pack, describe, fresh, join


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


@pytest.mark.parametrize("layout", [1, LAYOUT + 1])
def test_another_layout_is_refused_by_name(layout):
    with pytest.raises(StoreError, match=rf"pack F:0:0 has layout {layout}, this release reads 2; migrate it first"):
        join([pack(meters()), pack(meters(), layout)])


def test_a_new_meter_reads_as_nothing_known():
    meter = describe(meters(nominal_v=NAN)[0])
    assert meter.last_reading is None
    assert meter.nominal_voltage_v is None
    assert set(meter.voltage_v) == set(meter.hours_energy_kwh) == {None}
    assert (meter.samples, meter.days, meter.scores_kept, meter.open) == (0, 0, 0, ())
    assert meter.customer_type == "residential"


def test_a_new_meter_reads_like_its_group():
    kinds = np.array([CustomerType.unknown, CustomerType.industrial], np.uint8)
    population = PRIOR._replace(mean=PRIOR.mean + np.arange(8, dtype=np.float32)[:, None])
    unknown, factory = map(describe, fresh(np.float32([NAN, 480]), kinds, population))
    assert (unknown.customer_type, factory.customer_type) == ("unknown", "industrial")
    assert unknown.usual_mean["voltage_mean_pu"] == 1
    assert factory.usual_mean["voltage_mean_pu"] == 1 + 7
    assert list(factory.usual_sd) == list(FEATURES)


def test_people_read_how_many_days_a_meter_was_watched():
    state = meters()
    feed(state, steady(96 * 100 + 40, 96 * 4))
    meter = describe(state[0])
    assert meter.days == 4
    assert meter.samples == 94  # the last two hours have yet to close
    assert meter.usual_sd["energy_log"] < 0.3


def test_people_read_volts_times_and_what_is_open():
    state = meters()
    live(state, [(0, 100, 230, 0.5), (0, 102, 0, 0)])
    meter = describe(state[0])
    assert meter.last_reading == 102 * 900
    assert meter.voltage_v == (None, 230.0, None, 0.0)
    (opened,) = meter.open
    assert (opened.kind, opened.start) == ("power_off", 102 * 900)


def test_fresh_meters_do_not_share_memory():
    state = meters(2)
    state["base_mean"][0], state["days"][0] = 7, 7
    np.testing.assert_array_equal(state["base_mean"][1], meters()["base_mean"][0])
    assert np.isnan(state["days"][1]).all()
