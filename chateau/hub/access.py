"""Access: banned addresses, privacy rules of sessions, the secret key, and room passwords.

A ban of an address or a range holds until it is lifted or the server stops, and is reported to the client
as an error. The privacy rules of a session choose which addresses can reach it; for all others the session
looks as if it did not exist (see :meth:`Access.can_reach`).
"""

from __future__ import annotations

import hmac
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from chateau.hub.errors import AccessDenied, InvalidAddress, TooManyTries, quoted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from ipaddress import IPv4Address, IPv4Network

    from chateau.hub.ports import Clock
    from chateau.hub.room import Room
    from chateau.hub.session import Session

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

Privacy = Literal["public", "private"]

TRIES = 5
"""Maximum number of wrong keys from one address in ``TRIES_SECONDS``."""

TRIES_SECONDS = 60.0

RULES_LIMIT = 1_000
"""Maximum number of addresses and ranges that one session may allow, and also that it may block."""


class Networks:
    """A set of addresses and ranges of them, IPv4 and IPv6."""

    __slots__ = ("_networks",)

    def __init__(self) -> None:
        self._networks: dict[Network, None] = {}

    def __contains__(self, address: str) -> bool:
        if not self._networks:
            return False
        known = parsed_address(address)
        return known is not None and any(known in network for network in self._networks)

    def __len__(self) -> int:
        return len(self._networks)

    def __iter__(self) -> Iterator[Network]:
        return iter(self._networks)

    def has(self, network: Network) -> bool:
        """Return whether *network* itself is in the set."""
        return network in self._networks

    def add(self, network: Network) -> None:
        """Add *network*. Idempotent."""
        self._networks[network] = None

    def discard(self, network: Network) -> None:
        """Remove *network*. Idempotent."""
        self._networks.pop(network, None)


@dataclass(slots=True)
class PrivacyRules:
    """Which clients can reach a session: a block overrides an allow, an allow overrides the privacy."""

    privacy: Privacy = "public"
    allowed: Networks = field(default_factory=Networks)
    blocked: Networks = field(default_factory=Networks)

    def allows(self, address: str) -> bool:
        """Return whether a client at *address* can reach the session."""
        if address in self.blocked:
            return False
        return self.privacy == "public" or address in self.allowed


class Access:
    """Bans, privacy rules and the secret key."""

    def __init__(self, *, sessions: Mapping[str, Session], clock: Clock, secret_key: str | None) -> None:
        self._sessions = sessions
        self._bans = Networks()
        self._clock = clock
        self._secret_key = secret_key
        self._tries: dict[str, deque[float]] = {}  # the times of wrong keys, by address
        self.has_privacy_rules = 0  # the number of sessions that have rules

    # Bans

    def ban(self, addresses: str) -> None:
        """Reject all requests from *addresses*, an address or a range, also those of open sessions.

        Raises:
            InvalidAddress.
        """
        self._bans.add(parsed_network(addresses))
        self._mark_banned()

    def unban(self, addresses: str) -> None:
        """Lift the ban of exactly these *addresses*. Idempotent.

        Raises:
            InvalidAddress.
        """
        self._bans.discard(parsed_network(addresses))
        self._mark_banned()

    def bans(self) -> list[str]:
        """Return the banned addresses and ranges, in the order of the bans."""
        return [shown(network) for network in self._bans]

    def is_banned(self, address: str) -> bool:
        """Return whether requests from *address* are rejected."""
        return address in self._bans

    def _mark_banned(self) -> None:
        for session in self._sessions.values():
            session.banned = session.address in self._bans

    # Privacy rules

    def set_privacy(self, session: Session, privacy: Privacy) -> None:
        """Let all clients reach *session*, or only those that it allows."""
        self._rules_of(session).privacy = privacy

    def allow(self, session: Session, addresses: str) -> None:
        """Let clients at *addresses*, an address or a range, reach *session* even if it is private.

        Raises:
            InvalidAddress.
            AccessDenied: it allows ``RULES_LIMIT`` already.
        """
        network = parsed_network(addresses)
        _add(self._rules_of(session).allowed, network)

    def block(self, session: Session, addresses: str) -> None:
        """Do not let clients at *addresses*, an address or a range, reach *session*.

        Raises:
            InvalidAddress.
            AccessDenied: it blocks ``RULES_LIMIT`` already.
        """
        network = parsed_network(addresses)
        _add(self._rules_of(session).blocked, network)

    def can_reach(self, caller: Session, target: Session) -> bool:
        """Return whether *caller* can see *target* and send to it; a session can always reach itself."""
        return target.privacy_rules is None or target is caller or target.privacy_rules.allows(caller.address)

    def forget(self, session: Session) -> None:
        """Remove the rules of *session*, which has ended."""
        if session.privacy_rules is not None:
            session.privacy_rules = None
            self.has_privacy_rules -= 1

    def _rules_of(self, session: Session) -> PrivacyRules:
        if session.privacy_rules is None:
            session.privacy_rules = PrivacyRules()
            self.has_privacy_rules += 1
        return session.privacy_rules

    # The secret key

    def check_key(self, key: str, address: str) -> None:
        """Check a secret key that a client at *address* presents.

        Raises:
            AccessDenied: *key* is wrong, or the server has no key.
            TooManyTries: *address* has presented ``TRIES`` wrong keys in ``TRIES_SECONDS``.
        """
        now = self._clock()
        tries = self._recent_tries(address, now)
        if len(tries) >= TRIES:
            raise TooManyTries
        if self._secret_key is None or not matches(key, self._secret_key):
            tries.append(now)
            self._tries[address] = tries
            raise AccessDenied("The secret key is wrong.")

    def _recent_tries(self, address: str, now: float) -> deque[float]:
        """Return the times of recent wrong keys from *address*, and forget older ones of all addresses."""
        oldest = now - TRIES_SECONDS
        while self._tries:
            first = next(iter(self._tries))
            if self._tries[first][-1] > oldest:
                break
            del self._tries[first]
        tries = self._tries.pop(address, None) or deque(maxlen=TRIES)
        while tries and tries[0] <= oldest:
            tries.popleft()
        if tries:
            self._tries[address] = tries
        return tries


@lru_cache(maxsize=4_096)
def parsed_address(address: str) -> Address | None:
    """Return *address* parsed, or None if invalid; IPv4-mapped IPv6 (``::ffff:192.0.2.1``) becomes IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def parsed_network(text: str) -> Network:
    """Return the network in *text*: ``192.0.2.7``, ``192.0.2.0/24`` or ``2001:db8::/32``.

    Raises:
        InvalidAddress.
    """
    address = parsed_address(text)
    try:
        network = ip_network(text if address is None else address, strict=False)
    except ValueError as exc:
        raise InvalidAddress(text) from exc
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


def shown(network: Network) -> str:
    """Return *network* as text; a single address has no prefix length."""
    return str(network if network.num_addresses > 1 else network.network_address)


def _add(networks: Networks, network: Network) -> None:
    if len(networks) >= RULES_LIMIT and not networks.has(network):
        raise AccessDenied(f"A client may have {RULES_LIMIT} addresses of each kind.")
    networks.add(network)


def check_open(room: Room) -> None:
    """Check that *room* is not closed.

    Raises:
        AccessDenied: *room* is closed.
    """
    if room.closed:
        raise AccessDenied(f"The room {quoted(room.name)} is closed.")


def check_entry(room: Room, names: Collection[str | None] = (), *, password: str | None) -> None:
    """Check that a user with the normalized *names* can join *room* with *password*.

    Raises:
        AccessDenied: *room* is closed, a name is banned from it, or it is locked with another password.
    """
    check_open(room)
    if room.banned is not None and not room.banned.isdisjoint(names):
        raise AccessDenied(f"You are banned from the room {quoted(room.name)}.")
    if room.password is not None and not matches(password, room.password):
        raise AccessDenied(f"The room {quoted(room.name)} is locked; its password is needed.")


def matches(given: str | None, secret: str) -> bool:
    """Return whether *given* is *secret*; takes the same time for all wrong values of one length."""
    return given is not None and hmac.compare_digest(_bytes(given), _bytes(secret))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # a command line may contain bytes that are not text
