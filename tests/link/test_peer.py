"""Two boxes and real sockets: from one disk to the other, once, and only between those who trust each other."""

import asyncio
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from two_boxes import CUSTOMER, LISTENING, RawClient, box, box_of, pair, paired, settings_of, until

from gateway.cli.journal import calls, orders
from gateway.errors import GatewayError
from gateway.link import gate
from gateway.link.keys import KeyFolder, KeyPair
from gateway.link.peer import Peer
from gateway.numbers import PhoneNumber
from gateway.protocols import frames, messages
from gateway.protocols.messages import CallReport, CallRequest, Order, OrderLine
from gateway.settings import LinkSettings, RouteSettings
from gateway.store import journal
from gateway.store.database import Database
from gateway.store.hand_over import Choice
from gateway.store.journal import Domestic, Overseas

Raw = Callable[[KeyPair, bytes, str], RawClient]


def letter(sequence: int, message: messages.Message) -> bytes:
    return frames.pack(frames.Letter(sequence, messages.encode(message)))


def request(name: str) -> CallRequest:
    return CallRequest(name, CUSTOMER.e164, 100.0, "", "ja")


async def requests_in(journal_: object) -> int:
    assert isinstance(journal_, Overseas)
    return await journal_.database.read(lambda c: int(c.execute("SELECT count(*) FROM request").fetchone()[0]))


@pytest.mark.parametrize("listens", ["domestic", "overseas"])
async def test_a_request_goes_over_and_an_order_comes_back_whoever_listens(tmp_path: Path, listens: str) -> None:
    async with pair(tmp_path, listens=listens) as (shop, far):
        asked = await shop.ask()
        arrived = await far.arrived.get()
        assert isinstance(arrived, CallRequest) and arrived.id == asked
        assert isinstance(far.journal, Overseas)
        claimed = await far.journal.claim("x", arrived.accepted_at + 1e9)
        assert claimed is not None and claimed.number == CUSTOMER
        attempt = await far.journal.dial_intent(asked, "x", 200.0)
        spoken = await far.journal.confirm_order(asked, attempt, [OrderLine("25", 2)], at=210.0)
        await far.journal.attempt_ended(asked, attempt, outcome="order", at=220.0, next_at=None)
        assert {type(await shop.arrived.get()) for _ in range(2)} == {Order, CallReport}
        (order,) = await shop.database.read(journal.orders)
        assert order.order_number == spoken
        while not await far.journal.order_acknowledged(spoken):
            await asyncio.to_thread(time.sleep, 0.005)


async def test_one_shop_asks_two_boxes_and_each_hears_only_its_own(tmp_path: Path) -> None:
    tokyo, _ = paired(tmp_path)
    reno = KeyFolder(tmp_path / "reno" / "keys")
    tokyo.trust("reno", reno.new().public)
    reno.trust("tokyo", tokyo.own().public)
    settings = settings_of(tmp_path, "domestic", LISTENING)
    other = LinkSettings(peer="reno", routes=LISTENING)
    asked = {"+819012340001": "boise", "+819012340002": "reno"}
    with closing(Database.open(settings.store)) as database:
        shop = Domestic(database, "boise", ("reno",), lambda number: [Choice(asked[number.e164])])
        peers = [
            Peer(settings, database, shop.effect_of(to.peer), lambda message: None, to=to)
            for to in (*settings.links, other)
        ]
        for peer in peers:
            await peer.start()
        routes = [(RouteSettings(name="n", connect=peer.endpoints["n"]),) for peer in peers]
        far = settings_of(tmp_path, "overseas", routes[1])
        far = msgspec.structs.replace(far, name="reno", data=str(tmp_path / "reno"))
        async with box(tmp_path, "overseas", routes[0]) as first, box_of(far) as second:
            for number in asked:
                accepted = await shop.accept(PhoneNumber(number), line="a", called="", language="ja", at=1.0)
                await shop.release(accepted.request)
            arrived = [await each.arrived.get() for each in (first, second)]
            numbers = [each.number for each in arrived if isinstance(each, CallRequest)]
            assert numbers == list(asked)
            assert first.arrived.empty() and second.arrived.empty()
        for peer in peers:
            await peer.stop()


async def test_the_hand_over_takes_milliseconds(tmp_path: Path) -> None:
    async with pair(tmp_path) as (shop, far):
        taken = []
        for each in range(30):
            await shop.ask(PhoneNumber(f"+8190123400{each:02}"))
            began = time.perf_counter()
            await far.arrived.get()
            taken.append(time.perf_counter() - began)
        assert sorted(taken)[15] < 0.02


async def test_what_was_released_while_the_other_box_was_away_goes_over_when_it_is_back(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        asked = [await shop.ask(PhoneNumber(f"+8190123400{each:02}")) for each in range(5)]
        routes = (RouteSettings(name="n", connect=shop.peer.endpoints["n"]),)
        async with box(tmp_path, "overseas", routes) as far:
            assert sorted([(await far.arrived.get()).id for _ in asked]) == sorted(asked)


async def test_the_state_tells_of_routes_queue_and_last_contact(tmp_path: Path) -> None:
    async with pair(tmp_path) as (shop, far):
        await shop.ask()
        await far.arrived.get()
        await until(lambda: far.peer.state().routes[0].state == "up" and shop.peer.state().routes[0].state == "up")
        state = shop.peer.state()
        assert (state.peer, state.routes[0].name) == ("boise", "n")
        assert state.heard_at > 0
        await until(lambda: shop.peer.state().queued == 0)


async def test_a_box_that_starts_again_remembers_when_it_heard_of_the_other(tmp_path: Path) -> None:
    async with pair(tmp_path) as (shop, far):
        await shop.ask()
        await far.arrived.get()
        await until(lambda: shop.peer.state().routes[0].state == "up")
        heard = shop.peer.heard_at
    async with box(tmp_path, "domestic", LISTENING) as shop:
        assert abs(shop.peer.heard_at - heard) < 60


async def test_a_stranger_is_refused(tmp_path: Path, raw: Raw) -> None:
    paired(tmp_path)
    stranger = KeyFolder(tmp_path / "stranger").new()
    async with box(tmp_path, "overseas", LISTENING) as far:
        client = raw(stranger, far.keys.own().public, far.peer.endpoints["n"])
        client.say(letter(1, request("r1")))
        await until(lambda: far.peer.state().counts["refused"] > 0)
        assert not client.socket.poll(300)
        assert await requests_in(far.journal) == 0


async def test_a_box_that_is_revoked_is_heard_no_more_on_the_connection_it_has(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        client.say(letter(1, request("r1")))
        assert client.answer() == frames.Ack((1,))
        far.keys.revoke("tokyo")
        await until(lambda: client.say(letter(2, request("r2"))) or far.peer.state().counts["stranger"] > 0)
        before = await requests_in(far.journal)
        client.say(letter(3, request("r3")))
        far.keys.trust("tokyo", tokyo.own().public)
        await until(lambda: client.say(letter(4, request("r4"))) or client.socket.poll(10) > 0)
        assert 1 <= before <= 2
        assert "r3" not in [each.request for each in await far.database.read(journal.calls)]


async def test_a_box_that_is_trusted_later_is_served_without_a_restart(tmp_path: Path) -> None:
    tokyo, boise = paired(tmp_path)
    tokyo.revoke("boise")
    boise.revoke("tokyo")
    async with pair(tmp_path) as (shop, far):
        asked = await shop.ask()
        await until(lambda: shop.peer.state().routes[0].state == "down")
        began = time.monotonic()
        boise.trust("tokyo", tokyo.own().public)
        await until(lambda: shop.peer.state().counts["refused"] > 0)
        tokyo.trust("boise", boise.own().public)
        assert (await far.arrived.get()).id == asked
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("role", ["domestic", "overseas"])
async def test_a_box_that_breaks_its_role_is_not_obeyed(tmp_path: Path, raw: Raw, role: str) -> None:
    tokyo, boise = paired(tmp_path)
    async with box(tmp_path, role, LISTENING) as ours:
        theirs = boise if role == "domestic" else tokyo
        client = raw(theirs.own(), ours.keys.own().public, ours.peer.endpoints["n"])
        forbidden = request("r1") if role == "domestic" else Order("o1", "r1", CUSTOMER.e164, "0016", (), 1.0)
        client.say(letter(1, forbidden))
        client.say(frames.pack(frames.Ping(5)))
        assert client.answer() == frames.Pong(5), "the letter before it was not acknowledged"
        assert ours.peer.state().counts["role"] == 1
        assert await ours.database.read(journal.calls) == []


async def test_a_letter_that_comes_again_is_acknowledged_again_and_applied_once(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        for _ in range(3):
            client.say(letter(1, request("r1")))
            assert client.answer() == frames.Ack((1,))
        assert await requests_in(far.journal) == 1
        assert far.peer.state().counts["duplicate"] == 2


async def test_garbage_is_counted_and_what_follows_is_served(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        bad = [b"", b"\xc1", b"GET / HTTP/1.1", frames.pack(frames.Letter(1, b"\x80")), b"\x91" * 5000]
        for frame in bad:
            client.say(frame)
        client.say(letter(1, request("r1")), b"a second part")
        client.say(letter(2, request("r2")))
        assert client.answer() == frames.Ack((2,))
        assert far.peer.state().counts["malformed"] == len(bad) + 1
        assert await requests_in(far.journal) == 1


async def test_an_order_with_nonsense_in_it_is_refused_or_kept_so_that_it_can_be_shown(
    tmp_path: Path, raw: Raw
) -> None:
    _, boise = paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        client = raw(boise.own(), shop.keys.own().public, shop.peer.endpoints["n"])
        lines = (OrderLine("[/bold]\x1b[2J", 1),)
        whole = Order("o1", "r1", "not a number", "[red]", lines, 1.0)
        client.say(letter(1, whole))
        assert client.answer() == frames.Ack((1,))
        for sequence, at in enumerate((float("nan"), float("inf"), -1.0, 1e300), 2):
            client.say(letter(sequence, Order(f"o{sequence}", "r1", CUSTOMER.e164, "1", (), at)))
        client.say(frames.pack(frames.Ping(9)))
        assert client.answer() == frames.Pong(9)
        assert shop.peer.state().counts["malformed"] == 4
        for command in (orders, calls):
            for form in ([], ["--json"], ["--csv"]):
                shown = CliRunner().invoke(command, ["--store", str(shop.settings.store), *form])
                assert shown.exit_code == 0, shown.exception
                assert "\x1b" not in shown.output


async def test_a_frame_that_is_too_large_ends_its_connection_and_nothing_else(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        client.say(frames.pack(frames.Letter(1, bytes(100_000))))
        later = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        later.say(letter(2, request("r2")))
        assert later.answer() == frames.Ack((2,))


async def test_a_message_that_cannot_be_applied_does_not_hold_up_the_others(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        await far.database.write(
            lambda c: c.execute(
                "CREATE TRIGGER stop BEFORE INSERT ON request WHEN new.id = 'bad' BEGIN SELECT raise(ABORT, 'no'); END"
            )
        )
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        for sequence, name in enumerate(("r1", "bad", "r2"), 1):
            client.say(letter(sequence, request(name)))
        acknowledged: set[int] = set()
        while acknowledged != {1, 3}:
            answer = client.answer()
            assert isinstance(answer, frames.Ack)
            acknowledged |= set(answer.sequences)
        assert await requests_in(far.journal) == 2
        assert far.peer.state().counts["not applied"] == 1


async def test_a_box_without_keys_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(GatewayError, match="no key pair yet"):
        async with box(tmp_path, "domestic", LISTENING):
            pass


async def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    paired(tmp_path)
    async with box(tmp_path, "domestic", LISTENING) as shop:
        taken = shop.peer.endpoints["n"]
        with pytest.raises(GatewayError, match=f"{taken}: can't listen there: Address already in use"):
            async with box(tmp_path, "overseas", (RouteSettings(name="n", bind=taken),)):
                pass


async def test_a_route_needs_one_address(tmp_path: Path) -> None:
    paired(tmp_path)
    for wrong in (RouteSettings(name="m"), RouteSettings(name="m", bind="tcp://*:1", connect="tcp://127.0.0.1:1")):
        with pytest.raises(GatewayError, match="route m: give it either bind or connect"):
            async with box(tmp_path, "domestic", (wrong,)):
                pass


async def test_a_gate_that_lets_strangers_in_is_found_out_at_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paired(tmp_path)
    monkeypatch.setattr(gate.Gate, "_reply", lambda self, asked: [b"1.0", asked[1], b"200", b"OK", b"anybody", b""])
    with pytest.raises(GatewayError, match="a stranger's key was let in"):
        async with box(tmp_path, "domestic", LISTENING):
            pass


async def test_without_a_gate_the_link_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paired(tmp_path)
    monkeypatch.setattr(gate.Gate, "serve", lambda self: None)
    monkeypatch.setattr(gate, "PROOF_TIME", 0.3)
    with pytest.raises(GatewayError, match="a stranger was not turned away"):
        async with box(tmp_path, "domestic", LISTENING):
            pass


async def test_a_full_disk_is_not_acknowledged(tmp_path: Path, raw: Raw) -> None:
    tokyo, _ = paired(tmp_path)
    async with box(tmp_path, "overseas", LISTENING) as far:
        size = await far.database.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
        await far.database.write(lambda c: c.execute(f"PRAGMA max_page_count = {size}").fetchone())
        client = raw(tokyo.own(), far.keys.own().public, far.peer.endpoints["n"])
        big = CallRequest("r1", CUSTOMER.e164, 100.0, "x" * 20_000, "ja")
        client.say(letter(1, big))
        assert client.silent(0.5)
        await far.database.write(lambda c: c.execute(f"PRAGMA max_page_count = {size * 100}").fetchone())
        client.say(letter(1, big))
        assert client.answer() == frames.Ack((1,))
