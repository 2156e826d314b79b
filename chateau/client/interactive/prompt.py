"""The prompt: asks for the name of a message file, completes it with TAB, and prints frames above itself."""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

from prompt_toolkit import PromptSession
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter, merge_completers
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output import create_output

from chateau.client.interactive.display import Display
from chateau.client.messages import SUFFIX, folders

# In colour: prompt_toolkit omits a blank at the end of a line that has no style.
QUESTION = FormattedText([("ansicyan", "message file> ")])
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
    """Asks the user at the terminal for one file after the other."""

    def __init__(self) -> None:
        # If stdout is redirected, the prompt is on stderr and stdout has only the frames.
        screen = sys.stdout if sys.stdout.isatty() else sys.stderr
        self._session: PromptSession[str] = PromptSession(
            completer=merge_completers([MessageCompleter(), PathCompleter(expanduser=True)]),
            complete_while_typing=False,
            reserve_space_for_menu=MENU_ROWS,
            output=create_output(stdout=screen),
        )

    async def ask(self) -> str | None:
        """Return the input; None for Ctrl-D and Ctrl-C."""
        try:
            return (await self._session.prompt_async(QUESTION)).strip()
        except (EOFError, KeyboardInterrupt):
            return None

    def above(self, display: Display) -> Display:
        """Return *display*, printing above the prompt while it is shown."""
        return cast("Display", _AbovePrompt(display, self._session.app))


class _AbovePrompt:
    """Queues what is to be shown until the prompt is erased.

    prompt_toolkit's ``patch_stdout`` does this from a thread; output while the prompt is drawn then ends up
    in the line of the prompt.
    """

    def __init__(self, display: Display, application: Application[str]) -> None:
        self._display = display
        self._application = application
        self._queue: deque[Callable[[], Any]] = deque()

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Return the method of the display called *name*, for later."""
        method = getattr(self._display, name)
        return lambda *values: self._show(partial(method, *values))

    def _show(self, one: Callable[[], Any]) -> None:
        """Show *one*; several frames at once erase the prompt once."""
        self._queue.append(one)
        if not self._application.is_running:
            self._show_queued()
        elif len(self._queue) == 1:
            run_in_terminal(self._show_queued)

    def _show_queued(self) -> None:
        while self._queue:
            self._queue.popleft()()
