"""Well-behaved clients: each sends itself a direct message every 100 ms and waits for it.

``python well_behaved.py PORT ADDRESS COUNT SECONDS`` prints what they saw as one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

from wire import handshake, json_frame

INTERVAL_SECONDS = 0.1
PATIENCE_SECONDS = 30


async def main(port: int, address: str, count: int, seconds: float) -> None:
    """Run the clients for *seconds*, and print their latencies and their complaints."""
    latencies: list[float] = []
    ends_at = time.perf_counter() + seconds
    clients = [
        _client(number, port, address, number * INTERVAL_SECONDS / count, ends_at, latencies)
        for number in range(count)
    ]
    outcomes = await asyncio.gather(*clients, return_exceptions=True)
    complaints = [f"{type(each).__name__}: {each}" for each in outcomes if isinstance(each, BaseException)]
    print(json.dumps({"latencies": latencies, "complaints": complaints}))


async def _client(
    number: int, port: int, address: str, delay: float, ends_at: float, latencies: list[float]
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        writer.write(handshake("/ws"))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"refused: {head.splitlines()[0].decode()}")
        name = f"quiet{number}"
        writer.write(json_frame({"type": 1, "username": name}))
        await _frame(reader)
    await asyncio.sleep(delay)
    message = json_frame({"type": 3, "clients": [name], "content": "x" * 40})
    while (start := time.perf_counter()) < ends_at:
        writer.write(message)
        async with asyncio.timeout(PATIENCE_SECONDS):
            for _ in range(2):  # the push, and the response
                received = await _frame(reader)
                if b'"status":200' not in received:
                    raise ConnectionError(f"got {received.decode()}")
        latencies.append(time.perf_counter() - start)
        await asyncio.sleep(max(0.0, start + INTERVAL_SECONDS - time.perf_counter()))
    writer.close()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """Return the payload of the next text frame; there are no pongs, as the messages show life."""
    while True:
        first, size = await reader.readexactly(2)
        if size == 126:
            size = int.from_bytes(await reader.readexactly(2))
        elif size == 127:
            size = int.from_bytes(await reader.readexactly(8))
        payload = await reader.readexactly(size)
        if first == 0x88:
            raise ConnectionError(f"closed: {payload[:2].hex()} {payload[2:].decode()}")
        if first == 0x81:
            return payload


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
