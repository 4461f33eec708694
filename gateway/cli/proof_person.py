"""A person at a telephone as the far end of a proof: told what to do, and asked what was heard."""

import asyncio
import os
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from gateway.cli.line_choice import NOBODY
from gateway.cli.proof_far_end import WITHHOLD
from gateway.errors import GatewayError
from gateway.line import Samples
from gateway.numbers import PhoneNumber

READ_AT_ONCE = 4096
YES = frozenset(("", "y", "yes"))
NO = frozenset(("n", "no"))
ANOTHERS = (
    "the number that came is not that of the caller's telephone; try again with nobody else calling this line. If it "
    "stays: another line's number is shown for yours, ask the telephone company"
)


class Person:
    """Whoever sits before the terminal, with a telephone that shows its number when it calls."""

    patience = 120.0

    def __init__(self, ours: PhoneNumber, country: str) -> None:
        """Raises ``GatewayError`` where nobody can be asked."""
        self.number: PhoneNumber | None = None
        self._ours = ours
        self._country = country
        self._terminal = Terminal()

    @asynccontextmanager
    async def calls_us(self, *, withheld: bool) -> AsyncIterator["PersonCall"]:
        """Ask to be called."""
        how, first = "", ""
        if withheld:
            prefix = WITHHOLD.get(self._country, "the prefix that withholds your number (on a mobile: #31#)")
            first, how = "Hang up. Then call", f", with {prefix} before the number"
        ours = self._ours.e164 if self._ours.e164 != NOBODY else "this line"
        _say(f"{first or 'Call'} {ours}{how}, and stay on the line.")
        yield PersonCall(self._terminal)
        if withheld:
            _say("Thank you: hang up again.")

    @asynccontextmanager
    async def awaits_us(self) -> AsyncIterator["PersonCall"]:
        """Announce our call, to the number that came and to no other telephone."""
        call = PersonCall(self._terminal)
        if await self._terminal.asked(f"The number that came is {self.number}. Is it your telephone's?"):
            _say("Hang up. Your telephone is going to ring: don't answer before you are asked to.")
        else:
            call.problem = ANOTHERS
        yield call


class PersonCall:
    """Fulfils ``FarCall`` by questions and answers."""

    def __init__(self, terminal: "Terminal") -> None:
        self.problem = ""
        self._terminal = terminal
        self._rings = False
        self._may_answer = False

    async def in_trouble(self) -> None:
        """A person would say so."""
        await asyncio.Event().wait()

    async def connected(self) -> bool:
        """A person is there."""
        return True

    async def rang(self, within: float) -> bool:
        """Asked, until it does."""
        del within  # a person takes the time that it takes
        self._rings = self._rings or await self._terminal.asked("Does your telephone ring?")
        return self._rings

    def may_answer(self) -> None:
        """Told, once."""
        if not self._may_answer:
            _say("Answer now.")
        self._may_answer = True

    async def says(self) -> Samples | None:
        """Asked to speak; what will be said is not known."""
        _say('Say a few words: "hello, hello, hello".')
        return None

    async def heard(self, phrase: Samples) -> str | None:
        """Asked."""
        del phrase
        return (
            "the caller says so" if await self._terminal.asked("Did you hear the guidance, loud and clear?") else None
        )

    async def presses(self, keys: str) -> None:
        """Asked to."""
        await self._terminal.told(f"Press these keys one after the other, then Enter here: {' '.join(keys)}")

    async def keys(self, expected: str) -> str:
        """Counted: nobody decodes tones by ear."""
        count = await self._terminal.counted("How many key tones have you just heard?")
        return expected if count == len(expected) else f"{count} tones"

    async def hang_up(self) -> None:
        """Asked to."""
        await self._terminal.told("Hang up, and press Enter here in the same moment.")

    async def left_alone(self, within: float) -> str | None:
        """Asked."""
        del within
        return (
            "over, as the caller says"
            if await self._terminal.asked("Has the call ended (a tone, or silence)?")
            else None
        )


class Terminal:
    """Questions at the terminal while a call goes on: nothing waits but who asked, and Ctrl-C ends it at once."""

    def __init__(self) -> None:
        """Raises ``GatewayError`` where standard input is no terminal."""
        if not sys.stdin.isatty():
            raise GatewayError(
                "prove asks you to call and what you hear, and there is no terminal here; name a second line with "
                "--loop LINE, which then does that"
            )
        self._fd = sys.stdin.fileno()
        self._typed = b""

    async def told(self, text: str) -> None:
        """Wait for Enter."""
        await self._answer(f"  ▶ {text} ")

    async def asked(self, question: str) -> bool:
        """Enter, y or n; anything else is asked again."""
        while True:
            answer = (await self._answer(f"  ▶ {question} [Y/n]: ")).lower()
            if answer in YES | NO:
                return answer in YES
            click.echo("    Please answer y or n.")

    async def counted(self, question: str) -> int:
        """A number; anything else is asked again."""
        while True:
            answer = await self._answer(f"  ▶ {question} ")
            if answer.isascii() and answer.isdigit():
                return int(answer)
            click.echo("    Please answer with a number.")

    async def _answer(self, prompt: str) -> str:
        """One line; what was typed before the question is none. Raises ``GatewayError`` at the end of input."""
        termios.tcflush(self._fd, termios.TCIFLUSH)
        self._typed = b""
        click.echo(prompt, nl=False)
        while b"\n" not in self._typed:
            await self._until_readable()
            data = os.read(self._fd, READ_AT_ONCE)
            if not data:  # Ctrl-D
                raise GatewayError("nobody answers at the terminal any more; start again, or use --loop LINE")
            self._typed += data
        return self._typed.split(b"\n")[0].decode(errors="replace").strip()

    async def _until_readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(self._fd, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._fd)


def _say(text: str) -> None:
    click.secho(f"  ▶ {text}", bold=True)
