"""Results as plain text, for the terminal, JUnit, TAP and Gradescope.

Every line is printable, whatever a server has sent. The console adds colours, each report its quoting.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from chateau.client.scenarios.model import Failure, Result, Verdict
from chateau.client.terminal import in_lines, one_line, shortened
from chateau.client.transcript import ABNORMAL, Direction, Entry, Opcode, close_of

LAST_FRAMES = 10
PAYLOAD_WIDTH = 200
DIFF_LINES = 60
NOTE_LINES = 40
LEAVING_SECONDS = 0.05

_ARROWS = {Direction.SENT: "→ sent    ", Direction.RECEIVED: "← received"}


def failure_text(result: Result) -> str:
    """Return why *result* did not pass, with the frames before; "" if it passed."""
    return "\n".join(failure_lines(result))


def failure_lines(result: Result) -> list[str]:
    """Return the lines of :func:`failure_text`."""
    match result.verdict:
        case Verdict.PASSED:
            return []
        case Verdict.SKIPPED:
            return [headline(result)]
    rule = _labelled("rule", result.rule) if result.rule else ()
    return [headline(result), *rule, *why(result), *last_frames(result), *notes(result)]


def headline(result: Result) -> str:
    """Return such as ``failed  A direct message reaches its recipient``; for a skip, with the reason."""
    reason = f": {one_line(result.reason)}" if result.verdict is Verdict.SKIPPED and result.reason else ""
    return f"{result.verdict:<6}  {one_line(result.name)}{reason}"


def sentence(result: Result) -> str:
    """Return the failure or the reason in one line, or ""."""
    return one_line(result.failure.sentence if result.failure else result.reason)


def elapsed(result: Result, entry: Entry) -> str:
    """Return the time of *entry* since the scenario began, such as ``+0.012 s``."""
    return f"+{max(0.0, entry.at - result.started_at.timestamp()):.3f} s"


def around_the_failure(result: Result) -> tuple[Sequence[Entry], Sequence[Entry]]:
    """Return the entries before the step that failed, and the aborts of connections after it."""
    entries = result.transcript
    place = len(entries)
    while result.failure and place and _is_leaving(entries[place - 1], entries[-1]):
        place -= 1
    return entries[:place], entries[place:]


def _is_leaving(entry: Entry, last: Entry) -> bool:
    """Return whether *entry* is an abort at the end of the scenario, rather than by a step."""
    at_once = last.at - entry.at < LEAVING_SECONDS
    return at_once and entry.direction is Direction.SENT and is_cut(entry)


def is_cut(entry: Entry) -> bool:
    """Return whether *entry* is an abort or a half close, for which there is no close frame."""
    return entry.opcode is Opcode.CLOSE and close_of(entry.payload)[0] == ABNORMAL


def payload(entry: Entry, width: int = PAYLOAD_WIDTH) -> str:
    """Return the content of *entry* in one line of at most *width* cells; if truncated, with its size."""
    content = words(entry, width + 1)
    text = shortened(content, width)
    return text if text == one_line(content) else f"{text} ({len(entry.payload):,} bytes)"


def words(entry: Entry, most: int) -> str:
    """Return the content of *entry*, not escaped; of a long one, not much more than *most* characters."""
    match entry.opcode:
        case Opcode.OPEN:
            return _opening(entry.text)
        case Opcode.CLOSE:
            return close_of(entry.payload)[1] if is_cut(entry) else entry.text
    return replace(entry, payload=entry.payload[: 4 * most]).text  # no character has more than four bytes


def _opening(text: str) -> str:
    """Return the URL and the headers of a connection."""
    try:
        opening = json.loads(text)
        headers = (f"{name}: {value}" for name, value in opening.get("headers", ()))
        return " ".join([opening["url"], *headers])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return text  # a recording by another program may have the URL only


def transcript_lines(result: Result, entries: Iterable[Entry], width: int = PAYLOAD_WIDTH) -> Iterator[str]:
    """Yield a line for each entry, such as ``+0.012 s  → sent      text   {"type": 1}``."""
    for entry in entries:
        words = elapsed(result, entry), _ARROWS[entry.direction], f"{entry.opcode:<6}", payload(entry, width)
        yield "  ".join(words).rstrip()


def whole_transcript(result: Result, width: int) -> list[str]:
    """Return the lines of the whole transcript, each with the name of its client."""
    names = max((len(one_line(entry.client)) for entry in result.transcript), default=0)
    lines = transcript_lines(result, result.transcript, width)
    pairs = zip(result.transcript, lines, strict=True)
    return [f"{one_line(entry.client):<{names}}  {line}" for entry, line in pairs]


def parts_of(diff: Sequence[str]) -> tuple[str, str]:
    """Return the expected and the received lines of *diff*."""
    expected = [one_line(line[1:]) for line in diff if line[:1] != "+"]
    got = [one_line(line[1:]) for line in diff if line[:1] != "-"]
    return "\n".join(expected), "\n".join(got)


def why(result: Result) -> Iterator[str]:
    """Yield the failed step, the reason, and the comparison of expected and received values."""
    if result.failure is None:
        yield from _labelled("file", result.file)
    else:
        yield f"  at {one_line(str(result.failure.location))}: {one_line(result.failure.step)}"
        yield from _indented(in_lines(result.failure.sentence), 2)
        yield from _compared(result.failure)
    if result.reason and (result.failure is None or result.reason != result.failure.sentence):
        yield from _indented(in_lines(result.reason), 2)


def _compared(failure: Failure) -> Iterator[str]:
    yield from (f"    {one_line(difference)}" for difference in failure.differences)
    if failure.diff:
        yield "  expected (-) and got (+):"
        yield from _indented(_cut([one_line(line) for line in failure.diff], DIFF_LINES), 4)


def last_frames(result: Result) -> Iterator[str]:
    """Yield the last frames of each client."""
    entries, _ = around_the_failure(result)
    for name, protocol in clients_of(result):
        own = [entry for entry in entries if entry.client == name]
        if not own:
            continue
        last = f"the last {LAST_FRAMES} of {len(own)} frames" if len(own) > LAST_FRAMES else "all frames"
        yield one_line(f"  {last} of {name}{f' ({protocol})' if protocol else ''}:")
        yield from _indented(transcript_lines(result, own[-LAST_FRAMES:]), 4)


def clients_of(result: Result) -> list[tuple[str, str]]:
    """Return the clients of the scenario with their protocols, then others that are in its transcript."""
    seen = dict.fromkeys((entry.client for entry in result.transcript), "")
    named = dict(result.clients)
    return list((named | seen | named).items())


def notes(result: Result) -> Iterator[str]:
    """Yield the first line and the last lines of each note."""
    for note in filter(str.strip, result.notes):
        lines = in_lines(note.rstrip("\n"))
        yield f"  note: {lines[0]}"
        left_out = max(0, len(lines) - 1 - NOTE_LINES)
        if left_out:
            yield f"    … {left_out} lines …"
        yield from _indented((shortened(line, 4 * PAYLOAD_WIDTH) for line in lines[1 + left_out :]), 4)


def _labelled(label: str, text: str) -> Iterator[str]:
    first, *rest = in_lines(text)
    yield f"  {label}: {first}"
    yield from _indented(rest, 4)


def _cut(lines: Sequence[str], most: int) -> list[str]:
    """Return *lines*; if there are too many, without the middle."""
    if len(lines) <= most:
        return list(lines)
    half = most // 2
    return [*lines[:half], f"… {len(lines) - 2 * half} lines …", *lines[-half:]]


def _indented(lines: Iterable[str], spaces: int) -> Iterator[str]:
    return (f"{'':{spaces}}{line}".rstrip() for line in lines)
