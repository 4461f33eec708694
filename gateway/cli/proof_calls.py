"""The second half of a proof: a call with a number, a call without, and a call out, each judged at both ends."""

import asyncio
from contextlib import AsyncExitStack

from gateway import clock
from gateway.audio.dtmf import encode
from gateway.cli.proof import Broken, Failed, Proof, as_sentence
from gateway.cli.proof_far_end import CannotWithhold, FarCall, FarEnd
from gateway.cli.proof_talk import Talk, talking
from gateway.line import Answer, IncomingCall, Line, Samples, Voice
from gateway.numbers import PhoneNumber, Withheld
from gateway.settings import LineSettings

KEYS = "159#2460*378"
"""All twelve keys, every row and column changing."""
HANG_UP_WITHIN = 20.0
RINGING = 10.0
"""Seconds of ringing to wait for ringback in; two rings of the slowest country."""
RINGS_ON_MOBILE = 3.0
"""A mobile line hears nothing before the answer."""

NO_NUMBER = {
    "P": (
        "the caller's number is withheld by his own wish",
        "Call from a line that shows its number (in Japan: dial 186 first).",
    ),
    "O": (
        "no caller ID comes",
        "Order caller ID for this line from the telephone company (NTT: Number Display). If it is ordered: a telephone "
        "with a display must show it on this socket; then check line.model and line.country.",
    ),
    "C": ("the caller calls from a public telephone", "Call from an ordinary line."),
    "S": ("the network says that it can't pass the number on", "Call from a line in the same country."),
    "?": (
        "a number comes that is none in line.country",
        "Check line.country: numbers are read in that country's plan. The AT trace below shows what came.",
    ),
}
NOT_ANSWERED = {
    Answer.BUSY: ("the far end is busy", "Free the other line and try again."),
    Answer.NO_ANSWER: ("nobody answers", "See that the other line is plugged in and rings."),
    Answer.NO_DIAL_TONE: (
        "the modem hears no dial tone",
        "Check the cord and the socket with a telephone. Behind a private exchange set line.dial_prefix.",
    ),
    Answer.NETWORK: (
        "the network does not put the call through",
        "Check that the line may call out, line.country, line.international_prefix and line.dial_prefix.",
    ),
}
DEAF = (
    "One-way sound: nothing comes from the line. Check line.audio and the cord; with a sound card its capture level "
    "(alsamixer), on an analogue line another modem."
)
MUTE = (
    "One-way sound: nothing of ours reaches the line. Check line.audio; with a sound card its playback level "
    "(alsamixer), on an analogue line another modem."
)


STUCK = (
    "Pull the telephone cord to free the line, and look for ATH or AT+CHUP in the AT trace: a modem that does not "
    "hang up must be replaced."
)
NO_RING = (
    "Call this line with a telephone on the same socket. If that rings and the modem does not tell: check line.model "
    "and the cord; if not: the line, or line.number."
)
NO_END = (
    "Calls on this line end by silence and the hard cap only. Ask the telephone company for a disconnect signal, or "
    "check line.country: busy tones differ."
)


def _free_of_trouble(there: FarCall) -> None:
    """Raise ``Failed`` where the far end has told of a problem of its own."""
    if there.problem:
        what, _, remedy = there.problem.partition("; ")
        raise Failed(what, as_sentence(remedy) or "See to the far end's line and modem first, and try again.")


class Scenes:
    """Calls between the line and the far end. ``guidance`` is what our callers hear."""

    def __init__(self, proof: Proof, line: Line, settings: LineSettings, far: FarEnd, guidance: Samples) -> None:
        self._proof = proof
        self._line = line
        self._settings = settings
        self._far = far
        self._guidance = guidance

    async def inbound(self) -> None:
        """The far end calls, hears the guidance, and is hung up on. Raises ``Broken``."""
        async with self._far.calls_us(withheld=False) as there, AsyncExitStack() as off_hook:
            call = await self._caller_id(there)
            with self._proof.step("off-hook") as step:
                voice = await off_hook.enter_async_context(self._line.answered(call))
                step.finding = f"{clock.now() - call.settled_at:.3f} s after the caller ID was settled"
            async with talking(voice, self._settings.country) as talk:
                with self._proof.step("guidance") as step:
                    await there.connected()
                    await talk.say(self._guidance)
                    arrived = await there.heard(self._guidance)
                    if arrived is None:
                        raise Failed("the caller does not hear the guidance", MUTE)
                    step.finding = arrived
            with self._proof.step("on-hook") as step:
                await off_hook.aclose()
                noticed = await there.left_alone(HANG_UP_WITHIN)
                if noticed is None:
                    raise Failed("the caller does not notice that we have hung up", STUCK)
                step.finding = f"the caller's end: {noticed}"

    async def _caller_id(self, there: FarCall) -> IncomingCall:
        call: IncomingCall | None = None
        with self._proof.step("caller-id") as step:
            call = await self._rings(there)
            if isinstance(call.caller, Withheld):
                raise Failed(*NO_NUMBER[call.caller.reason])
            expected = self._far.number
            if expected is not None and call.caller != expected:
                raise Failed(
                    f"{call.caller} arrives, but {expected} called",
                    "Correct the other line's number in the settings, or ask the telephone company what it shows.",
                )
            self._far.number = call.caller
            step.finding = str(call.caller)
        if call is None:
            raise Broken
        return call

    async def withheld(self) -> None:
        """The far end calls without its number. Raises ``Broken``."""
        with self._proof.step("withheld") as step:
            try:
                async with self._far.calls_us(withheld=True) as there:
                    call = await self._rings(there)
                    caller = call.caller
                    await self._line.reject(call)
            except CannotWithhold as unknown:
                step.finding = str(unknown)
                return
            if isinstance(caller, PhoneNumber):
                raise Failed(
                    f"{caller} arrives although it was withheld",
                    "Withhold by the prefix that the caller's country has; a line inside a private exchange may not.",
                )
            if caller.reason != "P":
                raise Failed(
                    f"the reason is {caller.reason}, not P",
                    "Without working caller ID a withheld number can't be told from a missing one: see that step.",
                )
            step.finding = "withheld by the caller's wish (P)"

    async def outbound(self) -> None:
        """We call the far end; it answers, speaks, presses keys, hears ours and hangs up. Raises ``Broken``."""
        number = self._far.number
        if number is None:
            raise Broken
        async with self._far.awaits_us() as there, AsyncExitStack() as off_hook:
            answering = asyncio.create_task(self._answers_in_time(there))
            off_hook.callback(answering.cancel)
            result: Voice | Answer | None = None
            with self._proof.step("dials") as step:
                _free_of_trouble(there)
                result = await off_hook.enter_async_context(self._line.dialled(number))
                if isinstance(result, Answer):
                    raise Failed(*NOT_ANSWERED[result])
                step.finding = f"to {number}"
            if result is None or isinstance(result, Answer):
                raise Broken
            async with talking(result, self._settings.country) as talk:
                await self._talk(talk, there)

    async def _answers_in_time(self, there: FarCall) -> None:
        """A mobile line hears no ringback: the far end answers by itself."""
        if self._proof.kind == "mobile" and await there.rang(60.0):
            await asyncio.sleep(RINGS_ON_MOBILE)
            there.may_answer()

    async def _talk(self, talk: Talk, there: FarCall) -> None:
        with self._proof.step("ringback") as step:
            await self._rings_there(talk, there)
            step.finding = "heard" if self._proof.kind == "analogue" else "told by the network"
        there.may_answer()
        with self._proof.step("answered") as step:
            since, before = talk.samples, len(talk.tones)
            phrase = await there.says()
            if phrase is None:
                heard = await talk.until(lambda: any(tone.name == "speech" for tone in talk.tones[before:]), 15.0)
            else:
                found = await talk.hears(phrase, since)
                heard, step.finding = found.sure, f"{found.gain:+.0f} dB"
            _free_of_trouble(there)
            if not heard:
                raise Failed("nothing of the far end is heard", DEAF)
        if there.problem:
            raise Broken
        await self._keys(talk, there)
        with self._proof.step("hang-up") as step:
            await there.hang_up()
            gone = clock.now()
            noticed = await talk.hears_end(HANG_UP_WITHIN)
            if noticed is None:
                raise Failed(f"nothing tells within {HANG_UP_WITHIN:.0f} s that the far end has gone", NO_END)
            step.finding = f"{noticed}, after {clock.now() - gone:.1f} s"

    async def _keys(self, talk: Talk, there: FarCall) -> None:
        with self._proof.step("keys-in") as step:
            await there.presses(KEYS)
            await talk.until(lambda: len(talk.keys) >= len(KEYS), 4.0)
            step.finding = talk.keys
            if talk.keys != KEYS:
                raise Failed(f'"{talk.keys}" instead of "{KEYS}"', f"{DEAF} gateway line levels shows levels and echo.")
        with self._proof.step("keys-out") as step:
            await talk.say(encode(KEYS))
            step.finding = arrived = await there.keys(KEYS)
            if arrived != KEYS:
                raise Failed(f'"{arrived}" instead of "{KEYS}"', f"{MUTE} gateway line levels shows levels and echo.")

    async def _rings_there(self, talk: Talk, there: FarCall) -> None:
        if self._proof.kind == "analogue":
            if not await talk.until(lambda: talk.named("ringback", "busy", "congestion", "sit"), RINGING + 20.0):
                raise Failed("no ringback is heard", f"{DEAF} Or line.country is wrong: ringback differs by country.")
            for name, answer in (("busy", Answer.BUSY), ("congestion", Answer.NETWORK), ("sit", Answer.NETWORK)):
                if talk.named(name) and not talk.named("ringback"):
                    raise Failed(*NOT_ANSWERED[answer])
        elif not await there.rang(RINGING):
            raise Failed("it does not ring at the far end", "See that the other line is in service.")

    async def _rings(self, there: FarCall) -> IncomingCall:
        ringing = asyncio.create_task(_next_call(self._line))
        trouble = asyncio.create_task(there.in_trouble())
        try:
            patience = self._far.patience
            await asyncio.wait((ringing, trouble), timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if ringing.done():
                return ringing.result()
            _free_of_trouble(there)
            raise Failed(f"no call has come within {patience:.0f} s", NO_RING)
        finally:
            ringing.cancel()
            trouble.cancel()
            await asyncio.gather(ringing, trouble, return_exceptions=True)


async def _next_call(line: Line) -> IncomingCall:
    async for call in line.incoming():
        return call
    raise AssertionError("incoming() ended")
