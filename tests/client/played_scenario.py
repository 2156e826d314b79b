"""One scenario, written and played in a test, against servers that do what the test requires."""

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from chateau.client.protocols import Server
from chateau.client.scenarios.load import load
from chateau.client.scenarios.model import Result
from chateau.client.scenarios.run import play

ALICE = {"alice": {"protocol": "chateau"}}
LINES = {"alice": {"protocol": "lines"}}
WITHIN = 0.5  # seconds that a step waits, also for a frame that does not come

OnLine = Callable[[str, asyncio.StreamWriter], Awaitable[None] | None]


def played(
    *steps: Any,
    port: int = 1,
    lines_port: int = 1,
    clients: Mapping[str, Any] = ALICE,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> Result:
    """Play *steps* against the server at *port*."""
    return asyncio.run(
        play_steps(*steps, port=port, lines_port=lines_port, clients=clients, variables=variables, **more)
    )


async def play_steps(
    *steps: Any,
    port: int = 1,
    lines_port: int = 1,
    clients: Mapping[str, Any] = ALICE,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.json"
        document = {"name": "x", "clients": clients, "steps": steps, **more}
        path.write_text(json.dumps(document), "utf-8")
        return await play(
            load(path),
            Server("127.0.0.1", port, lines_port),
            timeout_seconds=WITHIN,
            variables=variables or {},
        )


def played_on_lines(on_line: OnLine, *steps: Any, clients: Mapping[str, Any] = LINES, **more: Any) -> Result:
    """Play *steps* against a server of lines that does *on_line* at each line, without its end."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                doing = on_line(line.decode("utf-8", "backslashreplace").rstrip("\r\n"), writer)
                if doing is not None:
                    await doing
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client has left, or the test is over
        finally:
            writer.close()

    async def run() -> Result:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            return await play_steps(*steps, lines_port=port, clients=clients, **more)

    return asyncio.run(run())


def sentence(result: Result) -> str:
    """Return the sentence that describes the failure of *result*."""
    assert result.failure is not None, result.verdict
    return result.failure.sentence


def echo(line: str, writer: asyncio.StreamWriter) -> None:
    writer.write(f"{line}\r\n".encode())
