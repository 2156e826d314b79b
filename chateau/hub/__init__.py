"""The pure core of the server: sessions, usernames, rooms and messages.

No network, no JSON, no event loop and no clock: what comes from outside is a port (:mod:`chateau.hub.ports`),
passed to :class:`chateau.hub.hub.Hub`, the single entry point.
"""
