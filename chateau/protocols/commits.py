"""Commits: several of them as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chateau.hub.ports import Commit


class AllOf:
    """The commit that is done when all of *commits*, at least one, are done; it fails where one fails."""

    __slots__ = ("_commits",)

    def __init__(self, commits: Sequence[Commit]) -> None:
        self._commits = commits

    def done(self) -> bool:
        """Whether all are decided."""
        return all(commit.done() for commit in self._commits)

    def exception(self) -> BaseException | None:
        """Why the first one that failed did; None when all last."""
        failures = (commit.exception() for commit in self._commits)
        return next((failure for failure in failures if failure is not None), None)

    def add_done_callback(self, callback: Callable[..., object], /) -> None:
        """Call *callback* with this commit when it is done, never from inside this call."""
        undone = len(self._commits)

        def on_one(_commit: Commit) -> None:
            nonlocal undone
            undone -= 1
            if not undone:
                callback(self)

        for commit in self._commits:
            commit.add_done_callback(on_one)


def joined_commit(commits: Sequence[Commit | None]) -> Commit | None:
    """What is done when all of *commits* are; None where nothing has to be waited for."""
    waiting = [commit for commit in commits if commit is not None]
    return AllOf(waiting) if waiting else None
