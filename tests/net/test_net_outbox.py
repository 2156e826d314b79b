"""The outbox: one write per loop iteration, a backlog counted in bytes, and whole frames only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from generated import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from masked_frames import ServerFrame, server_frames

from chateau.net.frames import text_frame
from chateau.net.outbox import SEND_BYTES, FlushScheduler, Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

ALL = 1 << 40
Take = int | OSError
"""How many bytes one write takes, or what it raises."""


class ScriptedLoop:
    """An event loop that the test drives."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def run_iteration(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


class ScriptedOutbox(Outbox):
    """An outbox whose writes accept as many bytes as the script allows, and all bytes after it."""

    def __init__(self, *script: Take, max_backlog: int = 1_000) -> None:
        super().__init__(max_backlog)
        self.script = list(script)
        self.writes: list[bytes] = []
        self.gone = bytearray()
        self.events: list[str] = []
        self.write = self._write

    def _write(self, batch: bytes) -> int:
        self.writes.append(batch)
        take = self.script.pop(0) if self.script else ALL
        if isinstance(take, OSError):
            raise take
        self.gone += batch[:take]
        return min(take, len(batch))

    def on_blocked(self) -> None:
        self.events.append("blocked")

    def on_drained(self) -> None:
        self.events.append("drained")

    def on_overflow(self) -> None:
        self.events.append("overflow")
        self.drop()

    def on_lost(self, exc: OSError) -> None:
        self.events.append(f"lost: {exc}")
        self.drop()


@pytest.fixture
def loop() -> ScriptedLoop:
    return ScriptedLoop()


@pytest.fixture
def scheduler(loop: ScriptedLoop) -> FlushScheduler:
    return FlushScheduler(loop)  # type: ignore[arg-type]


def test_frames_are_written_at_the_end_of_the_iteration(
    loop: ScriptedLoop, scheduler: FlushScheduler
) -> None:
    outbox = ScriptedOutbox()

    scheduler.enqueue(outbox, b"one")

    assert outbox.writes == []
    assert not outbox.is_empty
    loop.run_iteration()
    assert outbox.writes == [b"one"]
    assert outbox.is_empty


def test_frames_of_one_iteration_are_one_write(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outbox = ScriptedOutbox()

    for frame in (b"one", b"two", b"three"):
        scheduler.enqueue(outbox, frame)
    loop.run_iteration()

    assert outbox.writes == [b"onetwothree"]


def test_each_iteration_has_its_own_write(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outbox = ScriptedOutbox()

    for frame in (b"one", b"two"):
        scheduler.enqueue(outbox, frame)
        loop.run_iteration()

    assert outbox.writes == [b"one", b"two"]


def test_one_iteration_schedules_one_callback(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outboxes = [ScriptedOutbox() for _ in range(3)]

    scheduler.enqueue(outboxes[0], b"one")
    scheduler.enqueue_all(outboxes, b"two")
    scheduler.enqueue(outboxes[2], b"three")

    assert len(loop.due) == 1
    loop.run_iteration()
    assert [outbox.writes for outbox in outboxes] == [[b"onetwo"], [b"two"], [b"twothree"]]


def test_broadcast_frame_is_one_shared_object(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outboxes = [ScriptedOutbox() for _ in range(3)]
    frame = text_frame(b"hello")

    scheduler.enqueue_all(outboxes, frame)
    loop.run_iteration()

    assert all(outbox.writes[0] is frame for outbox in outboxes)


def test_corked_frames_are_written_on_uncork(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outbox, other = ScriptedOutbox(), ScriptedOutbox()

    scheduler.cork()
    scheduler.enqueue(outbox, b"one")
    scheduler.enqueue_all([outbox, other], b"two")
    assert loop.due == []
    assert outbox.writes == []
    scheduler.uncork()

    assert outbox.writes == [b"onetwo"]
    assert other.writes == [b"two"]


def test_frames_queued_before_cork_are_written_on_uncork(
    loop: ScriptedLoop, scheduler: FlushScheduler
) -> None:
    outbox = ScriptedOutbox()

    scheduler.enqueue(outbox, b"one")
    scheduler.cork()
    scheduler.enqueue(outbox, b"two")
    scheduler.uncork()
    loop.run_iteration()

    assert outbox.writes == [b"onetwo"]


def test_frames_queued_during_a_flush_are_written_in_the_next_iteration(
    loop: ScriptedLoop, scheduler: FlushScheduler
) -> None:
    other = ScriptedOutbox()

    class Answering(ScriptedOutbox):
        def _write(self, batch: bytes) -> int:
            scheduler.enqueue(other, b"answer")
            return super()._write(batch)

    scheduler.enqueue(Answering(), b"question")
    loop.run_iteration()
    assert other.writes == []
    loop.run_iteration()

    assert other.writes == [b"answer"]


def test_dropped_frames_are_not_written(loop: ScriptedLoop, scheduler: FlushScheduler) -> None:
    outbox = ScriptedOutbox()

    scheduler.enqueue(outbox, b"one")
    outbox.drop()
    loop.run_iteration()

    assert outbox.writes == []
    assert outbox.is_empty


@pytest.mark.parametrize("taken", range(9))
def test_unwritten_bytes_are_queued_and_counted(taken: int) -> None:
    outbox = ScriptedOutbox(taken)

    outbox.frames = [b"abc", b"def", b"ghi"]
    outbox.flush()

    assert outbox.events == ["blocked"]
    assert outbox.backlog_bytes == 9 - taken
    assert not outbox.is_empty
    outbox.drain()
    assert outbox.events == ["blocked", "drained"]
    assert outbox.gone == b"abcdefghi"
    assert outbox.backlog_bytes == 0
    assert outbox.is_empty


def test_blocked_write_queues_everything() -> None:
    outbox = ScriptedOutbox(BlockingIOError())

    outbox.frames = [b"abc", b"def"]
    outbox.flush()

    assert outbox.events == ["blocked"]
    assert outbox.backlog_bytes == 6


def test_blocked_drain_changes_nothing() -> None:
    outbox = ScriptedOutbox(1, BlockingIOError())

    outbox.frames = [b"abc", b"def"]
    outbox.flush()
    outbox.drain()

    assert outbox.events == ["blocked"]
    assert outbox.backlog_bytes == 5
    outbox.drain()
    assert outbox.gone == b"abcdef"


def test_frames_are_appended_to_an_existing_backlog() -> None:
    outbox = ScriptedOutbox(1)

    outbox.frames = [b"abc"]
    outbox.flush()
    outbox.frames = [b"def"]
    outbox.flush()

    assert outbox.writes == [b"abc"]
    assert outbox.events == ["blocked"]
    assert outbox.backlog_bytes == 5
    outbox.drain()
    assert outbox.gone == b"abcdef"


def test_drain_batches_frames_up_to_a_size() -> None:
    outbox = ScriptedOutbox(0, max_backlog=ALL)
    half = SEND_BYTES // 2

    outbox.frames = [b"a" * half, b"b" * half, b"c", b"d"]
    outbox.flush()
    outbox.drain()
    outbox.drain()

    assert list(map(len, outbox.writes[1:])) == [SEND_BYTES, 2]
    assert outbox.events == ["blocked", "drained"]


def test_frame_longer_than_a_batch_is_one_write() -> None:
    outbox = ScriptedOutbox(0, max_backlog=ALL)

    outbox.frames = [b"a" * (3 * SEND_BYTES), b"b"]
    outbox.flush()
    outbox.drain()

    assert len(outbox.writes[1]) == 3 * SEND_BYTES


def test_drain_without_a_backlog_does_nothing() -> None:
    outbox = ScriptedOutbox()

    outbox.drain()

    assert outbox.writes == []
    assert outbox.events == []


def test_backlog_may_reach_the_limit() -> None:
    outbox = ScriptedOutbox(0, max_backlog=6)

    outbox.frames = [b"abc", b"def"]
    outbox.flush()

    assert outbox.events == ["blocked"]


def test_backlog_above_the_limit_overflows_once() -> None:
    outbox = ScriptedOutbox(0, max_backlog=6)

    outbox.frames = [b"abc", b"def"]
    outbox.flush()
    outbox.frames = [b"g"]
    outbox.flush()
    outbox.frames = [b"bye"]
    outbox.flush()

    assert outbox.events == ["blocked", "overflow"]
    outbox.drain()
    assert outbox.gone == b"bye"


def test_single_flush_above_the_limit_overflows_and_waits_for_the_drain() -> None:
    outbox = ScriptedOutbox(0, max_backlog=6)

    outbox.frames = [b"abc", b"def", b"g"]
    outbox.flush()

    assert outbox.events == ["overflow", "blocked"]
    assert outbox.backlog_bytes == 0
    outbox.drain()
    assert outbox.events == ["overflow", "blocked", "drained"]
    assert outbox.gone == b""


@pytest.mark.parametrize(
    ("taken", "left"),
    [
        pytest.param([0], b"", id="nothing has begun"),
        pytest.param([1], b"bc", id="the first frame has begun"),
        pytest.param([3], b"", id="the first frame is out"),
        pytest.param([4], b"ef", id="the second frame has begun"),
        pytest.param([1, 1], b"c", id="the first frame is partly written and continues"),
        pytest.param([1, 2], b"", id="the first frame is out after a pause"),
        pytest.param([1, 3], b"ef", id="the second frame has begun after a pause"),
        pytest.param([1, 0], b"bc", id="the first frame has begun and is stuck"),
        pytest.param([1, BlockingIOError()], b"bc", id="the first frame has begun and blocks"),
        pytest.param([4, 2, 0], b"", id="the second frame is out and the third is stuck"),
        pytest.param([8, 0], b"i", id="the last frame has begun"),
    ],
)
def test_drop_preserves_the_rest_of_a_partly_written_frame(taken: list[Take], left: bytes) -> None:
    outbox = ScriptedOutbox(*taken)
    outbox.frames = [b"abc", b"def", b"ghi"]
    outbox.flush()
    for _ in taken[1:]:
        outbox.drain()
    gone = len(outbox.gone)

    outbox.frames = [b"never"]
    outbox.drop()
    outbox.drain()

    assert outbox.gone[gone:] == left
    assert outbox.backlog_bytes == 0
    assert outbox.is_empty
    assert outbox.events == ["blocked", "drained"]


def test_frames_queued_after_a_drop_follow_the_partial_frame() -> None:
    outbox = ScriptedOutbox(1)
    outbox.frames = [b"abc", b"def"]
    outbox.flush()

    outbox.drop()
    outbox.frames = [b"bye"]
    outbox.flush()
    assert outbox.backlog_bytes == 5
    outbox.drain()

    assert outbox.gone == b"abcbye"


def test_drained_backlog_leaves_no_partial_frame() -> None:
    outbox = ScriptedOutbox(1, 2, 0)
    outbox.frames = [b"abc"]
    outbox.flush()
    outbox.drain()
    outbox.frames = [b"def"]
    outbox.flush()

    outbox.drop()
    outbox.drain()

    assert outbox.gone == b"abc"


def test_connection_error_during_a_flush_is_reported() -> None:
    outbox = ScriptedOutbox(BrokenPipeError("gone"))

    outbox.frames = [b"abc"]
    outbox.flush()

    assert outbox.events == ["lost: gone"]
    assert outbox.is_empty


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_connection_error_during_a_drain_is_reported(taken: int) -> None:
    outbox = ScriptedOutbox(taken, ConnectionResetError("gone"))

    outbox.frames = [b"abc", b"def"]
    outbox.flush()
    outbox.drain()

    assert outbox.events == ["blocked", "lost: gone"]


def test_outbox_without_frames_is_empty() -> None:
    outbox = ScriptedOutbox()

    outbox.flush()

    assert outbox.is_empty
    assert outbox.writes == []


@pytest.mark.parametrize(
    "call",
    [
        Outbox.on_blocked,
        Outbox.on_drained,
        Outbox.on_overflow,
        lambda outbox: outbox.on_lost(OSError()),
    ],
)
def test_base_outbox_does_not_implement_its_callbacks(call: Callable[[Outbox], None]) -> None:
    with pytest.raises(NotImplementedError):
        call(Outbox(1))


takes = st.one_of(st.integers(0, 12), st.just(ALL), st.builds(BlockingIOError))
frames = st.binary(min_size=1, max_size=9)
steps = st.lists(st.one_of(st.tuples(st.just("put"), st.lists(frames, max_size=4)), st.just(("drain", []))))


@given(steps=steps, script=st.lists(takes))
def test_written_bytes_equal_the_queued_frames(
    steps: list[tuple[str, list[bytes]]], script: list[Take]
) -> None:
    outbox = ScriptedOutbox(*script, max_backlog=ALL)
    put_in = bytearray()
    blocked = False

    for step, some in steps:
        if step == "put":
            scheduler = FlushScheduler(ScriptedLoop())  # type: ignore[arg-type]
            for frame in some:
                scheduler.enqueue(outbox, frame)
                put_in += frame
            scheduler.uncork()
        elif blocked:
            outbox.drain()
        blocked = outbox.events.count("blocked") > outbox.events.count("drained")
        assert put_in.startswith(outbox.gone)
        assert outbox.backlog_bytes == len(put_in) - len(outbox.gone)
        assert blocked == (not outbox.is_empty)

    while not outbox.is_empty:
        outbox.drain()
    assert outbox.gone == put_in


losses = st.builds(ConnectionResetError)
numbered = st.integers(0, 300)


@settings(max_examples=examples(300))
@given(
    steps=st.lists(st.one_of(st.lists(numbered, min_size=1, max_size=3), st.sampled_from(["drain", "drop"]))),
    script=st.lists(st.one_of(takes, losses)),
    max_backlog=st.integers(20, 600),
)
def test_whole_frames_are_written_in_order_after_any_operations(
    steps: list[list[int] | str], script: list[Take], max_backlog: int
) -> None:
    outbox = ScriptedOutbox(*script, max_backlog=max_backlog)
    scheduler = FlushScheduler(ScriptedLoop())  # type: ignore[arg-type]
    put_in = []

    for step in steps:
        match step:
            case "drain":
                outbox.drain()
            case "drop":
                outbox.drop()
            case _:
                for length in step:
                    put_in.append(b"%d " % len(put_in) + b"x" * int(length))
                    scheduler.enqueue(outbox, text_frame(put_in[-1]))
                scheduler.uncork()
        if any(events.startswith("lost") for events in outbox.events):
            return
    while not outbox.is_empty:
        outbox.drain()
        if any(events.startswith("lost") for events in outbox.events):
            return

    left = [payload for _, payload in server_frames(outbox.gone)]
    assert [ServerFrame(1, payload) for payload in left] == server_frames(outbox.gone)
    numbers = [int(payload.split()[0]) for payload in left]
    assert numbers == sorted(set(numbers))
    assert all(payload == put_in[number] for number, payload in zip(numbers, left, strict=True))
