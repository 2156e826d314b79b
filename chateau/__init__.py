"""Chateau: a real-time messaging server, and the test client that goes with it.

The server starts in :mod:`chateau.app`, the client in :mod:`chateau.client.app`.
"""

__version__ = "0.1.0"
