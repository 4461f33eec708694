"""A person at a telephone as the far end of a proof: told what to do, and asked what was heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from gateway.cli.proof_far_end import WITHHOLD
from gateway.line import Samples
from gateway.numbers import PhoneNumber


class Person:
    """Whoever sits before the terminal, with a telephone that shows its number when it calls."""

    patience = 120.0

    def __init__(self, ours: PhoneNumber, country: str) -> None:
        self.number: PhoneNumber | None = None
        self._ours = ours
        self._country = country

    @asynccontextmanager
    async def calls_us(self, *, withheld: bool) -> AsyncIterator["PersonCall"]:
        """Ask to be called."""
        how = ""
        if withheld:
            prefix = WITHHOLD.get(self._country, "the prefix that withholds your number (on a mobile: #31#)")
            how = f", with {prefix} before the number"
        _say(f"Call {self._ours.e164}{how}, and stay on the line.")
        yield PersonCall()
        if withheld:
            _say("Thank you: hang up again.")

    @asynccontextmanager
    async def awaits_us(self) -> AsyncIterator["PersonCall"]:
        """Announce our call."""
        _say("Hang up. Your telephone is going to ring: don't answer before you are asked to.")
        yield PersonCall()


class PersonCall:
    """Fulfils ``FarCall`` by questions and answers."""

    problem = ""

    async def connected(self) -> bool:
        """A person is there."""
        return True

    async def rang(self, within: float) -> bool:
        """Asked."""
        del within  # a person takes the time that it takes
        return await _asked("Does your telephone ring?")

    def may_answer(self) -> None:
        """Told."""
        _say("Answer now.")

    async def says(self) -> Samples | None:
        """Asked to speak; what will be said is not known."""
        _say('Say a few words: "hello, hello, hello".')
        return None

    async def heard(self, phrase: Samples) -> str | None:
        """Asked."""
        del phrase
        return "the caller says so" if await _asked("Did you hear the guidance, loud and clear?") else None

    async def presses(self, keys: str) -> None:
        """Asked to."""
        await _told(f"Press these keys one after the other, then Enter here: {' '.join(keys)}")

    async def keys(self, expected: str) -> str:
        """Counted: nobody decodes tones by ear."""
        count = await asyncio.to_thread(click.prompt, "How many key tones have you just heard?", type=int)
        return expected if count == len(expected) else f"{count} tones"

    async def hang_up(self) -> None:
        """Asked to."""
        await _told("Hang up, and press Enter here in the same moment.")

    async def left_alone(self, within: float) -> str | None:
        """Asked."""
        del within
        return "over, as the caller says" if await _asked("Has the call ended (a tone, or dead silence)?") else None


def _say(text: str) -> None:
    click.secho(f"  ▶ {text}", bold=True)


async def _asked(question: str) -> bool:
    return await asyncio.to_thread(click.confirm, f"  ▶ {question}", default=True)


async def _told(text: str) -> None:
    await asyncio.to_thread(click.prompt, f"  ▶ {text}", default="", show_default=False, prompt_suffix=" ")
