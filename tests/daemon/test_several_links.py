"""A domestic daemon with two overseas boxes: which is up, which is away, and who waits for them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway import clock
from gateway.calls.least_cost import CostBook
from gateway.calls.tariff_folder import TariffFolder
from gateway.daemon.box import linked
from gateway.daemon.overseas_boxes import OverseasBoxes
from gateway.errors import KeyFileError
from gateway.link.keys import KeyFolder
from gateway.link.peer import FreeLines
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import Message
from gateway.settings import LineSettings, LinkSettings, RouteSettings, Settings
from gateway.store.database import Database
from gateway.store.journal import Domestic, Overseas

CUSTOMER = PhoneNumber("+819012345678")
ANYWHERE = (RouteSettings(name="n", bind="tcp://127.0.0.1:*"),)


def shop(folder: Path, *peers: str) -> Settings:
    """Its links listen, wherever there is room; its key pair is made."""
    line = LineSettings(name="a", port="/dev/null", model="usr5637", number="+81355500001")
    links = tuple(LinkSettings(peer=peer, routes=ANYWHERE) for peer in peers)
    settings = Settings(role="domestic", name="osaka", data=str(folder / "osaka"), lines=(line,), link=links)
    if not (settings.keys / "secret").exists():
        KeyFolder(settings.keys).new()
    return settings


def pair(settings: Settings, name: str) -> KeyFolder:
    """Make an overseas box's keys; both trust each other."""
    ours, theirs = KeyFolder(settings.keys), KeyFolder(settings.keys.parent.parent / name / "keys")
    ours.trust(name, theirs.new().public)
    theirs.trust("osaka", ours.own().public)
    return theirs


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[tuple[Domestic, OverseasBoxes]]:
    """What the daemon runs, but for its lines."""
    with contextlib.closing(Database.open(settings.store)) as database:
        book = CostBook(settings, TariffFolder(Path(settings.data)).load(clock.wall_clock()))
        boxes = OverseasBoxes(settings, lambda: book)
        names = [link.peer for link in settings.links]
        journal = Domestic(database, names[0], tuple(names[1:]), boxes.rank, boxes.asked, boxes.is_away)
        async with linked(settings, database, journal, lambda message: None) as boxes.peers:
            yield journal, boxes


@asynccontextmanager
async def overseas(settings: Settings, name: str, address: str) -> AsyncIterator["asyncio.Queue[Message]"]:
    """An overseas box's link; what arrives there."""
    line = LineSettings(name="u", port="/dev/null", model="usr5637", number="+12125550101")
    link = LinkSettings(peer="osaka", routes=(RouteSettings(name="n", connect=address),))
    folder = str(settings.keys.parent.parent / name)
    box = Settings(role="overseas", name=name, data=folder, lines=(line,), link=link)
    arrived: asyncio.Queue[Message] = asyncio.Queue()
    with contextlib.closing(Database.open(box.store)) as database:
        async with linked(box, database, Overseas(database, "osaka"), arrived.put_nowait, lambda: 4):
            yield arrived


async def ask(journal: Domestic) -> str:
    accepted = await journal.accept(CUSTOMER, line="a", called="", language="ja", at=clock.wall_clock())
    await journal.release(accepted.request)
    return accepted.request


async def until(condition: Callable[[], bool]) -> None:
    """Wait for the links' threads, in real time."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.to_thread(time.sleep, 0.005)


async def test_a_request_goes_to_the_box_that_is_up_and_waits_while_none_is(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise", "reno")
    for name in ("boise", "reno"):
        pair(settings, name)
    async with running(settings) as (journal, boxes):
        assert [choice.up for choice in boxes.rank(CUSTOMER)] == [False, False]
        asked = await ask(journal)
        assert await journal.waiting() == 1
        _, reno = boxes.peers
        async with overseas(settings, "reno", reno.endpoints["n"]) as arrived:
            await until(lambda: reno.up and reno.free_lines is not None)
            assert [(choice.peer, choice.up) for choice in boxes.rank(CUSTOMER)] == [("reno", True), ("boise", False)]
            assert await journal.release_held() == 1
            assert (await arrived.get()).id == asked
            assert await journal.waiting() == 0
        await until(lambda: not reno.up)


async def test_who_was_just_asked_is_taken_to_have_one_line_less_until_it_says_anew(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise", "reno")
    async with contextlib.AsyncExitStack() as stack:
        for name in ("boise", "reno"):
            pair(settings, name)
        _, boxes = await stack.enter_async_context(running(settings))
        for peer in boxes.peers:
            await stack.enter_async_context(overseas(settings, peer.name, peer.endpoints["n"]))
        await until(lambda: all(peer.up and peer.free_lines for peer in boxes.peers))
        boise, reno = boxes.peers
        boise.free_lines = reno.free_lines = FreeLines(1)
        assert boxes.rank(CUSTOMER)[0].peer == "boise"
        boxes.asked("boise")
        assert boxes.rank(CUSTOMER)[0].peer == "reno"
        boxes.asked("reno")
        assert boxes.rank(CUSTOMER)[0].peer == "boise"
        boxes.asked("boise")
        assert boxes.rank(CUSTOMER)[0].peer == "reno"
        boise.free_lines = FreeLines(1)
        assert boxes.rank(CUSTOMER)[0].peer == "boise"


async def test_before_its_links_stand_a_box_knows_whom_it_could_ask(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise", "reno")
    book = CostBook(settings, TariffFolder(Path(settings.data)).load(clock.wall_clock()))
    choices = OverseasBoxes(settings, lambda: book).rank(CUSTOMER)
    assert [(choice.peer, choice.up) for choice in choices] == [("boise", False), ("reno", False)]


async def test_a_single_box_gets_its_requests_though_it_is_not_up(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise")
    pair(settings, "boise")
    async with running(settings) as (journal, boxes):
        asked = await ask(journal)
        async with overseas(settings, "boise", boxes.peers[0].endpoints["n"]) as arrived:
            assert (await arrived.get()).id == asked


async def test_callers_hear_that_nobody_calls_back_only_when_all_boxes_are_away(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise", "reno")
    for name in ("boise", "reno"):
        pair(settings, name)
    async with running(settings) as (_, boxes):
        boise, reno = boxes.peers
        assert not boxes.all_away
        boise.heard_at -= 4000
        assert boxes.is_away("boise") and not boxes.all_away
        reno.heard_at -= 4000
        assert boxes.all_away
        assert boxes.is_away("salem"), "which the settings no longer name"


async def test_a_box_that_is_not_paired_yet_keeps_the_others_from_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = shop(tmp_path, "boise", "reno")
    with pytest.raises(KeyFileError, match="peer boise is not trusted yet"):
        async with running(settings):
            pass
    pair(settings, "reno")
    async with running(settings) as (_, boxes):
        assert "peer boise is not trusted yet; gateway keys trust boise KEY" in caplog.text
        async with overseas(settings, "reno", boxes.peers[1].endpoints["n"]):
            await until(lambda: boxes.peers[1].up)


async def test_the_link_says_nothing_more_of_a_box_that_the_settings_name_no_more(tmp_path: Path) -> None:
    settings = shop(tmp_path, "boise")
    pair(settings, "boise")
    former = Path(settings.data) / "link-reno.json"
    former.write_text("{}", encoding="ascii")
    async with running(settings):
        await until((Path(settings.data) / "link-boise.json").exists)
        assert not former.exists()
