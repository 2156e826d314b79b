"""Publishing over HTTP: a package in by POST, out to WebSocket subscribers; Chateau beside aiohttp."""

from dataclasses import dataclass, replace

from scenarios import CONTENT, Run, run_load
from servers import Running

PATH = "/channel/bench/"


@dataclass(frozen=True, slots=True)
class Publishing:
    """So many subscribers and messages, one at a time; the mark is a share of aiohttp's CPU a publish."""

    title: str
    subscribers: int
    count: int
    mark: float


PUBLISHINGS = (
    Publishing("HTTP publish to 1,000 subscribers", subscribers=1000, count=200, mark=0.6),
    Publishing("HTTP publish to one subscriber", subscribers=1, count=2000, mark=1.3),
)


def publish(running: Running, what: Publishing, *, share: float = 1.0) -> Run:
    """Publish to the subscribers; the run's microseconds are those of a publish, not of a frame.

    Raises:
        LoadError: frames were missing, or the server closed a connection.
    """
    run = run_load(
        running,
        *("--n", str(what.subscribers), "--count", str(round(what.count * share)), "--window", "1"),
        *("--path", PATH, "--post", PATH, "--header", "Package-Type: text", "--send", CONTENT),
    )
    return replace(run, microseconds=run.microseconds * what.subscribers)
