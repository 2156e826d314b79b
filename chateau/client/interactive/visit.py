"""A visit: what is said to the server, in each of the three ways of saying it, and how it went.

Files as arguments, a prompt on a terminal, lines from a pipe. What ends a run early is raised, and
told by :mod:`chateau.client.app`.
"""

from collections.abc import Sequence

from chateau.client.exit_codes import Exit
from chateau.client.interactive.contract import Contract
from chateau.client.interactive.conversation import Conversation, NoAnswer, Request
from chateau.client.interactive.display import Display
from chateau.client.interactive.frame import Frame
from chateau.client.interactive.outcome import Outcome
from chateau.client.interactive.pipe import Lines
from chateau.client.interactive.prompt import GOODBYE, Prompt
from chateau.client.messages import Message, MessageError, read


class Visit:
    """What a run shows and how it goes, in whichever way it is fed."""

    def __init__(self, display: Display) -> None:
        self.display = display
        self.outcome = Outcome()
        self._contract = Contract()

    def received(self, frame: Frame, request: Request | None) -> None:
        """Check and show *frame*."""
        faults = self._contract.faults(frame, request.message if request else None)
        self.display.received(frame, faults)
        if faults or frame.is_refusal:
            self.outcome.spoil(Exit.ANSWER)

    async def send_all(self, conversation: Conversation, messages: Sequence[Message]) -> None:
        """Send *messages* one by one, each after the answer to the one before."""
        for message in messages:
            await conversation.answer(await self._send(conversation, message))

    async def ask(self, conversation: Conversation, prompt: Prompt) -> None:
        """Ask and send until the user leaves; what goes wrong on the way is shown and forgiven."""
        self.outcome.forgiving = True
        self.display = prompt.above(self.display)
        self.display.note("TAB completes the name of a message file, q leaves.")
        while (name := await conversation.unless_gone(prompt.ask())) is not None:
            for request in await self._send_file(conversation, name):
                await self._wait_patiently(conversation, request)

    async def drain(self, conversation: Conversation, lines: Lines) -> None:
        """Send the files that *lines* name without waiting between them, then wait for all the answers."""
        requests: list[Request] = []
        while (name := await conversation.unless_gone(lines.next())) not in {None, GOODBYE}:
            requests += await self._send_file(conversation, name or "")
        for request in requests:
            await conversation.answer(request)

    async def _send_file(self, conversation: Conversation, name: str) -> list[Request]:
        """Send the file called *name*; without a name, or without such a file, nothing."""
        try:
            return [await self._send(conversation, read(name))] if name else []
        except MessageError as exc:
            self.display.trouble(str(exc))
            self.outcome.spoil(Exit.FILE)
            return []

    async def _send(self, conversation: Conversation, message: Message) -> Request:
        request = await conversation.send(message)
        self.display.sent(message)
        return request

    async def _wait_patiently(self, conversation: Conversation, request: Request) -> None:
        """Wait for the answer, and do without it if it takes too long."""
        try:
            await conversation.answer(request)
        except NoAnswer as exc:
            self.display.trouble(str(exc))
