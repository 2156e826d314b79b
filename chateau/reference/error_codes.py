"""The codes of refusals, and what each of them means: one sentence, the same wherever it is told.

Which request is refused with which of them is in the protocols' error catalogs, how a protocol says so in
the protocols themselves.
"""

from __future__ import annotations

CODES = {
    "invalid_json": "The text is not JSON, or has a key twice, NaN, a lone surrogate, a number beyond a "
    "double, or some 1,000 levels of nesting.",
    "not_an_object": "It is JSON, but no object.",
    "binary_frame": "It came in a binary frame.",
    "unknown_type": "What is asked for is missing, or is nothing that there is: a type, a function, an op, a "
    "command, a type of package.",
    "invalid_message": "The schema says no. Where there is a `path`, it is a JSON Pointer to the fault, and "
    "`schema` the schema's URL on this server.",
    "not_registered": "A name has to be registered first.",
    "already_registered": "This session has a name already.",
    "name_taken": "Another session has that name.",
    "invalid_name": "It can be no name: control or invisible characters, spaces at the ends, or a username "
    "like `#17`, which is how a session without a name is shown; or one that the server speaks under, "
    "`channel` and its `--server-name`.",
    "unknown_recipient": "Nobody is registered under one of the names, or lets you reach them; nothing was "
    "delivered to anyone.",
    "unknown_room": "There is no such room.",
    "unknown_session": "There is no session with that id, or it has ended.",
    "not_in_room": "You are not inside.",
    "already_in_room": "You are inside already.",
    "access_denied": "The room is closed, or locked and the password is not right, or you are banned from "
    "it; or a key or a password is missing or wrong, or you have set as many rules as you may.",
    "banned": "Your address is banned.",
    "rate_limited": "Too many messages at once, or too many wrong keys; slow down.",
    "too_large": "What was sent is too long, or too deep, for what becomes of it. What is passed on has to "
    "leave 1,536 bytes of `--max-frame` free.",
    "unavailable": "The message could not be kept, or what was kept not be read; where it was passed on all "
    "the same, the sentence says so.",
    "internal": "The server failed; its log says how.",
}
