"""What a customer is to do, as a list of steps in TOML or in code, and what became of it.

A step that does not come out ends the script: the result names it. Scripts judge by sound alone.
"""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from gateway.bench import sound
from gateway.bench.ears import Judgement, alternatives
from gateway.bench.handset import Handset
from gateway.bench.settings import Form, NotNegative, Reason
from gateway.errors import GatewayError
from gateway.settings_file import convert, form, tables

Keys = Annotated[str, form(r"^[0-9A-D*# ,]+$", "keys 0-9 * # A-D")]
KeyGroups = Annotated[str, form(r"^[0-9A-D*# ,]*$", "keys 0-9 * # A-D, or none")]
Count = Annotated[int, msgspec.Meta(ge=1)]


class ScriptError(GatewayError):
    """The script can't be run; the message names the step."""


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="call"):
    """Lift, wait for dial tone, dial."""

    number: str
    withheld: Reason | None = None
    prefix: str = ""
    form: Form | None = None


class Hear(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="hear"):
    """Wait until it is heard: a judgement, ``pause`` (a prompt, then silence), or the path of a WAV."""

    what: str
    within: NotNegative = 15.0
    silence: NotNegative = 0.8
    """For ``pause``: how long the silence must last."""


class Listen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="listen"):
    """Hear a prompt out: until it pauses, or a busy tone says that the other end has gone."""

    within: NotNegative = 60.0
    silence: NotNegative = 2.5
    until: Literal["pause", "busy", "any"] = "any"
    """How it must end; an unobtainable number's tone is no end."""


class Press(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="press"):
    """Keys, at a person's pace."""

    keys: Keys


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="answers"):
    """Answer prompts with keys: each group (separated by blanks) when a prompt has paused, or at once."""

    keys: Keys
    within: NotNegative = 30.0
    silence: NotNegative = 0.8
    barge_in: bool = False


class Speak(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="speak"):
    """Say what is in a WAV file."""

    wav: str


class Wait(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="wait"):
    """Do nothing."""

    seconds: NotNegative


class HangUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="hang up"):
    """Receiver on."""


class Lift(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="lift"):
    """Receiver off, and be busy."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="answer"):
    """Wait to be called, let it ring, lift."""

    rings: Count = 1
    after: NotNegative = 0.6
    within: NotNegative = 60.0


class Repeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag="repeat"):
    """The same again."""

    times: Count
    steps: tuple["Step", ...]


Step = Call | Hear | Listen | Press | Answers | Speak | Wait | HangUp | Lift | Answer | Repeat


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps in their order."""

    steps: tuple[Step, ...] = msgspec.field(name="step", default=())
    seed: int = 0


class Result(msgspec.Struct, frozen=True):
    """What became of a script."""

    ok: bool
    failed: str | None
    """The step that did not come out, and what was the case instead."""
    notes: list[dict[str, Any]]


def load(path: Path) -> Script:
    """A script from a TOML file; paths of sounds count from it. Raises ``SettingsError`` or ``ScriptError``."""
    return build(tables(path), str(path), path.resolve().parent)


def build(data: dict[str, Any], what: str, base: Path) -> Script:
    """A script from plain data, every step checked. Raises ``SettingsError`` or ``ScriptError`` naming the step."""
    steps = _build_steps(data.get("step", []), f"{what}: step ", base)
    head = convert({**data, "step": []}, Script, what)
    return msgspec.structs.replace(head, steps=steps)


def _build_steps(raw: object, where: str, base: Path) -> tuple[Step, ...]:
    if not isinstance(raw, list) or not raw:
        raise ScriptError(f"{where}1 is missing; write at least one [[step]]")
    steps = []
    for number, entry in enumerate(raw, start=1):
        name = f"{where}{number}"
        if isinstance(entry, dict) and "do" in entry:
            name += f" ({entry['do']})"
        step: Step = convert(entry, Step, name)  # type: ignore[arg-type]
        steps.append(_check(step, name, base))
        if isinstance(entry, dict) and isinstance(step, Repeat):
            _build_steps(entry["steps"], f"{name}: step ", base)
    return tuple(steps)


def _check(step: Step, name: str, base: Path) -> Step:
    if isinstance(step, Hear) and step.what not in (*alternatives(), "pause"):
        if not step.what.lower().endswith(".wav"):
            known = ", ".join((*alternatives(), "pause"))
            raise ScriptError(f'{name}: can\'t hear "{step.what}"; say {known} or name a .wav file')
        return msgspec.structs.replace(step, what=_sound(step.what, name, base))
    if isinstance(step, Speak):
        return msgspec.structs.replace(step, wav=_sound(step.wav, name, base))
    if isinstance(step, Repeat):
        return msgspec.structs.replace(step, steps=tuple(_check(inner, name, base) for inner in step.steps))
    return step


def _sound(path: str, name: str, base: Path) -> str:
    whole = base / path
    try:
        sound.read_wav(whole)
    except sound.BadSound as error:
        raise ScriptError(f"{name}: {error}") from None
    return str(whole)


async def run(handset: Handset, script: Script) -> Result:
    """Let the handset's owner do it. However it ends, the receiver is on again."""
    started = len(handset.notes)
    failed = None
    try:
        failed = await _run_steps(handset, script.steps, "step ")
    finally:
        handset.hang_up()
    return Result(failed is None, failed, handset.notes[started:])


async def _run_steps(handset: Handset, steps: tuple[Step, ...], where: str) -> str | None:
    for number, step in enumerate(steps, start=1):
        problem = await _run_step(handset, step, f"{where}{number}")
        if problem is not None:
            return problem
    return None


async def _run_step(handset: Handset, step: Step, name: str) -> str | None:
    """None, or the step's name and what went wrong."""
    problem: str | None
    match step:
        case Call():
            dialled = await handset.call(step.number, withheld=step.withheld, prefix=step.prefix, form=step.form)
            problem = None if dialled else "no dial tone"
        case Hear():
            problem = await _hear(handset, step)
        case Listen():
            problem = await _listen(handset, step)
        case Answers():
            problem = await _answers(handset, step)
        case Answer():
            rang = await handset.answer(rings=step.rings, within=step.within, after=step.after)
            problem = None if rang else f"it did not ring {step.rings} time(s) within {step.within:g} s"
        case Repeat():
            return await _repeat(handset, step, name)
        case _:
            await _act(handset, step)
            problem = None
    return None if problem is None else f"{name} ({step.__struct_config__.tag}): {problem}"


async def _act(handset: Handset, step: Press | Speak | Wait | HangUp | Lift) -> None:
    match step:
        case Press():
            await handset.press(step.keys.replace(" ", "").replace(",", ""))
        case Speak():
            await handset.speak_wav(Path(step.wav))
        case Wait():
            await asyncio.sleep(step.seconds)
        case HangUp():
            handset.hang_up()
        case Lift():
            handset.lift()


async def _hear(handset: Handset, step: Hear) -> str | None:
    if step.what == "pause":
        heard = await handset.pause(step.silence, within=step.within)
    elif step.what in alternatives():
        what: Judgement = step.what  # type: ignore[assignment]
        heard = await handset.hears(what, within=step.within)
    else:
        heard = await handset.recognises(sound.read_wav(Path(step.what)), within=step.within)
    return None if heard else f"no {step.what} within {step.within:g} s; heard {handset.hearing()}"


async def _listen(handset: Handset, step: Listen) -> str | None:
    ended = await handset.prompt(step.silence, within=step.within)
    if not ended:
        return f"nothing came to an end within {step.within:g} s; heard {handset.hearing()}"
    return (
        None
        if ended == step.until or (step.until == "any" and ended != "unobtainable")
        else f"it ended with {ended}, not {step.until}"
    )


async def _answers(handset: Handset, step: Answers) -> str | None:
    for group in step.keys.replace(",", " ").split():
        if step.barge_in:
            heard = "pause" if await handset.hears("sound", within=step.within) else ""
        else:
            heard = await handset.prompt(step.silence, within=step.within)
        if heard != "pause":
            missing = "the line was dropped" if heard else f"no prompt within {step.within:g} s"
            return f"{missing} before the keys {group}; heard {handset.hearing()}"
        await handset.press(group)
    return None


async def _repeat(handset: Handset, step: Repeat, name: str) -> str | None:
    for turn in range(1, step.times + 1):
        problem = await _run_steps(handset, step.steps, f"{name}, turn {turn}, step ")
        if problem is not None:
            return problem
    return None
