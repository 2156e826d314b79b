"""A plug-in for Chateau: dice, and a timer.

python server.py --plugin examples/plugin_dice.py
"""

import asyncio
from random import SystemRandom

from chateau.plugins import Server, User, command

SIDES_LIMIT = 1_000_000
SECONDS_LIMIT = 3600

chance = SystemRandom()


@command("roll", usage="[SIDES]", help="Roll a die, with six sides by default.")
async def roll(_server: Server, user: User, words: list[str]) -> str:
    """The return value is the reply to the user of the command."""
    sides = number(words, default=6, limit=SIDES_LIMIT)
    if sides is None:
        return f"A die has 1 to {SIDES_LIMIT} sides, as in !roll 20."
    return f"{user.name} rolled {chance.randint(1, sides)} of {sides}."


@command("timer", usage="[SECONDS]", help="Reply after SECONDS, 60 by default.")
async def timer(_server: Server, user: User, words: list[str]) -> str:
    """A command may wait: it blocks nobody, and is cancelled when its user disconnects."""
    seconds = number(words, default=60, limit=SECONDS_LIMIT)
    if seconds is None:
        return f"A timer takes 1 to {SECONDS_LIMIT} seconds, as in !timer 90."
    user.reply(f"The timer is set to {seconds} s.")
    await asyncio.sleep(seconds)
    return f"The timer has run for {seconds} s."


def number(words: list[str], *, default: int, limit: int) -> int | None:
    """Return the number in *words*, from 1 to *limit*; None if it is invalid."""
    if not words:
        return default
    if len(words) > 1 or not words[0].isdecimal() or len(words[0]) > len(str(limit)):
        return None
    return int(words[0]) if 1 <= int(words[0]) <= limit else None
