"""Phrases: every feature can be told, with its unit and the range that is usual."""

from __future__ import annotations

import pytest

from functions.domain.features import FEATURES
from functions.domain.phrases import PHRASES, phrase


@pytest.mark.parametrize("feature", FEATURES)
@pytest.mark.parametrize("value", [-40.0, -1.0, 0.0, 0.7, 40.0])
def test_every_feature_can_be_told_whatever_its_value(feature, value):
    told = phrase(feature, value, 0.5, 0.1, 240.0)
    assert told.startswith(PHRASES[feature][0])
    assert "; usual range " in told
    assert "nan" not in told


def test_volts_are_told_in_volts_and_never_below_zero():
    assert phrase("voltage_min_pu", 0.85, 1.0, 0.01, 240.0) == "lowest voltage 204.0 V; usual range 235.2 to 244.8 V"
    assert phrase("voltage_sd_pu", 0.02, 0.001, 0.001, 240.0) == "voltage spread 4.8 V; usual range 0.0 to 0.7 V"
    assert phrase("voltage_day_pu", -0.05, 0.0, 0.005, 240.0).startswith("mean voltage of the last day 228.0 V")


def test_a_loss_of_energy_is_told_in_per_cent():
    told = phrase("energy_3days_log", -0.6931, 0.0, 0.05, 240.0)
    assert told == "energy of the last three days 50 % below its usual profile; usual range -10 to +11 %"


def test_shares_and_counts_are_told_as_such():
    assert phrase("energy_zero_share", 0.5, 0.0, 0.02, 240.0).endswith("50 %; usual range 0 to 4 %")
    assert phrase("gap_log", 2.1972, 0.0, 0.2, 240.0) == "readings missing just before 8; usual range 0 to 0"
