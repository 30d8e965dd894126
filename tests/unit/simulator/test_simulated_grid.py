"""The devices between a meter and its substation, and what hears it."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import Device, Scenario
from simulator.topology import Network, build_network


@pytest.fixture(scope="module")
def network() -> Network:
    return build_network(Scenario())


def test_a_lateral_holds_whole_transformers_of_one_feeder(network: Network) -> None:
    topology = network.topology
    laterals = np.unique(topology.lateral_id[topology.lateral_id != ""])
    assert len(laterals) > 20
    for lateral in laterals:
        below = topology.lateral_id == lateral
        assert len(set(topology.feeder_id[below])) == 1
        transformers = set(topology.transformer_id[below])
        assert 3 <= len(transformers) <= 7
        assert set(np.flatnonzero(np.isin(topology.transformer_id, list(transformers)))) == set(np.flatnonzero(below))


def test_some_transformers_hang_on_the_feeder_itself(network: Network) -> None:
    on_the_trunk = (network.topology.lateral_id == "").mean()
    assert 0.02 < on_the_trunk < 0.6


def test_a_feeder_is_heard_by_two_collectors_and_shares_neither(network: Network) -> None:
    topology = network.topology
    for feeder in np.unique(topology.feeder_id):
        heard = np.unique(topology.collector_id[topology.feeder_id == feeder])
        assert len(heard) == 2
        assert set(topology.feeder_id[np.isin(topology.collector_id, heard)]) == {feeder}


def test_the_device_of_an_outage_is_the_deepest_that_has_exactly_its_meters(network: Network) -> None:
    topology = network.topology
    for kind in ("transformer", "lateral", "feeder", "substation"):
        ids = getattr(topology, f"{kind}_id")
        name = str(ids[ids != ""][0])
        meters = np.flatnonzero(ids == name)
        assert network.device_of(meters[::-1]) == Device(kind, name)
    assert network.device_of(np.array([0])) == Device("meter", "MTR-000001")
    assert network.device_of(np.array([0, len(network.transformer) - 1])) == Device()
    whole = network.heard_by(0)
    assert network.device_of(whole, ("collector",)) == Device("collector", "COL-001A")


def test_a_transformer_of_one_meter_is_that_transformer(network: Network) -> None:
    lone = int(np.flatnonzero(np.bincount(network.transformer) == 1)[0])
    (meter,) = network.below_transformer(lone)
    assert network.device_of(np.array([meter])) == Device("transformer", str(network.topology.transformer_id[meter]))
