"""``gateway line prove``: every step of a call turned round, on this line, passed or failed."""

import asyncio
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path

import click
import msgspec

from gateway import clock
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.cli.line_choice import Chosen, chosen, line_options, named
from gateway.cli.proof import Broken, Proof, Step
from gateway.cli.proof_calls import Scenes
from gateway.cli.proof_far_end import FarEnd, LoopLine
from gateway.cli.proof_modem import Ways, examine, hear_dial_tone
from gateway.cli.proof_person import Person
from gateway.cli.proof_report import Report, writable, write
from gateway.errors import SettingsError
from gateway.line import CallEnded, LineLost, Samples
from gateway.modems.catalogue import profile_of
from gateway.modems.gsm_profiles import GsmProfile
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

SIGNS = {"passed": "✓", "failed": "✗", "skipped": "·", "not run": "–"}
COLOURS = {"passed": "green", "failed": "red", "skipped": None, "not run": "yellow"}
OURS, THEIRS = "guidance_accepted", "guidance_hint_186"
"""Prompts that are said on our side, and at the far end of a loop."""


@click.command()
@line_options
@click.option("--loop", metavar="LINE", help="A second line of the same settings is the far end: nobody is needed.")
@click.option("--language", type=click.Choice(("ja", "en")), default="ja", show_default=True, help="Of the guidance.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("out/prove"), show_default=True)
@click.option("--unmask", is_flag=True, help="Show full numbers in the report.")
@click.pass_context
def prove(
    context: click.Context,
    line: str,
    path: Path,
    model: str | None,
    audio: str | None,
    country: str,
    loop: str | None,
    language: str,
    out: Path,
    unmask: bool,
) -> None:
    """Prove each step of the service on LINE: modem, caller ID, answer, guidance, call back, keys, hang-up.

    It asks you to call the line and to answer its call; with --loop a second line does that. A report (HTML and JSON)
    with the AT trace is written to --out. Exit code 0 only if every step has passed.
    """
    picked = chosen(line, path, model, audio, country)
    writable(out)
    library = PromptLibrary.open("en" if language == "en" else "ja")
    prompts = (library.sound((Clip(OURS),)), library.sound((Clip(THEIRS),)))
    with tempfile.TemporaryDirectory() as folder:
        ours, other = _traced(picked, path, loop, Path(folder))
        proof = clock.run(prove_line(ours, _far_end(ours, other, prompts[1]), Ways(), prompts[0], _tell))
        traces = {settings.name: _read(settings.trace) for settings in (ours, other) if settings is not None}
    if proof.broken_off:
        click.echo(f"\nbroken off; line {ours.name} is on hook")
    report = Report(proof, ours, datetime.now().astimezone(), traces, unmask=unmask)
    for file in write(report, out):
        click.echo(f"report: {file}")
    click.echo(_verdict(proof))
    context.exit(0 if proof.passed else 1)


async def prove_line(
    ours: LineSettings, far: FarEnd, ways: Ways, guidance: Samples, told: Callable[[Step], None]
) -> Proof:
    """The whole proof; ``told`` is called with each step once it is over."""
    mobile = isinstance(profile_of(ours.model), GsmProfile)
    proof = Proof(ours.name, "mobile" if mobile else "analogue", told)
    try:
        async with AsyncExitStack() as opened:
            await examine(proof, ours, ways)
            with proof.step("set-up") as step:
                line = await opened.enter_async_context(ways.open(ours))
                step.finding = "as for a call"
            await hear_dial_tone(proof, line, ours)
            scenes = Scenes(proof, line, ours, far, guidance)
            for scene in (scenes.inbound, scenes.withheld, scenes.outbound):
                with suppress(Broken, LineLost, CallEnded):  # the step that failed says so
                    await scene()
    except Broken:
        pass
    except asyncio.CancelledError:
        proof.broken_off = True  # by Ctrl-C, once everything is on hook: what was proved is told all the same
    return proof


def _far_end(ours: LineSettings, other: LineSettings | None, phrase: Samples) -> FarEnd:
    if other is None:
        return Person(PhoneNumber(ours.number), ours.country)
    return LoopLine(ours, other, Ways(), phrase)


def _traced(picked: Chosen, path: Path, loop: str | None, folder: Path) -> tuple[LineSettings, LineSettings | None]:
    """Both lines, with a trace of this proof alone."""
    if loop is None:
        return msgspec.structs.replace(picked.line, trace=str(folder / "ours")), None
    if picked.box is None:
        raise SettingsError("--loop needs two lines of one settings file; name them as they are named there")
    other = named(picked.box.lines, loop, path)
    if other.name == picked.line.name:
        raise SettingsError(f'line "{loop}" can\'t be its own far end; name another with --loop')
    return (
        msgspec.structs.replace(picked.line, trace=str(folder / "ours")),
        msgspec.structs.replace(other, trace=str(folder / "theirs")),
    )


def _read(trace: str | None) -> str:
    file = Path(trace or "")
    return file.read_text(encoding="ascii", errors="replace") if file.is_file() else ""


def _verdict(proof: Proof) -> str:
    steps = [step for step in proof.steps.values() if step.status != "skipped"]
    passed = sum(step.status == "passed" for step in steps)
    word = "proved" if proof.passed else "not proved"
    return f"line {proof.line} is {word}: {passed} of {len(steps)} steps have passed, in {proof.seconds:.0f} s"


def _tell(step: Step) -> None:
    sign = click.style(f"{SIGNS[step.status]} {step.title}", fg=COLOURS[step.status])
    click.echo(f"{step.at:7.1f} s  {sign}{f': {step.finding}' if step.finding else ''}")
    if step.remedy:
        click.echo(f"             {step.remedy}")
