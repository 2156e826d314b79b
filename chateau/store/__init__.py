"""Where a room's messages are kept: backends of :class:`chateau.hub.ports.Store`."""
