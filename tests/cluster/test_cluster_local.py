"""What every cluster guarantees, shown of the local one; see :class:`chateau.hub.ports.Cluster`."""

from __future__ import annotations

import pytest

from chateau.cluster.local import LocalCluster
from chateau.hub.events import Event, Shutdown
from chateau.hub.ports import Cluster


@pytest.fixture(params=[LocalCluster])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    made: Cluster = request.param()
    return made


def test_what_a_node_announces_it_hears_itself_in_order(cluster: Cluster) -> None:
    heard: list[Event] = []
    cluster.subscribe(heard.append)
    events = [Shutdown(f"{number}") for number in range(3)]

    for event in events:
        cluster.announce(event)

    assert heard == events


def test_a_name_can_be_claimed_given_back_and_claimed_again(cluster: Cluster) -> None:
    assert cluster.claim("alice")
    cluster.release("alice")

    assert cluster.claim("alice")
