"""What frames mean: one module a protocol, from a frame to a call of the hub, from an event to a frame.

A protocol knows nothing of sockets: :mod:`chateau.protocols.wire` says what it needs of them. The
protocols do not know each other.
"""
