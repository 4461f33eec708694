"""``gateway line watch``: everything that passes on a modem's port, as it passes, and calls as they come."""

import asyncio
import contextlib
import re
import tempfile
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.text import Text

from gateway import clock
from gateway.cli.line_choice import caller_in_words, chosen, line_options
from gateway.line import Line
from gateway.modems.catalogue import open_line
from gateway.settings import LineSettings

LOOK_EVERY = 0.1
STYLES = {">": "cyan", "<": "green", "-": "yellow"}
"""To the modem, from it, and remarks."""
_DIGITS = re.compile(r"\d{7,}")


@click.command()
@line_options
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long; else at Ctrl-C.")
@click.option("--unmask", is_flag=True, help="Show full numbers.")
def watch(seconds: float | None, unmask: bool, **which: Any) -> None:
    """Set LINE up as the daemon does, and show its AT traffic and the calls that ring. It answers none of them."""
    with contextlib.suppress(KeyboardInterrupt):
        clock.run(_watch(chosen(**which).line, seconds, unmask=unmask))


async def _watch(settings: LineSettings, seconds: float | None, *, unmask: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        traced = msgspec.structs.replace(settings, trace=str(Path(folder) / "trace"))
        following = asyncio.create_task(_follow(Path(folder) / "trace", console, unmask=unmask))
        try:
            async with open_line(traced) as line, asyncio.timeout(seconds):
                await asyncio.sleep(2 * LOOK_EVERY)  # behind what was sent to set it up
                console.print(f"line {line.name} waits for calls", style="bold")
                await _tell_calls(line, console, unmask=unmask)
        except TimeoutError:
            pass
        finally:
            await asyncio.sleep(LOOK_EVERY)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _tell_calls(line: Line, console: Console, *, unmask: bool) -> None:
    async for call in line.incoming():
        console.print(f"a call {caller_in_words(call.caller, unmask=unmask)}", style="bold magenta")


async def _follow(trace: Path, console: Console, *, unmask: bool) -> None:
    """Show what is added to the file."""
    shown = 0
    while True:
        await asyncio.sleep(LOOK_EVERY)
        added = _whole_lines(trace, shown)
        for line in added.decode("ascii", errors="replace").splitlines():
            console.print(as_text(line, unmask=unmask))
        shown += len(added)


def _whole_lines(file: Path, since: int) -> bytes:
    try:
        with file.open("rb") as opened:
            opened.seek(since)
            data = opened.read()
            return data[: data.rfind(b"\n") + 1]
    except FileNotFoundError:
        return b""


def as_text(line: str, *, unmask: bool) -> Text:
    """A line of the trace, coloured by its direction, its date left out, numbers starred."""
    _, stamp, direction, what = line.split(" ", 3)
    if not unmask:
        what = _DIGITS.sub(lambda found: "*" * (len(found[0]) - 4) + found[0][-4:], what)
    return Text.assemble((stamp[:-3], "dim"), f" {direction} ", (what, STYLES.get(direction, "")))
