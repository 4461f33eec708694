"""``gateway line prove`` with a person: at a real terminal, with the bench's handset in the other hand."""

import asyncio
import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ports_lab import LINES, at_a_speed_that_holds, box_settings

from gateway import clock
from gateway.bench.emulators import open_modem
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.emulators.modem import EmulatedModem
from gateway.bench.exchange import Exchange
from gateway.bench.handset import Handset
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.settings import ExchangeSettings
from gateway.bench.subscriber import Subscriber
from gateway.cli.proof_calls import KEYS

COMMAND = (sys.executable, "-c", "from gateway.cli.main import main; main()", "line", "prove")
CUSTOMER = "+819012345678"
VOICE = Path(__file__).parents[2] / "gateway" / "prompts" / "ja" / "guidance_not_kept.wav"

pytestmark = [pytest.mark.usefixtures("bench_only"), pytest.mark.timeout(300)]


class Session:
    """The program at its terminal, and whoever sits there with a handset."""

    def __init__(
        self, folder: Path, name: str, shop: Subscriber, handset: Handset, environment: dict[str, str]
    ) -> None:
        self.handset = handset
        self.shop = shop
        self.screen = ""
        self.reports = folder / "reports"
        self._master, slave = os.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, name, "--settings", str(folder / "gateway.toml"), "--out", str(self.reports)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**os.environ, **environment, "COLUMNS": "200"},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        os.set_blocking(self._master, False)

    async def until(self, words: str, within: float = 120.0) -> str:
        """Read on until the screen shows this; all up to there is taken off it."""
        async with asyncio.timeout(within):
            while words not in self.screen:
                await self._read()
        before, _, self.screen = self.screen.partition(words)
        return before + words

    async def end(self) -> str:
        """The rest, and the program's end."""
        async with asyncio.timeout(120.0):
            while self.process.poll() is None:
                await self._read()
        await self._read()
        return self.screen

    async def _read(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self.screen += re.sub(r"\x1b\[[0-9;]*m", "", os.read(self._master, 4096).decode())
            return
        await asyncio.sleep(0.1)

    def type(self, text: str) -> None:
        """Keys of the keyboard."""
        os.write(self._master, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@asynccontextmanager
async def session(folder: Path, pace: clock.Pace, name: str) -> AsyncIterator[Session]:
    """Line ``name`` of the ports' table."""
    model, number = LINES[name]
    async with Exchange(ExchangeSettings(setup_s=0.1)) as exchange:
        shop: Subscriber
        modem: EmulatedModem | EmulatedGsmModem
        if name == "m":
            shop = exchange.enrol(MobileSubscriber, number)
            modem = open_gsm_modem(model, shop, folder / "ports" / name, str(folder / "ports" / f"{name}-sound"))
        else:
            shop = exchange.subscribe(number)
            modem = open_modem(model, shop, folder / "ports" / name)
        shop.attach(modem)
        handset = Handset(exchange, exchange.subscribe(CUSTOMER), seed=1)
        box_settings(folder, name)
        sitting = Session(folder, name, shop, handset, pace.environment())
        try:
            yield sitting
        finally:
            sitting.close()
            modem.close()


def sit_down(folder: Path, person: Callable[[Session], Awaitable[None]], name: str = "a") -> None:
    """Real processes and ports, faster than life."""

    def scenario(place: Path, speed: float) -> None:
        pace = clock.Pace.begin(speed, place / "lag")

        async def whole() -> None:
            async with session(place, pace, name) as sitting:
                await person(sitting)

        clock.run(whole(), pace)

    at_a_speed_that_holds(folder, scenario)


async def through_the_inbound_call(at: Session) -> None:
    await at.until(f"Call {at.shop.number}, and stay on the line.")
    await at.handset.call(at.shop.number)
    await at.until("Did you hear the guidance, loud and clear? [Y/n]:")
    at.type("y\n")
    await at.until("Has the call ended")
    assert await at.handset.hears("busy", within=10.0)
    at.type("\n")


async def through_the_withheld_call(at: Session) -> None:
    await at.until(f"Hang up. Then call {at.shop.number}, with 184 before the number")
    at.handset.hang_up()
    await at.handset.call(at.shop.number, withheld="P")
    await at.until("Thank you: hang up again.")
    at.handset.hang_up()


def report_of(at: Session) -> dict[str, object]:
    (data,) = at.reports.glob("*.json")
    report: dict[str, object] = json.loads(data.read_text())
    return report


@pytest.mark.parametrize("name", ["a", "m"], ids=["analogue", "mobile"])
def test_a_person_with_a_telephone_proves_a_good_line(tmp_path: Path, name: str) -> None:
    async def person(at: Session) -> None:
        await through_the_inbound_call(at)
        await through_the_withheld_call(at)
        shown = await at.until("Is it your telephone's? [Y/n]:")
        assert "*5678" in shown
        assert "9012345678" not in shown
        at.type("y\n")
        assert await at.handset.until(lambda: at.handset.rings > 0, within=60.0)
        if name == "m":  # which hears no ringback
            await at.until("Does your telephone ring? [Y/n]:")
            at.type("y\n")
        await at.until("Answer now.")
        at.handset.lift()
        await at.until("Say a few words")
        await at.handset.speak_wav(VOICE)
        await at.until(f"then Enter here: {' '.join(KEYS)}")
        await at.handset.press(KEYS)
        at.type("\n")
        await at.until("How many key tones have you just heard?")
        at.type("a dozen\n")
        await at.until("Please answer with a number.")
        at.type(f"{len(KEYS)}\n")
        await at.until("Hang up, and press Enter")
        at.handset.hang_up()
        at.type("\n")
        said = await at.end()
        assert "Answer now." not in said
        assert at.process.returncode == 0, said
        assert report_of(at)["passed"]
        assert not at.shop.off

    sit_down(tmp_path, person, name)


def test_a_no_fails_its_step_nonsense_is_asked_again_and_a_strangers_number_is_not_dialled(
    tmp_path: Path,
) -> None:
    async def person(at: Session) -> None:
        await at.until("Call ")
        at.type("\n\n\n")  # too early: no answer to what is asked later
        await at.handset.call(at.shop.number)
        await at.until("Did you hear the guidance")
        at.type("perhaps\n")
        await at.until("Please answer y or n.")
        at.type("n\n")
        await at.until("✗ The caller hears the guidance: the caller does not hear the guidance")
        await at.until("One-way sound: nothing of ours reaches the line.")
        await at.until("Has the call ended")
        at.type("\n")
        await through_the_withheld_call(at)
        await at.until("Is it your telephone's?")
        at.type("no\n")
        said = await at.end()
        assert "✗ A call goes out: the number that came is not that of the caller's telephone" in said
        assert "Try again with nobody else calling" in said
        assert at.process.returncode == 1
        assert at.handset.rings == 0
        assert not at.shop.off

    sit_down(tmp_path, person)


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["ctrl-c", "ctrl-d"])
def test_breaking_off_in_mid_call_leaves_the_line_on_hook_and_a_report(tmp_path: Path, key: str) -> None:
    async def person(at: Session) -> None:
        await at.until("Call ")
        await at.handset.call(at.shop.number)
        await at.until("Did you hear the guidance")
        assert at.shop.off
        at.type(key)
        if key == "\x04":
            await at.until("nobody answers at the terminal any more")
            at.handset.hang_up()
            at.type("\x03")
        said = await at.end()
        assert at.process.returncode == 1
        assert "broken off; line a is on hook" in said
        assert "Traceback" not in said
        assert not at.shop.off
        steps = {step["key"]: step["status"] for step in report_of(at)["steps"]}  # type: ignore[attr-defined]
        assert steps["caller-id"] == "passed"
        assert steps["guidance"] == ("not run" if key == "\x03" else "failed")

    sit_down(tmp_path, person)


def test_without_a_terminal_the_way_out_is_said(tmp_path: Path) -> None:
    arguments = [*COMMAND, "a", "--settings", str(box_settings(tmp_path, "a"))]
    done = subprocess.run(arguments, input="", capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "--loop LINE" in done.stderr
