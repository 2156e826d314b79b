"""What frames mean: a module for each protocol, from a frame to a call of the hub, from an event to a frame.

What a protocol consists of beside its module stands in modules of its own: commands, packages, histories.
A protocol knows nothing of sockets: :mod:`chateau.protocols.transport` says what it needs of them. The
protocols do not know each other.
"""
