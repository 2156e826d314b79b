"""The pure middle of the house: who is here, and what is said.

No network, no JSON, no event loop and no clock of its own: all that comes in from outside is named in
:mod:`chateau.hub.ports` and handed to :class:`chateau.hub.hub.Hub`, the one door.
"""
