"""One shop and two overseas boxes under load, whose processes are killed at random moments.

    python tests/link/torture_boxes.py FOLDER --kills 1000 --seed 1

The shop takes callers, each with a number of his own, and asks whichever box is best at the moment; boxes dial, find
some busy, and give requests back. What the world outside saw (a promise spoken, a number dialled and by whom, a person
who answered) is written to a file that no kill can touch. Prints one JSON object; exit code 0 only if nobody was
forgotten, dialled by two boxes, or dialled after he had answered.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from torture import World, free_port, rows, serve, spawn, take_calls, unsettled

from gateway.calls.least_cost import CostBook
from gateway.calls.tariff_folder import TariffFolder
from gateway.daemon.box import linked
from gateway.daemon.overseas_boxes import OverseasBoxes
from gateway.link.keys import KeyFolder
from gateway.settings import LineSettings, LinkSettings, RouteSettings, Settings
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas

SHOP = "tokyo"
BOXES = ("boise", "reno")
LINES = 2
GIVEN_BACK_AFTER = 0.25

Run = Callable[[World], Coroutine[Any, Any, None]]


def settings_of(world: World, name: str) -> Settings:
    def link(peer: str, box: str) -> LinkSettings:
        address = f"tcp://127.0.0.1:{world.port + BOXES.index(box)}"
        how = {"bind": address} if name == SHOP else {"connect": address}
        return LinkSettings(peer=peer, routes=(RouteSettings(name="n", **how),))

    line = LineSettings(name="a", port="/dev/null", model="usr5637", number="+81355501234")
    links = tuple(link(box, box) for box in BOXES) if name == SHOP else (link(SHOP, name),)
    role = "domestic" if name == SHOP else "overseas"
    return Settings(role=role, name=name, data=str(world.folder / name), lines=(line,), link=links)


async def shop(world: World) -> None:
    """Callers come as fast as the requests are served."""
    settings = settings_of(world, SHOP)
    with contextlib.closing(Database.open(settings.store)) as database:
        book = CostBook(settings, TariffFolder(Path(settings.data)).load(time.time()))
        boxes = OverseasBoxes(settings, lambda: book)
        journal = Domestic(database, BOXES[0], BOXES[1:], boxes.rank, boxes.asked, boxes.is_away)
        async with linked(settings, database, journal, lambda message: None) as boxes.peers:
            await journal.release_held("a")
            async with asyncio.TaskGroup() as group:
                group.create_task(boxes.serve_waiting(journal))
                group.create_task(take_calls(world, journal, open_at_most=12))


def box(name: str) -> Run:
    async def run(world: World) -> None:
        settings = settings_of(world, name)
        with contextlib.closing(Database.open(settings.store)) as database:
            journal = Overseas(database, SHOP, str(BOXES.index(name) + 1))
            await journal.recover(time.time())
            link = linked(settings, database, journal, lambda message: None, lambda: LINES)
            async with link, asyncio.TaskGroup() as group:
                group.create_task(give_back(journal))
                for line in range(LINES):
                    group.create_task(serve(world, name, journal, f"x{line}", rings_for=0.05))

    return run


async def give_back(journal: Overseas) -> None:
    while True:
        await asyncio.sleep(0.05)
        await journal.give_back(time.time() - GIVEN_BACK_AFTER, time.time())


def faults(world: World) -> list[str]:
    """Whatever is against the promises."""
    dialled_by: dict[str, set[str]] = defaultdict(set)
    answered: set[str] = set()
    found = []
    promised = set()
    for words in world.seen():
        match words:
            case "promised", _, number:
                promised.add(number)
            case "dialled", _, _, number, box:
                dialled_by[number].add(box)
                if number in answered:
                    found.append(f"dialled after the answer: {number}")
            case "answered", _, _, number, _:
                answered.add(number)
    found += [f"dialled by two: {number}" for number, boxes in dialled_by.items() if len(boxes) > 1]
    closed = defaultdict(set)
    for number, state, outcome in rows(world, SHOP, "SELECT number, state, outcome FROM request"):
        closed[number].add(outcome if state == "closed" else "open")
    found += [f"never closed: {number}" for number, outcomes in closed.items() if "open" in outcomes]
    found += [f"promised and lost: {number}" for number in promised - closed.keys()]
    for number in promised & closed.keys() - dialled_by.keys():
        if not closed[number] & {"unknown"}:
            found.append(f"never dialled, and the record says {closed[number]}: {number}")
    orders = Counter(number for (number,) in rows(world, SHOP, "SELECT number FROM orders"))
    found += [f"{count} orders: {number}" for number, count in orders.items() if count > 1]
    return found


def torture(world: World, kills: int, dice: random.Random) -> None:
    """Run all three, kill one of them again and again, then let them come to rest."""
    work: dict[str, Run] = {SHOP: shop, **{name: box(name) for name in BOXES}}
    running = {name: spawn(run, world, name) for name, run in work.items()}
    for _ in range(kills):
        time.sleep(dice.uniform(0.05, 0.5))
        name = dice.choice(list(work))
        os.kill(running[name], signal.SIGKILL)
        os.waitpid(running[name], 0)
        if dice.random() < 0.3:
            time.sleep(dice.uniform(0.2, 1.0))
        running[name] = spawn(work[name], world, name)
    (world.folder / "enough").touch()
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not at_rest(world):
        time.sleep(0.1)
    for process in running.values():
        os.kill(process, signal.SIGTERM)
    for process in running.values():
        os.waitpid(process, 0)


def at_rest(world: World) -> bool:
    names = (SHOP, *BOXES)
    return not any(rows(world, name, "SELECT 1 FROM request WHERE state <> 'closed'") for name in names) and not any(
        unsettled(world, name) for name in names
    )


def pair(folder: Path) -> None:
    ours = KeyFolder(folder / SHOP / "keys")
    ours.new()
    for name in BOXES:
        theirs = KeyFolder(folder / name / "keys")
        ours.trust(name, theirs.new().public)
        theirs.trust(SHOP, ours.own().public)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    world = World(options.folder, free_port())
    pair(options.folder)
    (options.folder / "world").touch()
    began = time.monotonic()
    torture(world, options.kills, random.Random(options.seed))
    found = faults(world)
    seen = Counter(words[0] for words in world.seen())
    closed = dict(rows(world, SHOP, "SELECT outcome, count(*) FROM request GROUP BY 1"))
    result = {"kills": options.kills, "seconds": round(time.monotonic() - began, 1), **seen, "closed": closed}
    print(json.dumps({**result, "faults": found[:20]}))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
