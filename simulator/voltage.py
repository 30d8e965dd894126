"""Voltage at every meter: the substation's, less every drop on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.noise import autoregressive
from simulator.supply import draw_supply

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.supply import Supply
    from simulator.topology import Network

BUS_SPREAD_PU = 0.0055  # the transmission grid breathes over hours
BUS_CORRELATION = 0.98
MOTOR_DIP_SHARE = 0.004  # of intervals see compressors and pumps start often enough to lower their mean
MOTOR_DIP_PU = (0.003, 0.010)

REGULATOR_STEP_PU = 0.00625  # 32 steps over ±10 %, the usual step-voltage regulator
REGULATOR_BAND_PU = 0.0083  # ±1 V on a 120 V base
LOCAL_UNEVENNESS = 0.35  # measured changes have a kurtosis of 4 to 6 after the meter's own load is taken out
FIXED_TAP_STEP_PU = 0.0125
CENTRE_PU = 1.010  # regulators are set a little high, so that the far end stays inside the range

SOFT_LIMIT_PU = 0.033
HARD_LIMIT_PU = 0.0505  # a hair outside range A of ANSI C84.1-2020 (±5 %), far inside range B (0.917 to 1.058 pu)


def clean_voltage_pu(scenario: Scenario, network: Network, net_kw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean voltage of every interval without any fault, and the drop in it of the customer's own load.

    Both are `[T, M] float32`, pu of nominal.
    """
    rng = scenario.stream("voltage")
    supply = draw_supply(scenario, network)
    feeder, steps, interval_s = network.feeder_of_transformer, scenario.slot_count, scenario.interval_s
    feeder_drop = supply.feeder_drop * _of_design(np.add.reduceat(net_kw, network.feeder_starts, axis=1))
    transformer_load = _of_design(np.add.reduceat(net_kw, network.transformer_starts, axis=1))
    at_transformer = _feeder_head(rng, scenario, network, supply, feeder_drop)[:, feeder]
    at_transformer -= network.position * feeder_drop[:, feeder]
    at_transformer -= supply.transformer_drop * transformer_load
    lateral = autoregressive(rng, steps, len(feeder), supply.lateral_correlation, interval_s)
    at_transformer += supply.lateral_spread * lateral
    at_transformer += _fixed_taps(at_transformer)
    voltage = at_transformer[:, network.transformer]
    own_drop = supply.service_drop * _of_design(net_kw)
    voltage -= own_drop
    local = autoregressive(rng, steps, scenario.meters, supply.local_correlation, interval_s, uneven=LOCAL_UNEVENNESS)
    local *= supply.local_spread
    voltage += local
    _motor_dips(rng, voltage)
    return _designed_limits(voltage), own_drop


def _of_design(load_kw: np.ndarray) -> np.ndarray:
    """Load as a share of what the conductor was sized for: its mean and three standard deviations, `float32`.

    Services are sized to the customer, so a factory's drop is that of a house.
    """
    design = np.abs(load_kw.mean(axis=0)) + 3 * load_kw.std(axis=0) + np.float32(0.1)
    share: np.ndarray = (load_kw / design).astype(np.float32)
    return share


def _feeder_head(
    rng: np.random.Generator, scenario: Scenario, network: Network, supply: Supply, feeder_drop: np.ndarray
) -> np.ndarray:
    """Voltage behind the regulator of every feeder, `[T, F] float32`, pu.

    The regulator holds a point of its feeder (line-drop compensation, as far as it has any) inside its band, a step a
    quarter of an hour at most; so it follows the day, and leaves the steps one sees in real data.
    """
    substations = int(network.substation_of_feeder[-1]) + 1
    bus = autoregressive(rng, scenario.slot_count, substations, BUS_CORRELATION, scenario.interval_s)
    bus = CENTRE_PU + BUS_SPREAD_PU * bus[:, network.substation_of_feeder]
    held = bus - supply.compensation * (feeder_drop - feeder_drop.mean(axis=0))
    tap = np.round((CENTRE_PU - held[0]) / REGULATOR_STEP_PU).astype(np.float32)
    head = np.empty_like(bus)
    for slot in range(scenario.slot_count):
        error = held[slot] + tap * REGULATOR_STEP_PU - CENTRE_PU
        tap -= np.sign(error) * (np.abs(error) > REGULATOR_BAND_PU)
        head[slot] = bus[slot] + tap * REGULATOR_STEP_PU
    return head


def _fixed_taps(at_transformer: np.ndarray) -> np.ndarray:
    """The off-load tap the planner chose for every transformer, to bring its mean near the centre, `[X]`, pu."""
    wanted = CENTRE_PU - at_transformer.mean(axis=0)
    taps: np.ndarray = np.round(wanted / FIXED_TAP_STEP_PU) * np.float32(FIXED_TAP_STEP_PU)
    return taps


def _motor_dips(rng: np.random.Generator, voltage: np.ndarray) -> None:
    count = int(rng.poisson(MOTOR_DIP_SHARE * voltage.size))
    where = rng.integers(0, voltage.size, count)
    voltage.reshape(-1)[where] -= rng.uniform(*MOTOR_DIP_PU, count).astype(np.float32)


def _designed_limits(voltage: np.ndarray) -> np.ndarray:
    """Press the rare extremes below the hard limit: a planner would have built a stronger service there."""
    deviation = voltage - np.float32(1)
    size = np.abs(deviation)
    room = np.float32(HARD_LIMIT_PU - SOFT_LIMIT_PU)
    beyond = size > SOFT_LIMIT_PU
    pressed = SOFT_LIMIT_PU + room * np.tanh((size[beyond] - SOFT_LIMIT_PU) / room)
    deviation[beyond] = np.sign(deviation[beyond]) * pressed
    return deviation + np.float32(1)
