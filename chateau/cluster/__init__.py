"""How the nodes of one house hear of each other: backends of :class:`chateau.hub.ports.Cluster`."""
