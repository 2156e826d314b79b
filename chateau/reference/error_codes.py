"""The error codes, each with its meaning in one sentence, which is the same in every protocol.

The protocols' error catalogs list the codes of each request.
"""

from __future__ import annotations

CODES = {
    "invalid_json": "The text is not valid JSON, or it has a duplicate key, NaN, a lone surrogate, a number "
    "beyond the range of a double, or more than about 1,000 levels of nesting.",
    "not_an_object": "The text is JSON, but not an object.",
    "binary_frame": "The message came in a binary frame; messages are text frames.",
    "unknown_type": "The type is missing or unknown: the type of a message or of a publication, a function, "
    "an op, or a command.",
    "invalid_message": "The message does not match its schema. If there is a `path`, it is a JSON Pointer to "
    "the invalid value, and `schema` is the URL of the schema on this server.",
    "not_registered": "The request requires a username: register one first.",
    "already_registered": "This session already has a username.",
    "name_taken": "Another session has this username.",
    "invalid_name": "The name is not allowed: it has control characters, invisible characters, or spaces at "
    "its ends; or it has the form `#17`, which stands for a session without a username; or it is `channel` "
    "or the value of `--server-name`, which the server itself uses.",
    "unknown_recipient": "A recipient is not registered, or does not allow you to reach it. The message was "
    "delivered to nobody.",
    "unknown_room": "There is no such room.",
    "unknown_session": "There is no session with this id, or it has ended.",
    "not_in_room": "You are not a member of the room.",
    "already_in_room": "You are already a member of the room.",
    "access_denied": "The room is closed, the room is locked and the password is wrong, or you are banned "
    "from the room; or a key or password is missing or wrong; or you have the maximum number of rules.",
    "banned": "Your address is banned.",
    "rate_limited": "One of three limits is reached, and the sentence names it: the messages per second of "
    "one connection (`--max-rate`), five wrong keys per minute from one address, or 16 commands of plug-ins "
    "that run at the same time for one session. Try again later.",
    "too_large": "The message is too long or too deep. A relayed message must be at least 1,536 bytes "
    "shorter than `--max-frame`.",
    "unavailable": "The message could not be stored, or the history could not be read. If the message was "
    "delivered all the same, the sentence reports it.",
    "internal": "The server failed; see its log.",
}
