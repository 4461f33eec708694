"""Two boxes under load whose processes are killed, or whose power is cut, at random moments.

    python tests/link/torture.py FOLDER --kills 1000 --seed 1
    LD_PRELOAD=powercut.so python tests/link/torture.py FOLDER --cuts 50 --seed 1

The domestic box takes callers; the overseas box dials them (busy now and then) and takes an order from each. What the
world outside saw (a promise spoken, a number dialled, an order number spoken) is written to a file that no kill and no
cut can touch. At the end both boxes are left in peace until nothing is open, and the file is held against both stores.
Prints one JSON object; exit code 0 only if nothing was lost, nothing happened twice and nobody was dialled twice.

The power cut stands below SQLite: ``powercut.c`` notes every write and sync of a box. A cut is a kill after which the
box's files are made anew from that: what was synced is there; of what was not, each 512-byte sector at random.
"""

import argparse
import asyncio
import contextlib
import dataclasses
import itertools
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from two_boxes import box, paired

from gateway import clock
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import OrderLine
from gateway.settings import RouteSettings
from gateway.store.journal import Domestic, Overseas

SECTOR = 512
LINES = 4


@dataclasses.dataclass
class World:
    """The folder of one run, and what was seen from outside."""

    folder: Path
    port: int

    def note(self, *words: object) -> None:
        line = " ".join(map(str, words)) + "\n"
        descriptor = os.open(self.folder / "world", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def seen(self) -> list[list[str]]:
        return [line.split() for line in (self.folder / "world").read_text().splitlines()]

    @property
    def over(self) -> bool:
        return (self.folder / "enough").exists()


async def domestic(world: World) -> None:
    """Callers come as fast as the requests are served."""
    routes = (RouteSettings(name="n", bind=f"tcp://127.0.0.1:{world.port}"),)
    async with box(world.folder, "domestic", routes) as ours:
        assert isinstance(ours.journal, Domestic)
        await ours.journal.release_held("a")
        await take_calls(world, ours.journal, open_at_most=40)


async def take_calls(world: World, journal: Domestic, *, open_at_most: int) -> None:
    """One caller after the other, each with a number of his own."""
    while True:
        if world.over or len(await journal.open_requests()) >= open_at_most:
            await asyncio.sleep(0.01)
            continue
        number = PhoneNumber(f"+8190{random.randrange(10**8):08}")
        accepted = await journal.accept(number, line="a", called="", language="ja", at=time.time())
        world.note("promised", accepted.request, number.e164)
        await asyncio.sleep(random.random() * 0.005)
        await journal.release(accepted.request)


async def overseas(world: World) -> None:
    """Lines that dial whatever is due."""
    routes = (RouteSettings(name="n", connect=f"tcp://127.0.0.1:{world.port}"),)
    async with box(world.folder, "overseas", routes) as ours:
        assert isinstance(ours.journal, Overseas)
        await ours.journal.recover(time.time())
        async with asyncio.TaskGroup() as group:
            for line in range(LINES):
                group.create_task(serve(world, "boise", ours.journal, f"x{line}", rings_for=0.02))


async def serve(world: World, name: str, journal: Overseas, line: str, *, rings_for: float) -> None:
    """Box ``name`` dials on one of its lines; a customer is busy, or orders, after ``rings_for`` seconds at most."""
    while True:
        claimed = await journal.claim(line, time.time())
        if claimed is None:
            await asyncio.sleep(0.01)
            continue
        request, number = claimed.request, claimed.number.e164
        attempt = await journal.dial_intent(request, line, time.time())
        world.note("dialled", request, attempt, number, name)
        await asyncio.sleep(random.random() * rings_for)
        if random.random() < 0.3:
            at = time.time()
            await journal.attempt_ended(request, attempt, outcome="busy", at=at, next_at=at + 0.02)
            continue
        await journal.answered(request, attempt, time.time())
        world.note("answered", request, attempt, number, name)
        lines = [OrderLine(str(random.randrange(100)), random.randrange(1, 9))]
        order = await journal.confirm_order(request, attempt, lines, at=time.time())
        world.note("spoken", request, order, f"{lines[0].article}×{lines[0].quantity}")
        await journal.attempt_ended(request, attempt, outcome="order", at=time.time(), next_at=None)


def spawn(run: Callable[[World], Coroutine[Any, Any, None]], world: World, name: str) -> int:
    """Fork a box; ``name`` is its folder, whose writes are noted if the power-cut library is loaded."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.environ["POWERCUT_ROOT"] = str(world.folder / name) + "/"
        os.environ["POWERCUT_LOG"] = str(world.folder / f"{name}.writes")
        random.seed()
        clock.run(until_told(run(world)))
        status = 0
    except BaseException as error:  # a child must not come back as the parent
        print(f"{name}: {error!r}", file=sys.stderr)
    finally:
        os._exit(status)


async def until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def cut_power(world: World, name: str, dice: random.Random) -> None:
    """Make the box's files what a disk would hold that lost its power: ``keep`` is what it held for sure."""
    keep, log = world.folder / f"{name}.disk", world.folder / f"{name}.writes"
    files = {file.name: bytearray(file.read_bytes()) for file in keep.iterdir()}
    loose: dict[str, list[tuple[int, bytes] | int]] = {}
    for path, kind, offset, data in records(log.read_bytes()):
        file = Path(path).name
        content, waiting = files.setdefault(file, bytearray()), loose.setdefault(file, [])
        if kind == "U":
            del files[file], loose[file]
        elif kind == "S":
            for change in waiting:
                apply(content, change)
            waiting.clear()
        else:
            waiting.append(offset if kind == "T" else (offset, data))
    for file, waiting in loose.items():
        for change in waiting:
            for part in [change] if isinstance(change, int) else sectors(*change):
                if dice.random() < 0.5:
                    apply(files[file], part)
    box_folder = world.folder / name
    for file in box_folder.glob("gateway.db*"):
        file.unlink()
    for file, content in files.items():
        if not file.endswith("-shm"):
            (box_folder / file).write_bytes(content)
    keep_disk(world, name)


def keep_disk(world: World, name: str) -> None:
    """From here on the box's files are as they stand now."""
    keep = world.folder / f"{name}.disk"
    shutil.rmtree(keep, ignore_errors=True)
    keep.mkdir()
    for file in (world.folder / name).glob("gateway.db*"):
        if not file.name.endswith(("-shm", ".lock")):
            shutil.copy(file, keep)
    (world.folder / f"{name}.writes").write_bytes(b"")


def records(log: bytes) -> list[tuple[str, str, int, bytes]]:
    """(path, kind, offset, data) as ``powercut.c`` writes them: kind W write, T truncate, S sync, U removed."""
    found, at = [], 0
    while at + 20 <= len(log):
        kind, path_length, length, offset = struct.unpack_from("=cxHqq", log, at)
        end = at + 20 + path_length + (length if kind == b"W" else 0)
        if end > len(log):
            break
        path = log[at + 20 : at + 20 + path_length].decode()
        found.append((path, kind.decode(), offset, log[at + 20 + path_length : end]))
        at = end
    return found


def sectors(offset: int, data: bytes) -> list[tuple[int, bytes]]:
    """A write in pieces that a disk writes whole."""
    cuts = [0, *range(SECTOR - offset % SECTOR, len(data), SECTOR), len(data)]
    return [(offset + begin, data[begin:end]) for begin, end in itertools.pairwise(cuts)]


def apply(content: bytearray, change: tuple[int, bytes] | int) -> None:
    if isinstance(change, int):
        del content[change:]
        return
    offset, data = change
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def rows(world: World, name: str, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(world.folder / name / "gateway.db")
    with contextlib.closing(connection):
        return connection.execute(query).fetchall()


def unsettled(world: World, name: str) -> bool:
    return bool(rows(world, name, "SELECT 1 FROM outbox WHERE settled_at IS NULL"))


def at_rest(world: World) -> bool:
    try:
        open_requests = rows(world, "tokyo", "SELECT 1 FROM request WHERE state <> 'closed'")
        return not open_requests and not unsettled(world, "tokyo") and not unsettled(world, "boise")
    except sqlite3.OperationalError:
        return False


def faults(world: World) -> list[str]:
    """Whatever is against the promises."""
    seen = world.seen()
    promised = {words[1] for words in seen if words[0] == "promised"}
    spoken = [tuple(words[1:]) for words in seen if words[0] == "spoken"]
    dialled = [(words[1], int(words[2])) for words in seen if words[0] == "dialled"]
    requests = dict(rows(world, "tokyo", "SELECT id, state FROM request"))
    order_rows = "SELECT request, order_number, article || '×' || quantity FROM orders JOIN order_line ON orders = id"
    here, there = rows(world, "tokyo", order_rows), rows(world, "boise", order_rows)
    outcomes = {
        (request, attempt): outcome
        for request, attempt, outcome in rows(world, "boise", "SELECT request, attempt, outcome FROM attempt")
    }
    found = [f"{name} still has messages to send" for name in ("tokyo", "boise") if unsettled(world, name)]
    found += [f"promised and lost: {each}" for each in promised - requests.keys()]
    found += [f"never closed: {each}" for each, state in requests.items() if state != "closed"]
    found += [f"spoken {count} times at the shop: {each}" for each in spoken if (count := here.count(each)) != 1]
    found += [f"order on one side only: {each}" for each in set(here) ^ set(there)]
    found += [f"order twice: {each}" for each, count in Counter(here).items() if count > 1]
    found += [f"attempt dialled twice: {each}" for each, count in Counter(dialled).items() if count > 1]
    found += [
        f"dialled again after {outcomes.get((request, attempt - 1))}: {request}"
        for request, attempt in dialled
        if attempt > 1 and outcomes.get((request, attempt - 1)) != "busy"
    ]
    answered = {words[1]: int(words[2]) for words in seen if words[0] == "answered"}
    found += [f"dialled after the answer: {each}" for each, attempt in dialled if attempt > answered.get(each, attempt)]
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def torture(world: World, kills: int, cuts: int, dice: random.Random) -> None:
    """Run both boxes, end them ``kills`` + ``cuts`` times, then let them come to rest."""
    work = {"tokyo": domestic, "boise": overseas}
    for name in work if cuts else ():
        keep_disk(world, name)
    running = {name: spawn(run, world, name) for name, run in work.items()}
    for each in range(kills + cuts):
        time.sleep(dice.uniform(0.02, 0.4))
        name = dice.choice(list(work))
        os.kill(running[name], signal.SIGKILL)
        os.waitpid(running[name], 0)
        if each >= kills:
            cut_power(world, name, dice)
        running[name] = spawn(work[name], world, name)
    (world.folder / "enough").touch()
    deadline = time.monotonic() + 45
    while time.monotonic() < deadline and not at_rest(world):
        time.sleep(0.2)
    for process in running.values():
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    world = World(options.folder, free_port())
    paired(options.folder)
    (options.folder / "world").touch()
    began = time.monotonic()
    torture(world, options.kills, options.cuts, random.Random(options.seed))
    found = faults(world)
    seen = Counter(words[0] for words in world.seen())
    closed = dict(rows(world, "tokyo", "SELECT outcome, count(*) FROM request GROUP BY 1"))
    repeated = {"seconds": round(time.monotonic() - began, 1), **seen, "closed": closed, "faults": found[:20]}
    print(json.dumps({"kills": options.kills, "cuts": options.cuts, **repeated}, ensure_ascii=False))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
