"""Publishing over HTTP, a POST to WebSocket subscribers: Chateau compared with aiohttp."""

from dataclasses import dataclass, replace

from scenarios import CONTENT, Run, run_load
from servers import Running

PATH = "/channel/bench/"


@dataclass(frozen=True, slots=True)
class Publishing:
    """Number of subscribers and messages, one at a time; the mark is a share of aiohttp's CPU per publish."""

    title: str
    subscribers: int
    count: int
    mark: float


PUBLISHINGS = (
    Publishing("HTTP publish to 1,000 subscribers", subscribers=1000, count=200, mark=0.6),
    Publishing("HTTP publish to one subscriber", subscribers=1, count=2000, mark=1.3),
)


def publish(running: Running, what: Publishing, *, share: float = 1.0) -> Run:
    """Publish to the subscribers; the run's microseconds are per publish, not per frame.

    Raises:
        LoadError: frames were missing, or the server closed a connection.
    """
    run = run_load(
        running,
        *("--n", str(what.subscribers), "--count", str(round(what.count * share)), "--window", "1"),
        *("--path", PATH, "--post", PATH, "--header", "Package-Type: text", "--send", CONTENT),
    )
    return replace(run, microseconds=run.microseconds * what.subscribers)
