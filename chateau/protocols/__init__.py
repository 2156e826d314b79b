"""The protocols: from a frame to a call of the hub, and from an event to a frame.

Each protocol is one module with a ``SPEC`` (:mod:`chateau.protocols.spec`), listed in
:mod:`chateau.protocols.catalog`; larger ones have modules for their commands, frames and errors. A protocol
knows nothing about sockets: :mod:`chateau.protocols.transport` is the interface. Protocols do not depend on
each other.
"""
