"""Access: banned addresses, privacy rules of sessions, the secret key, and room passwords.

A ban of an address or a range holds until it is lifted or the server stops, and is reported to the client
as an error. The privacy rules of a session choose which addresses can reach it; for all others the session
looks as if it did not exist (see :meth:`Access.can_reach`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from chateau.hub.errors import AccessDenied, InvalidAddress, quoted
from chateau.hub.guesses import Guesses, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from ipaddress import IPv4Address, IPv4Network

    from chateau.hub.ports import CallLater, Clock
    from chateau.hub.room import Room
    from chateau.hub.session import Session

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

Privacy = Literal["public", "private"]

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

    def __init__(
        self,
        *,
        sessions: Mapping[str, Session],
        clock: Clock,
        call_later: CallLater,
        secret_key: str | None,
    ) -> None:
        self._sessions = sessions
        self._bans = Networks()
        self._secret_key = secret_key
        self.guesses = Guesses(clock=clock, call_later=call_later)
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

    def check_key(self, key: str, address: str, client: object) -> None:
        """Check a secret key that *client* at *address* presents; see :class:`~chateau.hub.guesses.Guesses`.

        Raises:
            AccessDenied: *key* is wrong, or the server has no key.
            MustWait, TooManyTries: *address* has presented too many wrong ones.
        """
        if not self.guesses.is_right(key, self._secret_key, client=client, address=address):
            raise AccessDenied("The secret key is wrong.")

    def check_session_key(self, key: str, session: Session) -> None:
        """Check a secret key that *session* presents.

        Raises:
            AccessDenied, MustWait, TooManyTries: as for :meth:`check_key`.
        """
        self.check_key(key, session.address, session)

    def check_entry(self, room: Room, session: Session, password: str | None) -> None:
        """Check that *session* can join *room* with *password*.

        Raises:
            AccessDenied: *room* is closed, the user is banned from it, or it is locked with another password.
            MustWait, TooManyTries: the address has presented too many wrong passwords.
        """

        def is_right(given: str, secret: str) -> bool:
            return self.guesses.is_right(given, secret, client=session, address=session.address)

        check_entry(room, (session.sort_key, session.nick_key), password=password, is_right=is_right)


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


def check_entry(
    room: Room,
    names: Collection[str | None] = (),
    *,
    password: str | None,
    is_right: Callable[[str, str], bool] = matches,
) -> None:
    """Check that a user with the normalized *names* can join *room* with *password*.

    *is_right* compares the password with that of the room.

    Raises:
        AccessDenied: *room* is closed, a name is banned from it, or it is locked with another password.
    """
    check_open(room)
    if room.banned is not None and not room.banned.isdisjoint(names):
        raise AccessDenied(f"You are banned from the room {quoted(room.name)}.")
    if room.password is not None and (password is None or not is_right(password, room.password)):
        raise AccessDenied(f"The room {quoted(room.name)} is locked; its password is needed.")
