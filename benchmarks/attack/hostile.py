"""Hostile clients, and a sink that takes what they send.

``python hostile.py ID PORT LINES_PORT ADDRESS COUNT SECONDS`` attacks with COUNT clients and prints how much
they sent. ``python hostile.py sink`` prints a port, and reads and drops what is sent to it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress

from attacks import ATTACKS, Attack

HELD = 3_000
"""Connections that an attack without end holds open: what the limit of file descriptors allows."""

ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def attack(kind: Attack, port: int, address: str, count: int, seconds: float) -> None:
    """Attack with *count* clients at once for *seconds*."""
    ends_at = time.monotonic() + seconds
    sent = await asyncio.gather(*(_client(kind, number, port, address, ends_at) for number in range(count)))
    print(sum(sent))


async def _client(kind: Attack, number: int, port: int, address: str, ends_at: float) -> int:
    """Be one hostile client; it begins again whenever the server ends its connection. Return what it sent."""
    held: list[asyncio.StreamWriter] = []
    sent = 0
    while time.monotonic() < ends_at:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout_at(asyncio.get_running_loop().time() + ends_at - time.monotonic()):
                reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
                draining = asyncio.create_task(_read(reader)) if kind.reads else None
                held.append(writer)
                writer.write(kind.opening(f"mallory{number}x{len(held)}"))
                sent += await _flood(kind, writer, number * 1_000_000 + sent, ends_at)
                if not kind.is_one_shot:
                    if draining is not None:
                        draining.cancel()
                    held.pop().close()
        while len(held) >= HELD:
            held.pop(0).close()
        await asyncio.sleep(0)
    for writer in held:
        writer.transport.abort()
    return sent


async def _flood(kind: Attack, writer: asyncio.StreamWriter, first: int, ends_at: float) -> int:
    """Send messages until the end; return how many."""
    start = time.monotonic()
    sent = 0
    while time.monotonic() < ends_at and not writer.transport.is_closing():
        writer.write(kind.message(first + sent))
        await writer.drain()
        sent += 1
        if kind.is_one_shot:
            break
        if kind.rate:
            await asyncio.sleep(max(0.0, start + sent / kind.rate - time.monotonic()))
        elif sent % 100 == 0:
            await asyncio.sleep(0)
    return sent


async def _read(reader: asyncio.StreamReader) -> None:
    with suppress(OSError):
        while await reader.read(1 << 20):
            pass


async def sink() -> None:
    """Accept handshakes, and drop everything else."""

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ACCEPTED)
        await _read(reader)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0, backlog=1_024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        asyncio.run(sink())
    else:
        [chosen] = [each for each in ATTACKS if each.id == sys.argv[1]]
        to = int(sys.argv[2 if chosen.port == "http" else 3])
        asyncio.run(attack(chosen, to, sys.argv[4], int(sys.argv[5]), float(sys.argv[6])))
