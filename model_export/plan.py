"""The plan of a training: which populations are learnt from, calibrated on and measured on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from model_export.population import HistoryPopulation, SimulatedPopulation
from simulator import TAUGHT_KINDS

if TYPE_CHECKING:
    from simulator.raw import RawReadings

    Population = SimulatedPopulation | HistoryPopulation

TEACHING_SHARE = 0.15
"""Share of anomalous meter-slots the head learns from: many times that of life, so that each kind is there often."""
MEASURING_SHARE = 0.02
"""Share that is measured on."""
PROCESSES = 2
MEASURED, MEASURED_FROM = 3, 12
"""The populations measured on are so many times as large: thefts are long, so few of them fit."""


@dataclass(frozen=True)
class Plan:
    """Populations that share no meter; those measured on share no season with the others either."""

    seed: int
    epochs: int
    prior: Population
    healthy: tuple[Population, ...]
    trials: tuple[Population, ...]
    calibrate: tuple[Population, ...]
    clean: Population
    measure: Population
    processes: int = PROCESSES


def simulated_plan(meters: int, days: int, seed: int, epochs: int) -> Plan:
    """Simulated utilities of `meters` over `days`, each of another seed and season."""
    learns, keeps = days // 3, max(days // 4, 1)

    def population(number: int, purpose: str, season_day: int, first_day: int, share: float = 0, every: int = 1):
        of_seed = 1000 * seed + number
        of_meters = MEASURED * meters if number >= MEASURED_FROM else meters
        return SimulatedPopulation(purpose, of_meters, days, of_seed, season_day, first_day, share, every)

    return Plan(
        seed=seed,
        epochs=epochs,
        prior=population(1, "prior", 0, 0),
        healthy=tuple(population(2 + n, "healthy", 120 * n, keeps, every=2) for n in range(3)),
        trials=tuple(
            replace(population(5 + n, "faults", 60 + 120 * n, learns, TEACHING_SHARE, 2), kinds=TAUGHT_KINDS)
            for n in range(3)
        ),
        calibrate=tuple(population(8 + n, "calibrate", 30 + 90 * n, learns) for n in range(4)),
        clean=population(12, "clean", 165, learns),
        measure=population(13, "measure", 255, days // 2, MEASURING_SHARE),
    )


def history_plan(readings: RawReadings, source: str, seed: int, epochs: int) -> Plan:
    """A utility's own readings: three fifths of the meters to learn from, a fifth to calibrate, a fifth to measure."""
    learns = max(len(readings.voltage_v) // readings.slots_per_day // 3, 1)

    def population(purpose: str, part: tuple[float, float], share: float = 0, every: int = 1):
        return HistoryPopulation(purpose, source, readings, part, seed, learns, share, every)

    learn, calibrate, measure = (0.0, 0.6), (0.6, 0.8), (0.8, 1.0)
    return Plan(
        seed=seed,
        epochs=epochs,
        prior=population("prior", learn),
        healthy=(population("healthy", learn, every=2),),
        trials=(replace(population("faults", learn, TEACHING_SHARE, 2), kinds=TAUGHT_KINDS),),
        calibrate=(population("calibrate", calibrate),),
        clean=population("clean", measure),
        measure=population("measure", measure, MEASURING_SHARE),
    )
