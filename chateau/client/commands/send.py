"""Send message files: from the command line, from a prompt on a terminal, or named on stdin.

docs/client.md explains it to users.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chateau.client import arguments
from chateau.client.arguments import Exit
from chateau.client.messages import Message, MessageError, read
from chateau.client.protocols import CHATEAU, Server, protocol_at
from chateau.client.recordings import RecordingError, recording

if TYPE_CHECKING:
    from chateau.client.interactive.session import SendSession, Session
    from chateau.client.transports import Target


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of message files, and those that scenarios share with them."""
    files = "a message file to send, a scenario, or a folder of scenarios"
    parser.add_argument("files", nargs="*", metavar="FILE", help=files)
    arguments.add_timeout(parser, "timeout of the connection, of a response and of a step of a scenario")
    arguments.add(parser, "--record FILE", "write every frame to FILE, as JSON lines")
    messages = parser.add_argument_group("message files")
    messages.add_argument(
        "--url",
        type=_url,
        help="URL of the server (default: ws://localhost:8888/ws); "
        "a path that is not of a known protocol takes any JSON",
    )
    messages.add_argument(
        "--json", action="store_true", help="print each frame as received, one per line, and nothing else"
    )


def run(options: argparse.Namespace) -> int:
    """Send messages and print the frames that are received; return the exit code."""
    from chateau.client.interactive.contract import Contract, NoContract
    from chateau.client.interactive.display import PlainDisplay, PrettyDisplay
    from chateau.client.interactive.session import SendSession
    from chateau.client.transports import Target

    url = options.url or (options.server or Server()).url(CHATEAU)
    # A server of the chateau protocol can be at any prefix, and is assumed at the path /.
    protocol = protocol_at(url) if urlsplit(url).path.strip("/") else CHATEAU
    sending = SendSession(
        PlainDisplay() if options.json else PrettyDisplay(),
        Contract() if protocol == CHATEAU else NoContract(),
    )
    try:
        return asyncio.run(_send(options, sending, Target(protocol, url)))
    except KeyboardInterrupt:
        return Exit.INTERRUPTED if options.files else sending.exit_code


async def _send(options: argparse.Namespace, sending: "SendSession", target: "Target") -> int:
    """Run the session; show the error that ends it early, and return the exit code."""
    from chateau.client.interactive.session import Session, SessionError

    try:
        messages = [read(name) for name in options.files]
        with recording(options.record) as record:
            async with Session(
                target, sending.received, timeout_seconds=options.timeout, record=record
            ) as session:
                await _send_from(sending, session, messages)
    except (MessageError, RecordingError) as exc:
        sending.display.error(str(exc))
        return Exit.FILE
    except SessionError as exc:
        sending.display.error(str(exc))
        return Exit.CONNECTION
    return sending.exit_code  # after the session: more frames may be received while it closes


async def _send_from(sending: "SendSession", session: "Session", messages: Sequence[Message]) -> None:
    if messages:
        await sending.send_all(session, messages)
    elif sys.stdin is not None and sys.stdin.isatty():
        from chateau.client.interactive.prompt import Prompt

        await sending.send_from_prompt(session, Prompt())
    else:
        await sending.send_from_stdin(session)


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        complete = parts.scheme in {"ws", "wss"} and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise argparse.ArgumentTypeError(f"{text!r} is not a WebSocket URL such as ws://localhost:8888/ws")
    return text
