"""Results to make reports of: of every verdict, plain ones and nasty ones."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chateau.client.scenarios.model import Failure, Location, Result, Run, Verdict, Visibility
from chateau.client.transcript import Direction, Entry, Opcode, close_payload

BEGAN = datetime(2026, 11, 20, 9, 30, 0, tzinfo=UTC)
SENT, RECEIVED = Direction.SENT, Direction.RECEIVED
OPENING = {"protocol": "chateau", "url": "ws://localhost:8888/ws"}
ABORTED = (1006).to_bytes(2) + b"abort"

NASTY = (
    "a\x00b\x1b[31m <script>alert(1)</script> ]]> &amp; \ud800 \u202e "
    "\r\n--- \n...\nnot ok 1 # SKIP \\ 😀 é \u2028"
)


def entry(seconds: float, client: str, direction: Direction, opcode: Opcode, payload: Any = b"") -> Entry:
    """An entry *seconds* after the scenario began; a payload that is no bytes is sent as JSON or as text."""
    if not isinstance(payload, bytes):
        text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
        payload = text.encode("utf-8", "surrogatepass")
    return Entry(BEGAN.timestamp() + seconds, client, direction, opcode, payload)


def conversation() -> tuple[Entry, ...]:
    """alice sends bob a message, which never comes."""
    registered = {"type": 1, "status": 200}
    return (
        entry(0.001, "alice", SENT, Opcode.OPEN, OPENING),
        entry(0.002, "alice", SENT, Opcode.TEXT, {"type": 1, "username": "alice-x7k2p9"}),
        entry(0.003, "alice", RECEIVED, Opcode.TEXT, registered),
        entry(0.004, "bob", SENT, Opcode.OPEN, OPENING),
        entry(0.005, "bob", SENT, Opcode.TEXT, {"type": 1, "username": "bob-x7k2p9"}),
        entry(0.006, "bob", RECEIVED, Opcode.TEXT, registered),
        entry(0.007, "alice", SENT, Opcode.TEXT, {"type": 3, "clients": ["bob-x7k2p9"], "content": "hi"}),
        entry(0.008, "alice", RECEIVED, Opcode.TEXT, {"type": 3, "status": 400, "code": "unknown_client"}),
        entry(0.009, "bob", RECEIVED, Opcode.PING, "are you there"),
        entry(0.010, "bob", SENT, Opcode.PONG, "are you there"),
    )


FAILURE = Failure(
    location=Location("messages/course/hello.json", 14),
    step="expect (alice)",
    sentence="no frame that matches came to alice within 5 s",
    client="alice",
    differences=("/status: expected 200, got 400", "/id: expected a value, and it is not there"),
    diff=(
        " {",
        '   "type": 3,',
        '-  "status": 200,',
        '+  "status": 400,',
        '+  "code": "unknown_client"',
        " }",
    ),
)


def result(verdict: Verdict = Verdict.PASSED, **changed: Any) -> Result:
    """A result of this *verdict*, in which *changed* is otherwise."""
    plain = Result(
        name="A direct message reaches its recipient",
        file="messages/course/hello.json",
        verdict=verdict,
        started_at=BEGAN,
        seconds=0.0123,
        rule="message: everyone named in clients gets the push, and the sender the answer",
        points=2.0,
        clients=(("alice", "chateau"), ("bob", "chateau")),
        transcript=conversation(),
        failure=FAILURE if verdict is Verdict.FAILED else None,
        reason={Verdict.ERROR: "nobody listens at localhost:8888", Verdict.SKIPPED: "it needs chateau 9"}.get(
            verdict, ""
        ),
    )
    return replace(plain, **changed)


def goodbye(seconds: float, client: str, reason: str = "") -> tuple[Entry, Entry]:
    return (
        entry(seconds, client, SENT, Opcode.CLOSE, close_payload(1000, reason)),
        entry(seconds + 0.001, client, RECEIVED, Opcode.CLOSE, close_payload(1000, reason)),
    )


def nasty(verdict: Verdict) -> Result:
    """A result in which every text is one that has to be quoted, everywhere."""
    diff = (f"-{NASTY}", f"+{NASTY}", f" {NASTY}")
    failure = Failure(Location(NASTY, 3), NASTY, NASTY, NASTY, (NASTY, "# x"), diff)
    opcodes = [
        entry(0.001 * index, NASTY, SENT if index % 2 else RECEIVED, opcode, NASTY)
        for index, opcode in enumerate(Opcode)
    ]
    return result(
        verdict,
        name=NASTY,
        file="messages/" + NASTY,
        rule=NASTY,
        description=NASTY,
        reason=NASTY,
        notes=(NASTY, ""),
        clients=((NASTY, NASTY), ("", "")),
        transcript=(*opcodes, entry(2, "", SENT, Opcode.TEXT, b"\xff\xfe\x00")),
        failure=failure if verdict in {Verdict.FAILED, Verdict.ERROR} else None,
        visibility=Visibility.HIDDEN,
    )


def chatter(clients: int, frames: int) -> Result:
    """A failed result with so many clients and so many frames, the last of them of a mebibyte."""
    names = [f"client-{number}" for number in range(1, clients + 1)]
    talk = [
        entry(0.01 * n, names[n % clients], SENT if n % 3 else RECEIVED, Opcode.TEXT, {"n": n, "x": "x" * n})
        for n in range(frames)
    ]
    opened = [entry(0, name, SENT, Opcode.OPEN, OPENING) for name in names]
    huge = entry(0.01 * frames, names[0], RECEIVED, Opcode.TEXT, b"y" * 2**20)
    return result(
        Verdict.FAILED,
        name=f"{clients} clients, {frames} frames",
        clients=tuple((name, "chateau") for name in names),
        transcript=(*opened, *talk, huge),
        failure=replace(FAILURE, client=names[-1]),
    )


def run_of(results: Sequence[Result], server: str = "localhost:8888") -> Run:
    return Run(tuple(results), server, BEGAN, 1.5)


RUNS = {
    "every verdict": run_of([result(verdict) for verdict in Verdict]),
    "nasty texts": run_of([nasty(verdict) for verdict in Verdict], NASTY),
    "no results": run_of([]),
    "no clients": run_of([result(Verdict.ERROR, clients=(), transcript=())]),
    "300 frames and a mebibyte": run_of([chatter(2, 300)]),
    "12 clients": run_of([chatter(12, 60)]),
    "one client": run_of([chatter(1, 5)]),
}
