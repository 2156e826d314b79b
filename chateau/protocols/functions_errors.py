"""The error catalog of the functions protocol; see :mod:`chateau.protocols.error_catalog`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chateau.hub.access import RULES_LIMIT
from chateau.hub.errors import AccessDenied, HubError, InvalidAddress, Unavailable
from chateau.protocols.error_catalog import (
    ANY,
    MAX_FRAME,
    TOO_MANY_KEYS,
    WRONG_KEY,
    ErrorCase,
    ErrorCases,
    ErrorCatalog,
    admission,
    against,
    always,
    unreadable,
)
from chateau.protocols.errors import TooLarge
from chateau.protocols.functions import CUSTOM_BYTES, NAME_BYTES, FunctionsProtocol
from chateau.protocols.json_peer import unknown_type
from chateau.protocols.transport import ENVELOPE_OVERHEAD_BYTES

if TYPE_CHECKING:
    from chateau.protocols.schemas import SchemaSet

CARD_BYTES = 60
"""Bytes of a sender's card, about, where it has no custom variables."""


def _too_long(request: dict[str, Any], _: SchemaSet) -> HubError:
    recipients = len(request["recipient_ids"])
    limit = MAX_FRAME - ENVELOPE_OVERHEAD_BYTES - NAME_BYTES * recipients - CARD_BYTES
    return TooLarge(f"To {recipients} recipients a message of yours may have {limit} bytes of JSON.")


def _no_address(request: dict[str, Any], schemas: SchemaSet) -> HubError:
    sentence = str(InvalidAddress(request["ip"]))
    return schemas.validation_error_at(f"{request['function']}-request", ["ip"], sentence)


def _for_addresses(function: str, **more: str) -> ErrorCases:
    call = {"function": function}
    return (
        ErrorCase(_no_address, "`ip` is neither an address nor a range.", call | {"ip": "192.0.2"} | more),
        against(f"{function}-request", call),
    )


def _keys(sent: dict[str, Any]) -> ErrorCases:
    """The cases of *sent*, where a key may be left out."""
    call = sent | {"secret_key": "a guess"}
    return (WRONG_KEY._replace(sent=call), TOO_MANY_KEYS._replace(sent=call))


SENT = {"function": "send_message", "recipient_ids": ["0", "17"], "message": "hi"}

TOO_MANY_RULES = always(
    AccessDenied(f"A client may have {RULES_LIMIT} addresses of each kind."),
    f"You have {RULES_LIMIT:,} addresses and ranges of this kind.",
)

ERRORS: ErrorCatalog = {
    ANY: (
        *unreadable(
            unknown_type("function", {"function": "fly"}, FunctionsProtocol.expected), {"function": "fly"}
        ),
        *admission({"function": "retrieve_clients"}),
    ),
    "send_message-request": (
        *_keys(SENT),
        ErrorCase(
            _too_long, "The message would not fit into one frame of its recipients.", SENT | {"message": "…"}
        ),
        against("send_message-request", {"function": "send_message", "recipient_ids": ["1"]}),
    ),
    "retrieve_clients-request": (
        *_keys({"function": "retrieve_clients"}),
        against("retrieve_clients-request", {"function": "retrieve_clients", "secret_key": 7}),
    ),
    "set_custom_variables-request": (
        always(
            TooLarge(f"All custom variables may have {CUSTOM_BYTES} bytes of JSON; these have 16401."),
            "All variables together are longer than 16 KiB of JSON, or one is more than 250 levels deep.",
        ),
        always(
            Unavailable("Messages cannot be stored right now; try again later."),
            "`name` cannot be registered, since the store has failed. (No present store causes it.)",
        ),
        against("set_custom_variables-request", {"function": "set_custom_variables"}),
    ),
    "set_privacy-request": (
        against("set_privacy-request", {"function": "set_privacy", "privacy": "secret"}),
    ),
    "allow_ip-request": (TOO_MANY_RULES, *_for_addresses("allow_ip")),
    "block_ip-request": (TOO_MANY_RULES, *_for_addresses("block_ip")),
    "ban_ip-request": (WRONG_KEY, TOO_MANY_KEYS, *_for_addresses("ban_ip", secret_key="swordfish")),
    "unban_ip-request": (WRONG_KEY, TOO_MANY_KEYS, *_for_addresses("unban_ip", secret_key="swordfish")),
}
