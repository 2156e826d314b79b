"""A connection through the proxy: how it begins, its two directions, and how it ends."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from chateau.client.proxy.faults import Faults
from chateau.client.proxy.flow import ConnectionOver, Flow
from chateau.client.proxy.frame import Speech, Way
from chateau.client.proxy.framing import piece
from chateau.client.proxy.opening import (
    HEAD_END,
    LONGEST_HEAD,
    handshake_in,
    is_switching,
    refusal,
    speech_of,
)
from chateau.client.proxy.rule import Rule
from chateau.client.proxy.side import CONNECT_SECONDS, Side, connected
from chateau.client.proxy.witness import Witness

FIRST_BYTES_SECONDS = 1.0  # in which a client whose server is not there may still show that it speaks HTTP

ONLY = "it passes as bytes, and of the faults only delay, stall, half-close, close and reset work"


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server is, and what is spoken there; None where each client's first bytes tell."""

    host: str
    port: int
    speech: Speech | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Harm:
    """What is to be done to frames, and the seed of all chance in it."""

    rules: Sequence[Rule] = ()
    seed: int = 0

    def faults(self, connection: int, way: Way, speech: Speech) -> Faults:
        return Faults(self.rules, seed=self.seed, connection=connection, way=way, speech=speech)


class Connection:
    """One client, and the connection to the server that is made for it."""

    def __init__(self, number: int, client: Side, server: Server, harm: Harm, witness: Witness) -> None:
        self._number = number
        self._client = client
        self._address = server
        self._harm = harm
        self._witness = witness

    async def run(self) -> None:
        """Move all there is. However it ends, both sides are closed then."""
        try:
            server = await connected(self._address.host, self._address.port)
        except OSError as exc:
            await self._refuse(exc)
        else:
            await self._proxy(server)
        finally:
            self._client.close()

    async def _refuse(self, exc: OSError) -> None:
        """Tell the client, as far as it speaks HTTP, that there is no server."""
        sentence = f"The server at {self._address} cannot be reached: {_reason(exc)}."
        self._witness.trouble(sentence)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(FIRST_BYTES_SECONDS):
                if await self._speech(None) is Speech.HTTP:
                    await _head_of(self._client)
                    await self._client.write(refusal(sentence))
        await self._client.say_goodbye()

    async def _proxy(self, server: Side) -> None:
        try:
            speech = await self._open(server)
            if await self._move(speech, server):
                self._reset(server)
        except ConnectionOver as exc:
            if exc.by_reset:
                self._reset(server)
            else:
                self._witness.end_passed(Way.TO_CLIENT, done=("closed",))
                await asyncio.gather(self._client.say_goodbye(), server.say_goodbye())
        except OSError:
            self._reset(server)
        finally:
            server.close()

    def _reset(self, server: Side) -> None:
        self._witness.end_passed(Way.TO_CLIENT, "reset")
        self._client.reset()
        server.reset()

    async def _open(self, server: Side) -> Speech:
        """What is spoken, once it is clear; a handshake is over then."""
        speech = self._address.speech
        if speech is not Speech.BYTES:
            speech = await self._speech(server)
        match speech:
            case Speech.HTTP:
                return await self._open_http(server)
            case Speech.LINES:
                self._witness.opened(speech, f"tcp://{self._address}")
            case _:
                self._witness.opened(speech, f"tls://{self._address}")
                self._witness.trouble(f"this is TLS: no frames can be seen or recorded; {ONLY}")
        return speech

    async def _speech(self, server: Side | None) -> Speech:
        """What the client's first bytes say; lines where the server speaks first, or the client ends."""
        first = b""
        while (speech := self._speech_of(first)) is None:
            if server and await _is_first(server, before=self._client):
                break
            if not (received := await self._client.read()):
                break
            first += received
        self._client.unread(first)
        return speech or Speech.LINES

    def _speech_of(self, first: bytes) -> Speech | None:
        speech = speech_of(first)
        if self._address.speech is Speech.LINES and first[:1] not in {b"", b"\x16"}:
            return Speech.LINES
        return speech

    async def _open_http(self, server: Side) -> Speech:
        head = await _head_of(self._client)
        handshake = handshake_in(head)
        if handshake is None:
            self._client.unread(head)
            return self._open_plain_http()
        await server.write(handshake.head)
        answer = await self._answer_of(server)
        if is_switching(answer):
            await self._client.write(answer)
            self._witness.opened(Speech.WEBSOCKET, f"ws://{self._address}", handshake.path)
            return Speech.WEBSOCKET
        server.unread(answer)
        speech = self._open_plain_http()
        self._witness.read(Way.TO_SERVER, piece(handshake.head))
        return speech

    def _open_plain_http(self) -> Speech:
        self._witness.opened(Speech.HTTP, f"http://{self._address}")
        ways = [self._harm.faults(self._number, way, Speech.HTTP) for way in Way]
        if any(faults.need_frames for faults in ways):
            self._witness.trouble(f"this is plain HTTP: {ONLY}")
        return Speech.HTTP

    async def _answer_of(self, server: Side) -> bytes:
        """The head of the server's answer to a handshake; meanwhile, a client that goes is not missed."""
        watching = asyncio.create_task(self._watch_client(server))
        try:
            return await _head_of(server)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _watch_client(self, server: Side) -> None:
        await self._client.readable()
        if self._client.has_ended():
            server.end()

    async def _move(self, speech: Speech, server: Side) -> bool:
        """Move both directions to their ends; returns whether one side left without a word."""
        flows = [self._flow(way, speech, server) for way in Way]
        moving = [asyncio.create_task(flow.run()) for flow in flows]
        try:
            await asyncio.gather(*moving)
        finally:
            for task in moving:
                task.cancel()
            await asyncio.gather(*moving, return_exceptions=True)
        return any(flow.is_broken for flow in flows)

    def _flow(self, way: Way, speech: Speech, server: Side) -> Flow:
        source, sink = (self._client, server) if way is Way.TO_SERVER else (server, self._client)
        faults = self._harm.faults(self._number, way, speech)
        return Flow(way, speech, source, sink, faults, self._witness)


async def _is_first(side: Side, *, before: Side) -> bool:
    """Whether *side* has something to say, and *before* has nothing, once either has."""
    waiting = [asyncio.create_task(before.readable()), asyncio.create_task(side.readable())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        return not waiting[0].done()
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _head_of(side: Side) -> bytes:
    """The head of the HTTP message that comes next; what comes instead where there is none."""
    received = b""
    while HEAD_END not in received and len(received) < LONGEST_HEAD:
        if not (more := await side.read()):
            break
        received += more
    head, end, rest = received.partition(HEAD_END)
    side.unread(rest)
    return head + end


def _reason(exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {CONNECT_SECONDS:g} s"
    return os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or str(exc)
