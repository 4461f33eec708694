"""Mobile lines' own times at real speed, by the bench's clock: ``make bench-gsm`` (about four minutes).

Calls: real boxes and the exchange's log, on all models at once; from the last byte of the caller ID on the modem's port
until ATA or AT+CHUP arrives there, and from a silent customer's answer until he hears the first word. The rest:
one line in this process, on pseudo-terminals, and its sound on a real ALSA path (a private PulseAudio), too.
"""

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from gateway import clock
from gateway.bench.customers import CallOrder
from gateway.bench.emulators.gsm import open_gsm_modem
from gateway.bench.emulators.gsm_modem import EmulatedGsmModem
from gateway.bench.exchange import Exchange
from gateway.bench.mobile import MobileSubscriber
from gateway.bench.pulse import SoundServer, missing, sound_cards
from gateway.bench.rig import Plan, Rig
from gateway.clock import Pace
from gateway.daemon.supervise import Supervisor
from gateway.line import Line, LineLost
from gateway.modems.catalogue import open_line
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

MODELS = ("sim800", "sim7600", "ec25", "huawei", "telit", "zte")
CARD_MODELS = ("sim800", "ec25")
SHOP, CUSTOMER = "+819011112222", PhoneNumber("+819012345678")
NO_CALLING_BACK = {"overseas": {"policy": {"regions": []}}}
REQUIRED_MS = 35.0
GREETING_S = 4.0
BOUNDS = {"known": ("ms", 100.0), "LineLost": ("ms", 500.0), "the line serves": ("s", 10.0), "given up": ("s", 8.0)}
"""What a figure whose name ends so must not exceed in the middle."""


def calls(folder: Path, count: int, answer: str) -> list[float]:
    """Milliseconds from the caller ID's last byte to ATA (``answer``) or AT+CHUP (``reject``), for each call."""
    extra: dict[Any, Any] = {"domestic": {"guidance": {"answer": answer}}, **NO_CALLING_BACK}
    plan = Plan(lines=len(MODELS), models=MODELS, overseas_models=("usr5637",), extra=extra)
    with Rig(folder, plan) as rig:

        def customers(line: int) -> None:
            for index in range(count):
                number = f"+819012{line:02d}{index:04d}"
                rig.call(CallOrder(caller=number, called=plan.number("domestic", line), callback=False))

        threads = [threading.Thread(target=customers, args=(line,)) for line in range(1, len(MODELS) + 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return reactions(rig.events(), "ATA" if answer == "answer" else "AT+CHUP")


def reactions(events: list[dict[str, Any]], command: str) -> list[float]:
    shown: dict[int, float] = {}
    took: dict[int, float] = {}
    for event in events:
        call = event.get("call")
        if event["event"] == "caller_id_sent":
            shown.setdefault(call, event["t"])
        elif event["event"] == "at" and event["text"] == command and call in shown:
            took.setdefault(call, (event["t"] - shown[call]) * 1000)
    return list(took.values())


def greetings(folder: Path) -> list[float]:
    """Seconds from a customer's answering his call-back, without a word, until he hears one."""
    plan = Plan(lines=len(MODELS), models=MODELS)
    with Rig(folder, plan) as rig:
        orders = [
            CallOrder(caller=f"+8190120000{line:02d}", called=shop, callback=True)
            for line, shop in enumerate(plan.numbers("domestic"))
        ]
        with ThreadPoolExecutor(len(orders)) as crowd:
            list(crowd.map(rig.call, orders))
        ours = set(plan.numbers("overseas"))
        back = {event["call"]: event["t"] for event in rig.events() if _is_answer(event, ours)}
        spoke: dict[int, float] = {}
        for event in rig.events():
            if event.get("heard") == "speech" and event.get("call") in back:
                spoke.setdefault(event["call"], event["t"] - back[event["call"]])
        return list(spoke.values())


def _is_answer(event: dict[str, Any], ours: set[str]) -> bool:
    return event["event"] == "answer" and event.get("caller") in ours


async def dialling(folder: Path, model: str, times: int, result: str) -> list[float]:
    """Milliseconds from the line that ends a dialling to its answer's being known."""
    took = []
    async with Exchange() as exchange:
        modem, settings = mobile_line(exchange, folder, model)
        async with open_line(settings) as line:
            for _ in range(times):
                modem.faults.dial_result = result
                said: list[float] = []
                modem._uplink.write = stamped(modem, said, result)  # type: ignore[method-assign]
                async with line.dialled(CUSTOMER):
                    took.append((clock.now() - said[0]) * 1000)
        modem.close()
    return took


def stamped(modem: EmulatedGsmModem, said: list[float], result: str) -> Any:
    """The modem's way out, which notes when it says ``result``."""
    write = type(modem._uplink).write

    def out(data: bytes, then: Any = None) -> None:
        write(modem._uplink, data, then)
        if result.encode() in data:
            said.append(clock.now())

    return out


async def wedging(folder: Path, model: str, fail: Callable[[EmulatedGsmModem], None]) -> float:
    """Seconds from a modem's failing in mid-call until its line has been given up."""
    async with Exchange() as exchange:
        modem, settings = mobile_line(exchange, folder, model)
        other = exchange.subscribe(CUSTOMER.e164)
        failed = 0.0
        try:
            async with open_line(settings) as line:
                other.off_hook()
                other.dial("0" + SHOP[3:])
                async for call in line.incoming():
                    async with line.answered(call) as voice:
                        await asyncio.sleep(1.0)
                        fail(modem)
                        failed = clock.now()
                        while True:
                            await voice.hear()
        except LineLost:
            return clock.now() - failed
        finally:
            modem.close()
    raise AssertionError("the line was not lost")


async def all_wedging(folder: Path, fail: Callable[[EmulatedGsmModem], None]) -> list[float]:
    """The same of every model, at once."""
    return await asyncio.gather(*(wedging(folder / model, model, fail) for model in MODELS))


def fall_silent(modem: EmulatedGsmModem) -> None:
    modem.sound.stalled = True


async def unplugging(folder: Path, model: str, cards: SoundServer | None) -> tuple[float, float]:
    """Milliseconds from unplug in mid-call to ``LineLost``; seconds from replug until the line serves again.

    ``cards``: the sound is on one of them, which goes and comes back with the modem.
    """
    answered, lost = asyncio.Event(), asyncio.Event()

    async def serve(line: Line, _: LineSettings) -> None:
        try:
            async for call in line.incoming():
                async with line.answered(call) as voice:
                    answered.set()
                    while True:
                        await voice.hear()
        except LineLost:
            lost.set()
            raise

    async with Exchange() as exchange:
        modem, settings = mobile_line(exchange, folder, model, cards)
        supervisor = Supervisor((settings,), open_line, serve)
        ready = asyncio.Event()
        box = asyncio.create_task(supervisor.run(ready.set))
        await ready.wait()
        other = exchange.subscribe(CUSTOMER.e164)
        other.off_hook()
        other.dial("0" + SHOP[3:])
        await answered.wait()
        pulled = clock.now()
        modem.unplug()
        if cards is not None:
            cards.unplug()
        await lost.wait()
        gone = (clock.now() - pulled) * 1000
        await asyncio.sleep(3.0)
        plugged = clock.now()
        if cards is not None:
            cards.plug()
        modem.replug()
        while not supervisor.serving["a"]:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
        back = clock.now() - plugged
        box.cancel()
        with suppress(asyncio.CancelledError):
            await box
        modem.close()
    return gone, back


def mobile_line(
    exchange: Exchange, folder: Path, model: str, cards: SoundServer | None = None
) -> tuple[EmulatedGsmModem, LineSettings]:
    line = exchange.enrol(MobileSubscriber, SHOP)
    ours, theirs = ("alsa:a_box", "alsa:a_net") if cards is not None else (str(folder / "sound"),) * 2
    modem = open_gsm_modem(model, line, folder / "at", theirs)
    line.attach(modem)
    return modem, LineSettings(name="a", model=model, number=SHOP, port=str(folder / "at"), audio=ours)


def on_cards(folder: Path, took: dict[str, list[float]]) -> None:
    """Unplug and replug modems whose sound is on a card."""
    if why := missing():
        print(f"  without sound cards: {why}")
        return
    for model in CARD_MODELS:
        with sound_cards(folder / model, ("a",)) as cards:
            gone, back = clock.run(unplugging(folder, model, cards), Pace())
        took["unplugged in mid-call, with its card → LineLost"].append(gone)
        took["plugged in again, with its card → the line serves"].append(back)


def show(name: str, values: list[float], unit: str, required: float) -> bool:
    middle, worst = statistics.median(values), max(values)
    kept = middle <= required
    shown = f"{len(values):>4} {middle:>9.2f} {worst:>9.2f} {required:>9.2f} {unit}"
    print(f"  {name:50} {shown}{'' if kept else '  ← missed'}")
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=8, help="on each model's line")
    wanted = parser.parse_args()
    logging.getLogger("gateway").setLevel(logging.ERROR)  # modems that are pulled out here are no news
    figures: dict[str, tuple[list[float], str, float]] = {}
    took: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for answer, name in (("answer", "caller ID complete → ATA"), ("reject", "caller ID complete → AT+CHUP")):
            figures[name] = (calls(folder / answer, wanted.calls, answer), "ms", REQUIRED_MS)
        figures["a silent customer answers → the first word"] = (greetings(folder / "greeting"), "s", GREETING_S)
        for model in MODELS:
            for result in ("BUSY", "NO CARRIER"):
                took[f"{result} → known"] += clock.run(dialling(folder, model, 5, result), Pace())
            gone, back = clock.run(unplugging(folder, model, None), Pace())
            took["unplugged in mid-call → LineLost"].append(gone)
            took["plugged in again → the line serves"].append(back)
        on_cards(folder, took)
        for model in MODELS:
            (folder / model).mkdir(exist_ok=True)
        took["wedged in mid-call → given up"] = clock.run(all_wedging(folder, EmulatedGsmModem.wedge), Pace())
        took["sound dead in mid-call → given up"] = clock.run(all_wedging(folder, fall_silent), Pace())
    for name, values in took.items():
        figures[name] = (values, *next(bound for end, bound in BOUNDS.items() if name.endswith(end)))
    print(f"  {'':50} {'n':>4} {'median':>9} {'worst':>9} {'required':>9}")
    kept = [show(name, *values) for name, values in figures.items()]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
