"""Whatever comes in by the wire, from friends gone mad and from strangers: the boxes go on talking."""

import asyncio
import itertools
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from two_boxes import CUSTOMER, LISTENING, RawClient, box, pair, paired, until

from gateway import clock
from gateway.link.keys import KeyFolder, KeyPair
from gateway.link.peer import Peer
from gateway.numbers import PhoneNumber
from gateway.protocols import frames, messages
from gateway.protocols.messages import CallReport, CallRequest, Order, OrderLine, Recording
from gateway.store.database import read_only

Raw = Callable[[KeyPair, bytes, str], RawClient]

LONGER = int(os.environ.get("GATEWAY_FUZZ", "1"))
"""How many times as long as usual; ``make fuzz``."""

REQUEST = CallRequest("r1", CUSTOMER.e164, 100.0, "+81355501234", "ja")
SAMPLES = [
    REQUEST,
    Order("o1", "r1", CUSTOMER.e164, "0016", (OrderLine("25", 2),), 1.0),
    CallReport("c1", "r1", 1, "busy", False, 1.0, 2.0, 0.0),
    Recording("s1", "r1", CUSTOMER.e164, "question", 1.0, 0, 1, b"\xff" * 40),
]
FRAMES = [frames.pack(frames.Letter(1, messages.encode(each))) for each in SAMPLES]
FRAMES += [frames.pack(each) for each in (frames.Ack((1, 2, 3)), frames.Ping(1), frames.Pong(1))]


def changed() -> st.SearchStrategy[bytes]:
    """A frame of ours with some bytes replaced, cut off, doubled or put in."""

    def change(frame: bytes, at: int, length: int, put: bytes) -> bytes:
        start = at % (len(frame) + 1)
        return frame[:start] + put + frame[start + length :]

    return st.builds(change, st.sampled_from(FRAMES), st.integers(0, 300), st.integers(0, 20), st.binary(max_size=20))


class Hearing:
    """An overseas box in the background of a test, with a paired client."""

    def __init__(self, folder: Path) -> None:
        tokyo, boise = paired(folder)
        self.store = folder / "boise" / "gateway.db"
        self.stop = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.endpoint = ""
        self.keys, self.server = tokyo.own(), boise.own().public
        self.folder = folder
        self.peer: Peer | None = None

    def count(self, what: str) -> int:
        """How many frames or messages were dropped for this reason."""
        assert self.peer is not None
        return self.peer.state().counts[what]

    async def serve(self, ready: Callable[[], None]) -> None:
        async with box(self.folder, "overseas", LISTENING) as far:
            self.loop, self.peer, self.endpoint = asyncio.get_running_loop(), far.peer, far.peer.endpoints["n"]
            ready()
            await self.stop.wait()


@pytest.fixture
def hearing(hearing_far: Hearing) -> Iterator[RawClient]:
    with closing(RawClient(hearing_far.keys, hearing_far.server, hearing_far.endpoint)) as client:
        yield client


@pytest.fixture
def hearing_far(tmp_path: Path) -> Iterator[Hearing]:
    far, ready = Hearing(tmp_path), threading.Event()
    thread = threading.Thread(target=lambda: clock.run(far.serve(ready.set)))
    thread.start()
    ready.wait(10)
    yield far
    assert far.loop is not None
    far.loop.call_soon_threadsafe(far.stop.set)
    thread.join(10)
    with read_only(far.store) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def still_answers(client: RawClient, count: int) -> bool:
    client.say(frames.pack(frames.Ping(count)))
    while (answer := client.answer()) != frames.Pong(count):
        assert isinstance(answer, frames.Ack | frames.Pong | frames.Letter)
    return True


def taken(client: RawClient, message: messages.Message) -> bool:
    """Send a last letter; once it is acknowledged, all that were sent before it have been taken."""
    client.say(frames.pack(frames.Letter(2**50, messages.encode(message))))
    while not (isinstance(answer := client.answer(), frames.Ack) and 2**50 in answer.sequences):
        continue
    return True


def test_no_frame_of_a_paired_box_stops_the_link(hearing: RawClient) -> None:
    count = iter(range(10_000, 10**9))

    @settings(max_examples=300 * LONGER, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.one_of(changed(), st.binary(max_size=200), st.sampled_from(FRAMES)), min_size=1, max_size=8))
    def fuzz(frames: list[bytes]) -> None:
        for frame in frames:
            hearing.say(frame)
        assert still_answers(hearing, next(count))

    fuzz()


def test_letters_that_come_again_and_in_any_order_have_their_effect_once(
    hearing_far: Hearing, hearing: RawClient, tmp_path: Path
) -> None:
    said: list[str] = []
    names, pings = itertools.count(), itertools.count(10**9)

    @settings(max_examples=60 * LONGER, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 2**40)), min_size=1, max_size=40))
    def fuzz(order: list[tuple[int, int]]) -> None:
        own = [f"q{next(names)}" for _ in range(10)]
        for each, sequence in order:
            message = CallRequest(own[each], CUSTOMER.e164, 100.0, "", "ja")
            hearing.say(frames.pack(frames.Letter(sequence, messages.encode(message))))
        said.extend(own[each] for each, _ in order)
        assert still_answers(hearing, next(pings))

    fuzz()
    assert taken(hearing, CallRequest("last", CUSTOMER.e164, 100.0, "", "ja"))
    with read_only(tmp_path / "boise" / "gateway.db") as connection:
        kept = [name for (name,) in connection.execute("SELECT id FROM request")]
    assert sorted(kept) == sorted({*said, "last"})
    assert hearing_far.count("duplicate") == len(said) - len(set(said))


@settings(max_examples=20 * LONGER, suppress_health_check=list(HealthCheck))
@given(st.integers(60_000, 70_000))
def test_a_frame_of_any_size_near_the_limit_is_served_or_ends_its_connection_alone(
    hearing_far: Hearing, size: int
) -> None:
    frame = frames.pack(frames.Letter(1, b"\xd9".ljust(size, b"x")))
    before = hearing_far.count("malformed")
    with closing(RawClient(hearing_far.keys, hearing_far.server, hearing_far.endpoint)) as mad:
        mad.say(frame)
        deadline = time.monotonic() + 10  # a ping may go down with the connection
        while mad.say(frames.pack(frames.Ping(size))) or not mad.socket.poll(100):
            assert time.monotonic() < deadline
    assert hearing_far.count("malformed") - before == (len(frame) <= 65_536), "what is too long is not even looked at"


def test_messages_of_several_parts_are_dropped(hearing: RawClient) -> None:
    hearing.say(FRAMES[0], FRAMES[0])
    hearing.say(b"", FRAMES[0])
    assert still_answers(hearing, 77)


async def test_a_flood_from_the_paired_box_takes_neither_memory_nor_the_floor(tmp_path: Path, raw: Raw) -> None:
    async with pair(tmp_path, listens="overseas") as (shop, far):
        mad = raw(shop.keys.own(), far.keys.own().public, far.peer.endpoints["n"])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for each in range(20_000):
            mad.say(frames.pack(frames.Letter(each, b"\x80" * 500)) if each % 2 else frames.pack(frames.Ping(each)))
        began = time.monotonic()
        asked = await shop.ask()
        while (arrived := await far.arrived.get()).id != asked:
            continue
        assert isinstance(arrived, CallRequest)
        assert time.monotonic() - began < 10
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


async def test_a_crowd_of_strangers_does_not_hold_up_the_paired_box(tmp_path: Path, raw: Raw) -> None:
    async with pair(tmp_path) as (shop, far):
        await until(lambda: shop.peer.state().routes[0].state == "up")
        for each in range(30):
            raw(KeyFolder(tmp_path / f"stranger{each}").new(), shop.keys.own().public, shop.peer.endpoints["n"])
        await until(lambda: shop.peer.state().counts["refused"] >= 10)
        began = time.monotonic()
        asked = await shop.ask()
        assert (await far.arrived.get()).id == asked
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("begin", [b"", b"\xff", b"\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE", b"GET / HTTP/1.1\r\n\r\n"])
async def test_handshakes_that_never_end_do_not_hold_up_the_paired_box(tmp_path: Path, begin: bytes) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        address = urlsplit(shop.peer.endpoints["n"])
        with ExitStack() as stack:
            for _ in range(100):
                loris = stack.enter_context(
                    closing(socket.create_connection((str(address.hostname), int(address.port or 0))))
                )
                loris.sendall(begin)
            client_keys, server = KeyFolder(tmp_path / "boise" / "keys").own(), shop.keys.own().public
            with closing(RawClient(client_keys, server, shop.peer.endpoints["n"])) as client:
                began = time.monotonic()
                assert still_answers(client, 1)
                assert time.monotonic() - began < 2


CROWD = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
crowd = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) for _ in range(int(sys.argv[2]))]
print("here", flush=True)
sys.stdin.read()
"""


def gather(port: str, count: int) -> tuple["subprocess.Popen[bytes]", IO[bytes]]:
    """A process that has so many connections, which say nothing, and where it says that it has them."""
    crowd = subprocess.Popen(
        [sys.executable, "-c", CROWD, port, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert crowd.stdout is not None
    return crowd, crowd.stdout


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def test_more_silent_connections_than_a_box_has_descriptors_for_leave_it_as_it_was(tmp_path: Path) -> None:
    room = 60
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with pair(tmp_path) as (shop, far):
        await until(lambda: shop.peer.state().routes[0].state == "up")
        port = str(urlsplit(shop.peer.endpoints["n"]).port)
        crowd, here = await asyncio.to_thread(gather, port, 2 * room)
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors() + room, hard))
        try:
            assert await asyncio.to_thread(here.readline) == b"here\n"
            began = time.monotonic()
            asked = await shop.ask()
            assert (await far.arrived.get()).id == asked
            assert time.monotonic() - began < 2
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            await asyncio.to_thread(crowd.communicate)
        with closing(RawClient(far.keys.own(), shop.keys.own().public, shop.peer.endpoints["n"])) as later:
            assert still_answers(later, 1)


async def test_slow_handshakes_are_cut_off(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        address = urlsplit(shop.peer.endpoints["n"])
        with closing(socket.create_connection((str(address.hostname), int(address.port or 0)))) as loris:
            loris.sendall(b"\xff")
            loris.settimeout(8)
            while await asyncio.to_thread(loris.recv, 1000):
                continue


async def test_a_client_without_curve_gets_nothing(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        plain = context.socket(zmq.DEALER)
        plain.linger = 0
        plain.connect(shop.peer.endpoints["n"])
        plain.send(FRAMES[1])
        assert not plain.poll(500)
        context.destroy(linger=0)
        with read_only(Path(shop.settings.store)) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    paired(tmp_path)

    async def once(each: int) -> None:
        async with pair(tmp_path) as (shop, far):
            await shop.ask(PhoneNumber(f"+8190123400{each:02}"))
            await far.arrived.get()

    clock.run(once(0))
    before = descriptors()
    for each in range(1, 6):
        clock.run(once(each))
    assert descriptors() <= before
