"""Voltage at every meter: the substation's, less every drop on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.noise import autoregressive

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.topology import Network

# Drops at design load, in per unit. Together they stay inside the 10 % between the ends of range A of ANSI C84.1,
# with room for what the regulator cannot see.
FEEDER_DROP_PU = 0.030
TRANSFORMER_DROP_PU = 0.016
SERVICE_DROP_PU = 0.014

BUS_SPREAD_PU = 0.0060  # the transmission grid breathes over hours
BUS_CORRELATION = 0.97
LATERAL_SPREAD_PU = 0.0070  # phases change their balance, capacitors switch, unmetered loads come and go
LATERAL_CORRELATION = 0.94
LOCAL_SPREAD_PU = 0.0050  # the two legs of a service share its load unevenly
LOCAL_CORRELATION = 0.85
MOTOR_DIP_SHARE = 0.004  # of intervals see compressors and pumps start often enough to lower their mean
MOTOR_DIP_PU = (0.003, 0.010)

REGULATOR_STEP_PU = 0.00625  # 32 steps over ±10 %, the usual step-voltage regulator
REGULATOR_BAND_PU = 0.0083  # ±1 V on a 120 V base
FIXED_TAP_STEP_PU = 0.0125
CENTRE_PU = 1.003  # regulators are set a little high, so that the far end stays inside the range

SOFT_LIMIT_PU = 0.040
HARD_LIMIT_PU = 0.052  # inside range B of ANSI C84.1-2020 (0.917 to 1.058 pu), just outside range A (±5 %)


def clean_voltage_pu(scenario: Scenario, network: Network, net_kw: np.ndarray) -> np.ndarray:
    """Mean voltage of every interval without any fault, `[T, M] float32`, pu of nominal."""
    rng = scenario.stream("voltage")
    feeder_load = _of_design(np.add.reduceat(net_kw, network.feeder_starts, axis=1))
    transformer_load = _of_design(np.add.reduceat(net_kw, network.transformer_starts, axis=1))
    at_transformer = _feeder_head(rng, scenario, network, feeder_load)[:, network.feeder_of_transformer]
    at_transformer -= FEEDER_DROP_PU * network.position * feeder_load[:, network.feeder_of_transformer]
    at_transformer -= TRANSFORMER_DROP_PU * transformer_load
    at_transformer += LATERAL_SPREAD_PU * autoregressive(
        rng, scenario.slot_count, len(network.position), LATERAL_CORRELATION, scenario.interval_s
    )
    at_transformer += _fixed_taps(at_transformer)
    voltage = at_transformer[:, network.transformer]
    voltage -= SERVICE_DROP_PU * _of_design(net_kw)
    voltage += LOCAL_SPREAD_PU * autoregressive(
        rng, scenario.slot_count, scenario.meters, LOCAL_CORRELATION, scenario.interval_s
    )
    _motor_dips(rng, voltage)
    return _designed_limits(voltage)


def _of_design(load_kw: np.ndarray) -> np.ndarray:
    """Load as a share of what the conductor was sized for: its mean and three standard deviations, `float32`.

    Services are sized to the customer, so a factory's drop is that of a house.
    """
    design = np.abs(load_kw.mean(axis=0)) + 3 * load_kw.std(axis=0) + np.float32(0.1)
    share: np.ndarray = (load_kw / design).astype(np.float32)
    return share


def _feeder_head(rng: np.random.Generator, scenario: Scenario, network: Network, feeder_load: np.ndarray) -> np.ndarray:
    """Voltage behind the regulator of every feeder, `[T, F] float32`, pu.

    The regulator holds the middle of its feeder (line-drop compensation) inside its band, a step a quarter of an hour
    at most; so it follows the day, and leaves the steps one sees in real data.
    """
    substations = int(network.substation_of_feeder[-1]) + 1
    bus = autoregressive(rng, scenario.slot_count, substations, BUS_CORRELATION, scenario.interval_s)
    bus = CENTRE_PU + BUS_SPREAD_PU * bus[:, network.substation_of_feeder]
    middle = bus - 0.5 * FEEDER_DROP_PU * feeder_load
    tap = np.round((CENTRE_PU - middle[0]) / REGULATOR_STEP_PU).astype(np.float32)
    head = np.empty_like(bus)
    for slot in range(scenario.slot_count):
        error = middle[slot] + tap * REGULATOR_STEP_PU - CENTRE_PU
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
