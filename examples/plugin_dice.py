"""A plug-in for Chateau: dice, and a timer.

python server.py --plugin examples/plugin_dice.py
"""

import asyncio
from random import SystemRandom

from chateau.plugins import Server, User, command

SIDES_LIMIT = 1_000_000
SECONDS_LIMIT = 3600

chance = SystemRandom()


@command("roll", usage="[SIDES]", help="Roll a die; it has six sides where nothing else is said.")
async def roll(_server: Server, user: User, words: list[str]) -> str:
    """What is returned is told to the user who gave the command."""
    sides = number(words, default=6, limit=SIDES_LIMIT)
    if sides is None:
        return f"A die has 1 to {SIDES_LIMIT} sides, as in !roll 20."
    return f"{user.name} rolled {chance.randint(1, sides)} of {sides}."


@command("timer", usage="[SECONDS]", help="Be told when so many seconds have passed.")
async def timer(_server: Server, user: User, words: list[str]) -> str:
    """A command may take its time: nobody waits for it, and it ends when its user leaves."""
    seconds = number(words, default=60, limit=SECONDS_LIMIT)
    if seconds is None:
        return f"A timer takes 1 to {SECONDS_LIMIT} seconds, as in !timer 90."
    user.reply(f"The timer is set to {seconds} s.")
    await asyncio.sleep(seconds)
    return f"The timer has run for {seconds} s."


def number(words: list[str], *, default: int, limit: int) -> int | None:
    """The number from 1 to *limit* that *words* are; None where they are something else."""
    if not words:
        return default
    if len(words) > 1 or not words[0].isdecimal() or len(words[0]) > len(str(limit)):
        return None
    return int(words[0]) if 1 <= int(words[0]) <= limit else None
