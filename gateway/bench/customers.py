"""Ready-made customers: the patient one, those who make trouble, and the plain caller of ``gateway exchange call``."""

import random
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from gateway.bench import script
from gateway.bench.handset import Handset
from gateway.bench.script import Answer, Answers, Call, HangUp, Hear, KeyGroups, Lift, Listen, Result, Script, Wait
from gateway.bench.settings import Form, Reason

Mood = Literal["patient", "hasty", "leaves early", "busy", "never answers", "hangs up at once", "gives up"]
MOODS: tuple[Mood, ...] = get_args(Mood)

PROMPT_OVER = 1.0
"""Seconds of silence after which somebody presses a key."""
CALL_OVER = 3.0
"""Seconds of silence after which somebody takes it that nothing more will come."""


class CallOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``gateway exchange call`` asks for; seconds are bench seconds."""

    caller: str
    """E.164, or in the national form of ``country``."""
    called: str
    country: str | None = None
    withheld: Reason | None = None
    form: Form | None = None
    keys: KeyGroups = ""
    """Groups separated by blanks: each is pressed when a prompt pauses."""
    callback: bool | None = None
    """True: must be called back, and the keys are kept for that call. None: if it comes, well. False: do not wait."""
    timeout: float = 60.0
    """For each thing waited for: an answer, a prompt, the call back."""
    mood: Mood | Literal["random"] | None = None
    script: dict[str, Any] | None = None
    """As in a script file; goes before everything else here."""
    base: str = "."
    """Folder that the script's sounds count from."""
    seed: int = 0


async def carry_out(handset: Handset, order: CallOrder) -> Result:
    """Do what is ordered, script, mood or plain call. Raises ``ScriptError``, ``SettingsError``."""
    if order.script is not None:
        return await script.run(handset, script.build(order.script, "script", Path(order.base)))
    if order.mood is not None:
        rng = random.Random(f"{order.seed} {handset.line.number}")
        mood: Mood = rng.choice(MOODS) if order.mood == "random" else order.mood
        started = len(handset.notes)
        handset.note("is", mood)
        made = moody(mood, order.called, order.keys, rng, within=order.timeout)
        result = await script.run(handset, made)
        return msgspec.structs.replace(result, notes=handset.notes[started:])
    return await place_call(handset, order)


def customer(
    shop: str,
    keys: str = "",
    *,
    withheld: Reason | None = None,
    form: Form | None = None,
    barge_in: bool = False,
    within: float = 120.0,
) -> Script:
    """Calls the shop, hears the guidance, hangs up; called back, keys through the menu, hears the rest, hangs up."""
    return Script(
        steps=(
            Call(number=shop, withheld=withheld, form=form),
            Listen(within=within),
            HangUp(),
            *_called_back(keys, within, barge_in=barge_in),
        )
    )


def moody(mood: Mood, shop: str, keys: str, rng: random.Random, *, within: float = 120.0) -> Script:
    """A customer in some mood; all but the last three end with the keys pressed, if he is called again."""
    first: tuple[script.Step, ...] = (Call(number=shop), Listen(within=within), HangUp())
    back = _called_back(keys, within)
    match mood:
        case "patient":
            steps = (*first, *back)
        case "hasty":
            steps = (*first, *_called_back(keys, within, barge_in=True))
        case "leaves early":
            heard = (Call(number=shop), Hear(what="sound", within=within), Wait(seconds=rng.uniform(0.0, 2.0)))
            steps = (*heard, HangUp(), *back)
        case "busy":
            steps = (*first, Lift(), Wait(seconds=rng.uniform(15.0, 45.0)), HangUp(), *back)
        case "never answers":
            steps = (*first, Wait(seconds=within))
        case "hangs up at once":
            steps = (*first, Answer(within=within), Wait(seconds=rng.uniform(0.2, 2.0)), HangUp())
        case "gives up":
            group = (keys.split() or ["1"])[:1]
            steps = (*first, Answer(within=within), Answers(keys=group[0]), Wait(seconds=rng.uniform(0.0, 4.0)))
    return Script(steps=steps)


def _called_back(keys: str, within: float, *, barge_in: bool = False) -> tuple[script.Step, ...]:
    pressing = (Answers(keys=keys, within=within, barge_in=barge_in),) if keys.strip() else ()
    return (Answer(within=within), *pressing, Listen(within=within, silence=CALL_OVER), HangUp())


async def place_call(handset: Handset, order: CallOrder) -> Result:
    """The plain caller: hears what comes, presses the keys, hangs up at the end; then waits to be called back."""
    started = len(handset.notes)
    try:
        failed = await _place(handset, order)
    finally:
        handset.hang_up()
    return Result(failed is None, failed, handset.notes[started:])


async def _place(handset: Handset, order: CallOrder) -> str | None:
    if not await handset.call(order.called, withheld=order.withheld, form=order.form):
        return "no dial tone"
    problem = await _leg(handset, "" if order.callback else order.keys, order.timeout)
    handset.hang_up()
    if order.callback is False or problem in NOBODY:
        return problem
    if not await handset.answer(within=order.timeout):
        return f"not called back within {order.timeout:g} s" if order.callback else problem
    problem = await _leg(handset, order.keys, order.timeout)
    return None if problem is None else f"called back, but {problem}"


UNANSWERED = "nobody answered"
NOBODY = ("busy", "unobtainable", UNANSWERED)


async def _leg(handset: Handset, keys: str, within: float) -> str | None:
    """One call heard out, its keys pressed; None if all went well."""
    groups = keys.replace(",", " ").split()
    heard = False
    while True:
        ended = await handset.prompt(PROMPT_OVER if groups else CALL_OVER, within=within)
        if ended in NOBODY and not heard and not handset.was_spoken_to():
            return "nobody spoke" if handset.heard_ringback() else ended
        if ended == "unobtainable":
            return ended
        if ended == "busy":
            return f"it ended before the keys {' '.join(groups)}" if groups else None
        if ended == "":
            return UNANSWERED if not heard else f"it never ended within {within:g} s"
        heard = True
        if not groups:
            return None
        await handset.press(groups.pop(0))
