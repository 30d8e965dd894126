"""Trials: what the truth names has changed as it says, and nothing else has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from functions.domain.errors import InputError
from simulator.raw import RawReadings
from simulator.trial import (
    EXTRA_THEFT_KINDS,
    TAUGHT_KINDS,
    THEFT_KINDS,
    TRIAL_KINDS,
    VOLTAGE_KINDS,
    Trial,
    TrialEvent,
    inject_trial,
)

PER_DAY = 96
FIRST = 7 * PER_DAY


def population(meters: int = 400, days: int = 35, gaps: float = 0.005, seed: int = 1) -> RawReadings:
    """Meters with a daily rhythm, noise and gaps, displayed to 0.1 V and 1 Wh."""
    rng = np.random.default_rng(seed)
    shape = (days * PER_DAY, meters)
    rhythm = 1 + 0.5 * np.sin(2 * np.pi * np.arange(shape[0]) / PER_DAY)[:, None]
    energy = rhythm * rng.lognormal(-2, 0.5, meters) * rng.lognormal(0, 0.4, shape)
    voltage = 230 - 4 * energy + rng.normal(0, 1, shape)
    gap = rng.random(shape) < gaps
    return RawReadings(
        first_slot=1_900_000,
        interval_s=900,
        voltage_v=np.where(gap, np.nan, np.round(voltage, 1)).astype(np.float32),
        energy_kwh=np.where(gap, np.nan, np.round(energy, 3)).astype(np.float32),
        nominal_v=np.full(meters, 230, np.float32),
        customer_type=np.full(meters, "residential"),
    )


@pytest.fixture(scope="module")
def clean() -> RawReadings:
    return population()


@pytest.fixture(scope="module")
def trial(clean: RawReadings) -> Trial:
    return inject_trial(clean, seed=3, first=FIRST, share=0.06)


def of_kind(trial: Trial, *kinds: str) -> list[TrialEvent]:
    found = [event for event in trial.events if event.kind in kinds]
    assert found
    return found


def at(event: TrialEvent, values: np.ndarray) -> np.ndarray:
    return values[event.start : event.end, event.meter]


def test_the_share_is_kept_and_the_kinds_are_in_balance(trial: Trial) -> None:
    watched = trial.truth[FIRST:]
    assert (watched > 0).mean() == pytest.approx(0.06, rel=0.1)
    shares = np.bincount(watched.ravel(), minlength=1 + len(TRIAL_KINDS))[1:] / (watched > 0).sum()
    assert shares.min() > 0.5 / len(TRIAL_KINDS)
    assert shares.max() < 1.5 / len(TRIAL_KINDS)
    assert {event.kind for event in trial.events} == set(TRIAL_KINDS)


def test_the_truth_is_that_of_the_events(trial: Trial) -> None:
    truth = np.zeros_like(trial.truth)
    for event in trial.events:
        assert FIRST <= event.start < event.end <= len(truth)
        assert not at(event, truth).any()
        truth[event.start : event.end, event.meter] = 1 + TRIAL_KINDS.index(event.kind)
    np.testing.assert_array_equal(trial.truth, truth)
    assert trial.truth.dtype == np.int8


def test_a_meter_has_a_day_of_peace_between_two_faults(trial: Trial) -> None:
    by_meter: dict[int, int] = {}
    for event in trial.events:
        assert event.start - by_meter.get(event.meter, -PER_DAY) >= PER_DAY
        by_meter[event.meter] = event.end
    assert len(by_meter) < len(trial.events)


def test_outside_the_truth_nothing_changes_and_the_input_never_does(clean: RawReadings, trial: Trial) -> None:
    untouched = population()
    for name in ("voltage_v", "energy_kwh"):
        before, after = getattr(clean, name), getattr(trial.readings, name)
        np.testing.assert_array_equal(before, getattr(untouched, name))
        outside = trial.truth == 0
        for event in of_kind(trial, "drift"):  # its first readings are off by less than anybody would call wrong
            lead = slice(max(0, event.start - 5 * PER_DAY), event.start)
            true, seen = before[lead, event.meter], after[lead, event.meter]
            quiet = (trial.truth[lead, event.meter] == 0) & (true > 0.5)
            assert np.nanmax(np.abs(seen / true - 1)[quiet], initial=0) <= 0.0085
            outside[lead, event.meter] = False
        np.testing.assert_array_equal(after[outside], before[outside])
        assert after.dtype == np.float32
        assert not np.shares_memory(before, after)


def test_gaps_stay_and_only_outages_add_some(clean: RawReadings, trial: Trial) -> None:
    before, after = np.isnan(clean.voltage_v), np.isnan(trial.readings.voltage_v)
    assert after[before].all()
    outage = trial.truth == 1 + TRIAL_KINDS.index("outage")
    np.testing.assert_array_equal(after[~outage], before[~outage])
    np.testing.assert_array_equal(np.isnan(trial.readings.energy_kwh), after)


def test_theft_leaves_the_voltage_alone_and_takes_energy(clean: RawReadings, trial: Trial) -> None:
    use = np.nanmean(clean.energy_kwh, axis=0)
    for event in of_kind(trial, *THEFT_KINDS):
        np.testing.assert_array_equal(at(event, trial.readings.voltage_v), at(event, clean.voltage_v))
        reported, true = (np.nansum(at(event, values)) for values in (trial.readings.energy_kwh, clean.energy_kwh))
        assert reported < (1.02 if event.kind in {"theft_reverse", "theft_mean"} else 0.97) * true
        assert use[event.meter] >= np.median(use)
        assert 2 * PER_DAY <= event.end - event.start <= 14 * PER_DAY


def test_readings_are_physical_and_rounded_as_a_display_has_them(trial: Trial) -> None:
    voltage, energy = trial.readings.voltage_v, trial.readings.energy_kwh
    assert np.nanmin(energy) >= 0
    assert np.nanmin(voltage) >= 0
    np.testing.assert_allclose(voltage, np.round(voltage, 1), atol=1e-4)
    np.testing.assert_allclose(energy, np.round(energy.astype(np.float64), 3), atol=1e-6)


def test_coarse_displays_stay_coarse() -> None:
    clean = population(meters=40)
    coarse = replace(clean, voltage_v=np.round(clean.voltage_v), energy_kwh=np.round(clean.energy_kwh, 2))
    trial = inject_trial(coarse, seed=1, first=FIRST, share=0.1)
    np.testing.assert_array_equal(trial.readings.voltage_v, np.round(trial.readings.voltage_v))
    energy = trial.readings.energy_kwh
    np.testing.assert_allclose(energy, np.round(energy.astype(np.float64), 2), atol=1e-6)


@pytest.mark.parametrize("kind", ["sag", "swell"])
def test_levels_are_off_nominal(trial: Trial, kind: str) -> None:
    for event in of_kind(trial, kind):
        inner = at(event, trial.readings.voltage_v)[1:-1] / 230
        if np.isfinite(inner).any():
            off = (np.nanmean(inner) - 1) * (-1 if kind == "sag" else 1)
            assert 0.03 <= off <= 0.22


def test_some_sags_begin_within_an_interval(clean: RawReadings, trial: Trial) -> None:
    partial = 0
    for event in of_kind(trial, "sag"):
        faulty, true = at(event, trial.readings.voltage_v), at(event, clean.voltage_v)
        if len(faulty) > 4:
            depth = np.nanmean((true - faulty)[1:-1])
            partial += (true - faulty)[0] < 0.6 * depth
    assert partial >= 3


def test_an_outage_ends_its_first_and_last_interval_early() -> None:
    flat = population(meters=60, days=14, gaps=0)
    voltage, energy = np.full_like(flat.voltage_v, 230.3), np.full_like(flat.energy_kwh, 0.412)
    clean = replace(flat, voltage_v=voltage, energy_kwh=energy)
    trial = inject_trial(clean, seed=2, first=FIRST, share=0.02, kinds=("outage",))
    zeros = silences = 0
    for event in (each for each in trial.events if each.end - each.start >= 3):
        seen, used = at(event, trial.readings.voltage_v), at(event, trial.readings.energy_kwh)
        lit = used[[0, -1]] / 0.412
        assert np.all((lit >= 0) & (lit <= 0.9 + 1e-6))
        if np.isnan(seen[1:-1]).all():
            np.testing.assert_allclose(seen[[0, -1]], 230.3)
            silences += 1
        else:
            assert not used[1:-1].any()
            assert not seen[1:-1].any()
            np.testing.assert_allclose(seen[[0, -1]] / 230.3, lit, atol=0.005)
            zeros += 1
    assert zeros > 5
    assert silences > 5


def test_a_stuck_meter_repeats_the_reading_before(trial: Trial) -> None:
    for event in of_kind(trial, "stuck"):
        for values in (trial.readings.voltage_v, trial.readings.energy_kwh):
            before = values[event.start - 8 : event.start, event.meter]
            seen = at(event, values)
            assert set(seen[~np.isnan(seen)]) == {before[~np.isnan(before)][-1]}


def test_a_drifting_meter_takes_its_energy_along(clean: RawReadings, trial: Trial) -> None:
    for event in of_kind(trial, "drift"):
        factor = at(event, trial.readings.voltage_v) / at(event, clean.voltage_v)
        factor = factor[~np.isnan(factor)]
        assert 0.004 < abs(factor[0] - 1) < 0.01
        assert 0.028 <= abs(factor[-1] - 1) <= 0.102
        used, true = (np.nansum(at(event, values)) for values in (trial.readings.energy_kwh, clean.energy_kwh))
        assert used / true == pytest.approx(factor.mean(), abs=0.02)


@pytest.mark.parametrize("kind", ["flicker", "loose_neutral"])
def test_swings_swing(clean: RawReadings, trial: Trial, kind: str) -> None:
    for event in of_kind(trial, kind):
        if event.end - event.start >= 16:
            factor = at(event, trial.readings.voltage_v) / at(event, clean.voltage_v)
            assert 0.005 <= np.nanstd(factor) <= 0.08
            assert np.nanmin(factor) < 1 < np.nanmax(factor)


def test_the_seed_decides(clean: RawReadings, trial: Trial) -> None:
    again = inject_trial(clean, seed=3, first=FIRST, share=0.06)
    assert again.events == trial.events
    np.testing.assert_array_equal(again.readings.voltage_v, trial.readings.voltage_v)
    np.testing.assert_array_equal(again.readings.energy_kwh, trial.readings.energy_kwh)
    assert inject_trial(clean, seed=4, first=FIRST, share=0.06).events != trial.events


def test_only_the_kinds_asked_for(clean: RawReadings) -> None:
    trial = inject_trial(clean, seed=1, first=FIRST, kinds=VOLTAGE_KINDS)
    assert {event.kind for event in trial.events} == set(VOLTAGE_KINDS)


def test_one_meter_of_unknown_nominal_voltage_will_do() -> None:
    clean = replace(population(meters=1, days=400), nominal_v=np.array([np.nan], np.float32))
    trial = inject_trial(clean, seed=1, first=FIRST, share=0.1)
    assert (trial.truth[FIRST:] > 0).mean() == pytest.approx(0.1, rel=0.5)
    for event in of_kind(trial, "sag"):
        assert np.nanmin(at(event, trial.readings.voltage_v)) < 0.97 * 230


@pytest.mark.parametrize("absent", ["voltage_v", "energy_kwh"])
def test_a_history_without_voltage_or_energy_will_do(absent: str) -> None:
    clean = population(meters=100)
    clean = replace(
        clean, nominal_v=np.full(100, np.nan, np.float32), **{absent: np.full_like(clean.voltage_v, np.nan)}
    )
    trial = inject_trial(clean, seed=1, first=FIRST, share=0.05)
    assert np.isnan(getattr(trial.readings, absent)).all()
    assert {event.kind for event in trial.events} == set(THEFT_KINDS if absent == "voltage_v" else VOLTAGE_KINDS)


@pytest.mark.parametrize("wrong", [{"kinds": ("sag", "gremlin")}, {"first": 10**6}, {"share": 0.0}, {"share": 1.5}])
def test_an_impossible_trial_is_refused(clean: RawReadings, wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="Trial"):
        inject_trial(clean, **{"seed": 1, "first": FIRST, **wrong})


def test_what_is_only_taught_is_never_measured_on(trial: Trial) -> None:
    assert TAUGHT_KINDS[: len(TRIAL_KINDS)] == TRIAL_KINDS
    assert {event.kind for event in trial.events} <= set(TRIAL_KINDS)


@pytest.mark.parametrize("kind", TAUGHT_KINDS[len(TRIAL_KINDS) :])
def test_every_taught_kind_changes_readings_and_is_true_where_it_does(clean: RawReadings, kind: str) -> None:
    taught = inject_trial(clean, seed=5, first=FIRST, share=0.05, kinds=(kind,))
    assert taught.events
    changed = (taught.readings.voltage_v != clean.voltage_v) & ~np.isnan(clean.voltage_v)
    changed |= (taught.readings.energy_kwh != clean.energy_kwh) & ~np.isnan(clean.energy_kwh)
    assert (taught.truth[changed] == 1 + TAUGHT_KINDS.index(kind)).all()
    for event in taught.events:
        assert changed[event.start : event.end, event.meter].mean() > 0.1
    assert np.nanmin(taught.readings.energy_kwh) >= 0
    if kind in EXTRA_THEFT_KINDS:
        np.testing.assert_array_equal(taught.readings.voltage_v, clean.voltage_v)
