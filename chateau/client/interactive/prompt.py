"""The prompt: asks for a message file, completes its name with TAB, and lets frames print above it.

It only asks; what is done with what it hears is told in :mod:`chateau.client.interactive.visit`.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter, merge_completers
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output import create_output

from chateau.client.interactive.contract import Fault
from chateau.client.interactive.display import Display
from chateau.client.interactive.frame import Frame
from chateau.client.messages import SUFFIX, Message, folders

# With a colour, for prompt_toolkit does not write a blank at a line's end that has none.
QUESTION = FormattedText([("ansicyan", "message file> ")])
GOODBYE = "q"
MENU_ROWS = 6


class MessageCompleter(Completer):
    """Completes the bare name of a file in messages/ to its path."""

    def get_completions(self, document: Document, _event: CompleteEvent) -> Iterable[Completion]:
        typed = document.text_before_cursor
        if os.sep in typed:
            return
        for folder in folders():
            for path in sorted(folder.glob(f"*{SUFFIX}")):
                if path.name.startswith(typed):
                    yield Completion(str(path), start_position=-len(typed))


class Prompt:
    """The terminal's user, asked for one file after the other."""

    def __init__(self) -> None:
        # With stdout redirected, the prompt is on stderr and stdout has the frames alone.
        screen = sys.stdout if sys.stdout.isatty() else sys.stderr
        self._session: PromptSession[str] = PromptSession(
            completer=merge_completers([MessageCompleter(), PathCompleter(expanduser=True)]),
            complete_while_typing=False,
            reserve_space_for_menu=MENU_ROWS,
            output=create_output(stdout=screen),
        )

    async def ask(self) -> str | None:
        """What was typed; None for q, Ctrl-D and Ctrl-C."""
        try:
            typed = (await self._session.prompt_async(QUESTION)).strip()
        except (EOFError, KeyboardInterrupt):
            return None
        return None if typed == GOODBYE else typed

    def above(self, display: Display) -> Display:
        """*display*, printing above the prompt while one is there."""
        return _Above(display, self._session.app)


class _Above:
    """Holds back what is to be shown until the prompt has been cleared away for it.

    prompt_toolkit's ``patch_stdout`` is for this, but writes from a thread: what it writes while a prompt is
    just being drawn lands beside it.
    """

    def __init__(self, display: Display, application: Application[str]) -> None:
        self._display = display
        self._application = application
        self._waiting: deque[Callable[[], Any]] = deque()

    def sent(self, message: Message) -> None:
        self._show(partial(self._display.sent, message))

    def received(self, frame: Frame, faults: list[Fault]) -> None:
        self._show(partial(self._display.received, frame, faults))

    def note(self, sentence: str) -> None:
        self._show(partial(self._display.note, sentence))

    def trouble(self, sentence: str) -> None:
        self._show(partial(self._display.trouble, sentence))

    def _show(self, one: Callable[[], Any]) -> None:
        """Many frames at once clear the prompt once."""
        self._waiting.append(one)
        if not self._application.is_running:
            self._show_waiting()
        elif len(self._waiting) == 1:
            run_in_terminal(self._show_waiting)

    def _show_waiting(self) -> None:
        while self._waiting:
            self._waiting.popleft()()
