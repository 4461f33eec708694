"""The main job on the bench: customers ring the shop, are called back from overseas and key their orders.

Real daemons, emulated modems, a virtual exchange. Each customer's keys and the order that they mean stand side by side
in ``BASKETS``: the demo succeeds only if the shop's box has exactly those orders.
"""

import contextlib
import fcntl
import json
import os
import random
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from rich.console import Console

from gateway.bench import picture
from gateway.bench.customers import CallOrder
from gateway.bench.emulators.gsm_models import GSM_MODELS
from gateway.bench.live import Scene, Screen
from gateway.bench.narrator import Listener, Narrator
from gateway.bench.pulse import sound_cards
from gateway.bench.rig import BOXES, Box, Event, Plan, Rig
from gateway.bench.sound import RATE, silence, write_wav
from gateway.bench.story import Leg, Story, off_hook_now, read_stories
from gateway.bench.timeline import Record, Wanted, is_refused, record
from gateway.bench.transcript import PROMPTS, Said, clip_texts, read_clip, read_side, sentences, transcribe
from gateway.errors import GatewayError

BASKETS: tuple[tuple[str, tuple[tuple[str, int], ...]], ...] = (
    # keys, one group for each prompt         what they mean: (article, quantity)
    ("1 1 25# 2# 1", (("25", 2),)),
    ("1 1 31# 6# 3 108# 1# 1", (("31", 6), ("108", 1))),
    ("1 1 40# 12# 1", (("40", 12),)),
    ("1 1 25# 2# 2 31# 4# 1", (("31", 4),)),  # 2 corrects: the tea pot becomes four cups
    ("1 1 108# 20# 1", (("108", 20),)),
)
HELD_BACK = 6.0
"""Bench seconds for which nothing may be dialled after a refused caller has gone."""
IN_TIME = 30.0
"""Bench seconds for the last order to reach the shop."""
LAG = 7.0
"""Bench seconds after which every prompt that has begun is recognised: the longest sentence and a second."""
READABLE = 4.0
"""Lines times speed up to which prompts are shown as they are spoken; beyond that nobody could read them."""
HELLO = 0.48
"""Seconds of the English greeting, which begins with that word."""
LOCK = ".demo"
RESULTS = ("hello.wav", "timeline.json", "first-leg.wav", "call-back.wav", "call-back.png")


class DemoError(GatewayError):
    """The demo can't be run as asked."""


@dataclass(frozen=True)
class Options:
    """What ``gateway demo`` was asked for."""

    calls: int = 1
    lines: int = 1
    speed: float = 1.0
    withheld: str | None = None
    model: str = "usr5637"
    language: str = "ja"
    out: Path = Path("out/demo")
    keys: str | None = None
    order: tuple[tuple[str, int], ...] = ()
    overseas_model: str | None = None
    """Where it isn't the same."""
    audio: Literal["serial", "alsa"] = "serial"
    """Where GSM modems have their sound."""

    def model_of(self, box: Box) -> str:
        """The modems of a box."""
        return self.model if box == "domestic" else self.overseas_model or self.model

    @property
    def cards(self) -> dict[str, tuple[str, str]]:
        """The sound cards of GSM lines, by line: the box's end, the modem's end."""
        if self.audio == "serial":
            return {}
        lines = {
            f"{country}{line}"
            for box, country in zip(BOXES, ("jp", "us"), strict=True)
            for line in range(1, self.lines + 1)
            if self.model_of(box) in GSM_MODELS
        }
        return {name: (f"{name}_box", f"{name}_net") for name in sorted(lines)}


@dataclass
class Outcome:
    """How it went. ``problems`` is empty exactly if all is as it should be; ``notes`` are no failures."""

    records: list[Record]
    stories: list[Story]
    problems: list[str] = field(default_factory=list)
    told_at: float | None = None
    """When the first customer was told that the shop has his order, by the exchange's log."""
    notes: list[str] = field(default_factory=list)


def customers(options: Options, plan: Plan) -> list[Wanted]:
    """Who rings which line, keys what, and means what by it."""
    shops = plan.numbers("domestic")
    everybody = []
    for index in range(options.calls):
        keys, lines = (options.keys, options.order) if options.keys is not None else BASKETS[index % len(BASKETS)]
        number = f"+8190123{45678 + index:05d}"
        everybody.append(Wanted(number, shops[index % len(shops)], keys, lines, options.withheld))
    return everybody


def script_of(wanted: Wanted, hello: Path, seed: int) -> dict[str, Any]:
    """The customer, step by step: waits for the guidance, is called back, presses keys while the prompts play.

    ``hello``: a WAV of what he says when he answers.
    """
    rng = random.Random(seed)
    steps: list[dict[str, Any]] = [
        {"do": "call", "number": wanted.shop, "withheld": wanted.withheld},
        {"do": "listen", "within": 20.0},
        {"do": "hang up"},
    ]
    if wanted.withheld is None:
        steps.append({"do": "answer", "within": 180.0, "after": round(rng.uniform(0.5, 1.5), 2)})
        steps.append({"do": "speak", "wav": str(hello)})
        groups = wanted.keys.split()
        for place, group in enumerate(groups):
            if place == 0:
                steps.append({"do": "answers", "keys": group, "within": 45.0})
                continue
            hears_out = place == len(groups) - 1
            steps.append({"do": "hear", "what": "sound", "within": 20.0})
            steps.append({"do": "wait", "seconds": round(6.5 if hears_out else rng.uniform(1.2, 2.4), 2)})
            steps.append({"do": "press", "keys": group})
        steps += [{"do": "hear", "what": "sound", "within": 20.0}, {"do": "wait", "seconds": 14.0}, {"do": "hang up"}]
    return {"step": [{key: value for key, value in step.items() if value is not None} for step in steps]}


def say_hello(path: Path) -> None:
    """What a customer says when he answers: the first word of a shipped prompt, twice."""
    hello = read_clip(PROMPTS / "en" / "greeting.wav")[: round(HELLO * RATE)]
    write_wav(path, np.concatenate([hello, silence(0.3), hello, silence(0.2)]))


def run(options: Options, console: Console) -> Outcome:
    """The whole demo; its files are in ``options.out`` afterwards. Raises ``GatewayError``."""
    cards = sound_cards(options.out / "pulse", tuple(options.cards)) if options.cards else contextlib.nullcontext()
    with prepared(options.out), cards:
        return _run(options, console)


def _run(options: Options, console: Console) -> Outcome:
    plan = Plan(
        lines=options.lines,
        models=(options.model_of("domestic"),),
        overseas_models=(options.model_of("overseas"),),
        cards=options.cards,
        language=options.language,
        speed=options.speed,
    )
    everybody = customers(options, plan)
    with console.status("starting the exchange and both boxes …"):
        rig = Rig(options.out, plan)
        rig.start()
    try:
        _play(rig, options, everybody, console)
        _settle(rig, options, everybody)
        events = rig.events()
        orders, calls = rig.orders(), rig.calls()
    finally:
        rig.stop()
    stories = read_stories(events, plan.numbers("domestic"), plan.numbers("overseas"))
    outcome = _judge(everybody, stories, orders, calls)
    still = off_hook_now(events, [number for box in BOXES for number in plan.numbers(box)])
    outcome.problems += [f"line {number} is off hook at the end" for number in sorted(still)]
    if not rig.could_keep_up():
        outcome.notes.append(f"this machine could not keep up with speed {options.speed:g}; the figures are doubtful")
    _leave_files(options, outcome, events)
    return outcome


@contextlib.contextmanager
def prepared(out: Path) -> Iterator[None]:
    """Room for one demo at a time. Raises ``DemoError`` where ``out`` is somebody else's, or a demo runs there."""
    if out.exists() and not out.is_dir():
        raise DemoError(f"{out}: is not a folder; name another with --out")
    if out.is_dir() and any(out.iterdir()) and not (out / LOCK).exists():
        raise DemoError(f"{out}: there is something else in this folder; name another with --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = os.open(out / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise DemoError(f"{out}: can't be written: {error.strerror}; name another folder with --out") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for name in RESULTS:
            (out / name).unlink(missing_ok=True)
        yield
    except BlockingIOError:
        raise DemoError(f"{out}: a demo is running in this folder; wait for it, or name another with --out") from None
    finally:
        os.close(lock)


def _play(rig: Rig, options: Options, everybody: Sequence[Wanted], console: Console) -> None:
    """Let the customers call, and show what happens until the last is done."""
    plan = rig.plan
    boxes = {
        number: (box, f"{'jp' if box == 'domestic' else 'us'}{line}", options.model_of(box))
        for box in BOXES
        for line, number in enumerate(plan.numbers(box), 1)
    }
    models = " → ".join(dict.fromkeys(options.model_of(box) for box in BOXES))
    scene = Scene(boxes, f"gateway demo · {models} · speed {plan.speed:g}")
    narrator = Narrator({number: who for number, (who, _, _) in boxes.items()})
    listener = Listener(options.language, narrator.boxes)
    readable = options.lines * options.speed <= READABLE
    hello = options.out.resolve() / "hello.wav"
    say_hello(hello)
    crowd = Crowd(rig, everybody, hello)
    shown = 0
    with Screen(console, scene, LAG if readable else 0.0) as screen:
        crowd.start()
        while True:
            done = crowd.done
            events = rig.events()
            for event in events[shown:] if readable else ():
                listener.follow(event)
            screen.show(events[shown:], lambda event: list(narrator.tell(event)))
            shown = len(events)
            for happening in listener.hear():
                screen.tell(happening)
            scene.counted = crowd.counted()
            if done:
                break
            rig.check()
            time.sleep(0.05)
    crowd.join()


class Crowd:
    """All customers: those of one shop's line call one after another, the lines side by side."""

    def __init__(self, rig: Rig, everybody: Sequence[Wanted], hello: Path) -> None:
        self._rig = rig
        self._everybody = everybody
        self._hello = hello
        self._finished = 0
        self._error: GatewayError | None = None
        shops = dict.fromkeys(wanted.shop for wanted in everybody)
        self._threads = [threading.Thread(target=self._live, args=(shop,), daemon=True) for shop in shops]

    @property
    def done(self) -> bool:
        """Everybody has finished."""
        return not any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """They begin to call."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Raise what stopped one of them, if anything did."""
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def counted(self) -> str:
        """How many have finished."""
        return f"{self._finished} of {len(self._everybody)} customers done" if len(self._everybody) > 1 else ""

    def _live(self, shop: str) -> None:
        for seed, wanted in enumerate(self._everybody):
            if wanted.shop != shop:
                continue
            order = CallOrder(caller=wanted.number, called=shop, script=script_of(wanted, self._hello, seed), seed=seed)
            try:
                self._rig.call(order)
            except GatewayError as error:
                self._error = error
                return
            self._finished += 1


def _settle(rig: Rig, options: Options, everybody: Sequence[Wanted]) -> None:
    """Time for what may still come: orders on their way, lines that hang up, or a call that must not be made."""
    if options.withheld is not None:
        time.sleep(HELD_BACK / options.speed)
        return
    until = rig.pace.now() + IN_TIME
    ours = [number for box in BOXES for number in rig.plan.numbers(box)]
    wanted = sum(bool(each.lines) for each in everybody)
    while (off_hook_now(rig.events(), ours) or len(rig.orders()) < wanted) and rig.pace.now() < until:
        time.sleep(0.1)


def _judge(
    everybody: Sequence[Wanted], stories: Sequence[Story], orders: list[dict[str, Any]], calls: list[dict[str, Any]]
) -> Outcome:
    outcome = Outcome([], [])
    for wanted in everybody:
        story = next((story for story in stories if story.first.caller == wanted.number), None)
        if story is None:
            outcome.problems.append(f"{wanted.number}: the call never reached the shop's line")
            continue
        entry = record(wanted, story, orders, calls)
        outcome.records.append(entry)
        outcome.stories.append(story)
        outcome.problems += [f"{wanted.number}: {problem}" for problem in _problems(wanted, entry)]
    return outcome


def _problems(wanted: Wanted, entry: Record) -> list[str]:
    if wanted.withheld is not None:
        return [] if is_refused(entry) else ["a caller without a number was not refused as he should be"]
    if not entry["accepted"]:
        return ["was not accepted"]
    if entry["keyed"] != wanted.pressed:
        return [f"was to key {wanted.pressed}, keyed {entry['keyed'] or 'nothing'}"]
    return [] if entry["order_matches"] or not wanted.lines else ["the order at the shop is not what was keyed"]


def _leave_files(options: Options, outcome: Outcome, events: Sequence[Event]) -> None:
    (options.out / "timeline.json").write_text(
        json.dumps(outcome.records, ensure_ascii=False, indent=2) + "\n", encoding="utf-8"
    )
    for name, source in (("first-leg.wav", "first_leg"), ("call-back.wav", "call_back")):
        recorded = next((entry["recordings"][source] for entry in outcome.records if entry["recordings"][source]), None)
        if recorded is not None:
            shutil.copyfile(recorded, options.out / name)
    talked = next((story for story in outcome.stories if story.talk is not None and story.talk.recording), None)
    if talked is not None:
        assert talked.talk is not None and talked.talk.recording is not None
        said = transcribe(read_side(Path(talked.talk.recording), 0), options.language)
        began = next(e["begins"] for e in events if e["event"] == "recording" and e["call"] == talked.talk.id)
        outcome.told_at = next((began + each.begin for each in said if each.clip == "order_at_shop"), None)
        try:
            draw_call_back(options.out / "call-back.png", talked.talk, events, said, options.language)
        except picture.NoPictures as missing:
            outcome.notes.append(str(missing))


def draw_call_back(path: Path, talk: Leg, events: Sequence[Event], said: Sequence[Said], language: str) -> None:
    """The picture of an answered call-back. Raises ``NoPictures``."""
    assert talk.recording is not None
    began = next(event["begins"] for event in events if event["event"] == "recording" and event["call"] == talk.id)
    keys = [
        (event["onset"] - began, event["key"])
        for event in events
        if event["event"] == "keyed" and event.get("call") == talk.id and event["number"] == talk.called
    ]
    box, customer = read_side(Path(talk.recording), 0), read_side(Path(talk.recording), 1)
    if language == "ja" and not picture.can_write_japanese():
        language, texts = "en", clip_texts("en")
        said = [replace(each, text=texts.get(each.clip, "")) for each in said]
    picture.draw(
        path,
        picture.Scene(
            box,
            customer,
            sentences(said, language),
            keys,
            title="The call back: an order by keys",
            subtitle=f"recorded by the exchange; prompts recognised by their sound; {len(keys)} keys as it heard them",
        ),
    )
