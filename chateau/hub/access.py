"""Access: who may reach whom, which addresses are shut out, and who knows the key.

A ban is of an address or a range of them; it holds until it is lifted or the server stops. A guard is
one session's own: it is public or private, and it lets in and keeps out addresses of its own choice.
What is refused is told with an error; whom a guard keeps out is told nothing (see :meth:`Access.can_reach`).
"""

from __future__ import annotations

import hmac
from collections import deque
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Literal

from chateau.hub.errors import AccessDenied, InvalidAddress, TooManyTries, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Address, IPv4Network

    from chateau.hub.ports import Clock
    from chateau.hub.room import Room
    from chateau.hub.session import Session

    Address = IPv4Address | IPv6Address
    Network = IPv4Network | IPv6Network

Privacy = Literal["public", "private"]

TRIES = 5
"""Wrong keys that an address may give in ``TRIES_SECONDS``."""

TRIES_SECONDS = 60.0

RULES_LIMIT = 1_000
"""Addresses and ranges that one session may let in, and as many that it may keep out."""


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
        """Whether *network* itself was added."""
        return network in self._networks

    def add(self, network: Network) -> None:
        """Let *network* be inside; once more does nothing."""
        self._networks[network] = None

    def discard(self, network: Network) -> None:
        """Let *network* be inside no more; it need not be."""
        self._networks.pop(network, None)


class PrivacyRules:
    """Whom one session lets reach it: a block wins over an allow, an allow over privacy."""

    __slots__ = ("allowed", "blocked", "privacy")

    def __init__(self, privacy: Privacy) -> None:
        self.privacy = privacy
        self.allowed = Networks()
        self.blocked = Networks()

    def allows(self, address: str) -> bool:
        """Whether a client at *address* may reach this session."""
        if address in self.blocked:
            return False
        return self.privacy == "public" or address in self.allowed


class Access:
    """The bans, the sessions' guards, and the key."""

    def __init__(self, *, sessions: Mapping[str, Session], clock: Clock, secret_key: str | None) -> None:
        self._sessions = sessions
        self._bans = Networks()
        self._clock = clock
        self._secret_key = secret_key
        self._tries: dict[str, deque[float]] = {}  # the times of wrong keys, by address
        self.has_privacy_rules = 0  # sessions that have a guard

    # Bans

    def ban(self, addresses: str) -> None:
        """Refuse every request from *addresses*, one or a range, of the sessions that are open too.

        Raises:
            InvalidAddress.
        """
        self._bans.add(parsed_network(addresses))
        self._mark_banned()

    def unban(self, addresses: str) -> None:
        """Lift the ban of *addresses*, as it was given; it need not be there.

        Raises:
            InvalidAddress.
        """
        self._bans.discard(parsed_network(addresses))
        self._mark_banned()

    def bans(self) -> list[str]:
        """The addresses and ranges that are banned, in the order in which the bans were given."""
        return [shown(network) for network in self._bans]

    def is_banned(self, address: str) -> bool:
        """Whether requests from *address* are refused."""
        return address in self._bans

    def _mark_banned(self) -> None:
        for session in self._sessions.values():
            session.banned = session.address in self._bans

    # Guards

    def set_privacy(self, session: Session, privacy: Privacy) -> None:
        """Let everybody reach *session*, or only those whom it allows."""
        self._guard(session).privacy = privacy

    def allow(self, session: Session, addresses: str) -> None:
        """Let clients at *addresses*, one or a range, reach *session* though it is private.

        Raises:
            InvalidAddress.
            AccessDenied: it allows as many as it may.
        """
        network = parsed_network(addresses)
        _add(self._guard(session).allowed, network)

    def block(self, session: Session, addresses: str) -> None:
        """Keep clients at *addresses*, one or a range, from reaching *session*.

        Raises:
            InvalidAddress.
            AccessDenied: it blocks as many as it may.
        """
        network = parsed_network(addresses)
        _add(self._guard(session).blocked, network)

    def can_reach(self, caller: Session, target: Session) -> bool:
        """Whether *caller* may know of *target* and speak to it; everyone reaches itself."""
        return target.privacy_rules is None or target is caller or target.privacy_rules.allows(caller.address)

    def forget(self, session: Session) -> None:
        """*session* has ended."""
        if session.privacy_rules is not None:
            session.privacy_rules = None
            self.has_privacy_rules -= 1

    def _guard(self, session: Session) -> PrivacyRules:
        if session.privacy_rules is None:
            session.privacy_rules = PrivacyRules("public")
            self.has_privacy_rules += 1
        return session.privacy_rules

    # The key

    def check_key(self, key: str, address: str) -> None:
        """Refuse who does not know the key of the house.

        Raises:
            AccessDenied: *key* is wrong, or the house has none.
            TooManyTries: *address* has given ``TRIES`` wrong ones within ``TRIES_SECONDS``.
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
        """The times of the wrong keys from *address*; addresses that are long quiet are forgotten."""
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
    """*address*, parsed; an IPv4 address inside an IPv6 one (``::ffff:192.0.2.1``) is that IPv4 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed


def parsed_network(text: str) -> Network:
    """The address or range that *text* is, as in ``192.0.2.7``, ``192.0.2.0/24``, ``2001:db8::/32``.

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
    """*network* as people write it: a single address without its length."""
    return str(network if network.num_addresses > 1 else network.network_address)


def _add(networks: Networks, network: Network) -> None:
    if len(networks) >= RULES_LIMIT and not networks.has(network):
        raise AccessDenied(f"A client may have {RULES_LIMIT} addresses of each kind.")
    networks.add(network)


def check_open(room: Room) -> None:
    """Refuse what nobody may do in a closed room.

    Raises:
        AccessDenied: *room* is closed.
    """
    if room.closed:
        raise AccessDenied(f"The room {quoted(room.name)} is closed.")


def check_entry(room: Room, *, user: str | None, password: str | None) -> None:
    """Refuse who may not come in. A password that *room* does not ask for is ignored.

    Raises:
        AccessDenied: *room* is closed, the *user*, by the form of the name, is banned from it, or it is
            locked and *password* is not its password.
    """
    check_open(room)
    if room.banned is not None and user in room.banned:
        raise AccessDenied(f"You are banned from the room {quoted(room.name)}.")
    if room.password is not None and not matches(password, room.password):
        raise AccessDenied(f"The room {quoted(room.name)} is locked; its password is needed.")


def matches(given: str | None, secret: str) -> bool:
    """Whether *given* is *secret*, found out in the same time for every wrong guess of one length."""
    return given is not None and hmac.compare_digest(_bytes(given), _bytes(secret))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # a command line may hold bytes that are no text
