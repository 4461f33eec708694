"""Copies of a store in use, and boxes that start from one."""

import shutil
import threading
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.store import store as command
from gateway.errors import GatewayError, StoreError
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport, CallRequest, Order, OrderLine, Recording, decode
from gateway.store import inbox, outbox
from gateway.store.backup import backup
from gateway.store.database import Database, read_only
from gateway.store.journal import Domestic, Overseas

CUSTOMER = "+819012345678"


def ask(database: Database, overseas: Overseas, name: str) -> None:
    request = CallRequest(name, CUSTOMER, 100.0, "", "ja")
    database.write_blocking(lambda c: inbox.take(c, "tokyo", 1, request, at=100.0, effect=overseas.effect))


def test_a_backup_is_whole_however_much_is_written_meanwhile(database: Database, tmp_path: Path) -> None:
    overseas = Overseas(database, "tokyo")
    stop = threading.Event()

    def write() -> None:
        each = 0
        while not stop.is_set():
            ask(database, overseas, f"r{(each := each + 1)}")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for each in range(5):
            backup(database.path, tmp_path / f"copy{each}")
    finally:
        stop.set()
        writer.join()
    for each in range(5):
        with read_only(tmp_path / f"copy{each}") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            requests, received = (
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("request", "inbox")
            )
            assert requests == received
    assert (tmp_path / "copy0").stat().st_mode & 0o077 == 0


def test_a_backup_does_not_replace_a_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("letters")
    with pytest.raises(StoreError, match="exists already"):
        backup(database.path, tmp_path / "precious")
    assert (tmp_path / "precious").read_text() == "letters"


def test_a_backup_that_fails_leaves_nothing_half_done(database: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can't be written"):
        backup(database.path, tmp_path / "nowhere" / "copy")
    with pytest.raises(StoreError, match="no store there"):
        backup(tmp_path / "nothing", tmp_path / "copy")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["data"]


async def test_an_overseas_box_that_starts_from_a_backup_dials_nobody_in_it(database: Database, tmp_path: Path) -> None:
    overseas = Overseas(database, "tokyo")
    for name in ("r1", "r2", "r3"):
        ask(database, overseas, name)
    await overseas.claim("x", 200.0)
    claimed = await overseas.claim("y", 200.0)
    assert claimed is not None
    attempt = await overseas.dial_intent(claimed.request, "y", 200.0)
    number = await overseas.confirm_order(claimed.request, attempt, [OrderLine("25", 2)], at=210.0)
    backup(database.path, tmp_path / "copy")
    later = await overseas.confirm_order(claimed.request, attempt, [OrderLine("31", 1)], at=220.0, confirmation=2)

    (tmp_path / "new").mkdir()
    shutil.copy(tmp_path / "copy", tmp_path / "new" / "gateway.db")
    with closing(Database.open(tmp_path / "new" / "gateway.db")) as restored:
        again = Overseas(restored, "tokyo")
        await again.recover(300.0)
        assert await again.claim("x", 9e9) is None
        rows = await restored.read(lambda c: outbox.waiting(c, "tokyo", {2: 0}, 10))
        reports = [message for row in rows if isinstance(message := decode(row.body), CallReport)]
        assert {(each.request, each.outcome) for each in reports} == {
            ("r1", "unknown"),
            ("r2", "order"),
            ("r3", "unknown"),
        }
        ask(restored, again, "r4")
        claimed = await again.claim("x", 300.0)
        assert claimed is not None and claimed.request == "r4"
        attempt = await again.dial_intent("r4", "x", 300.0)
        assert await again.confirm_order("r4", attempt, [OrderLine("1", 1)], at=310.0) not in (number, later)
        await again.recover(400.0)
        assert int((await restored.read(lambda c: c.execute("SELECT value FROM counter").fetchone()))[0]) < 20_000


async def test_what_a_restored_box_has_lost_is_sent_again(database: Database) -> None:
    def post(connection: object) -> None:
        for each, at in enumerate((100.0, 200.0, 300.0)):
            order = Order(f"o{each}", "r1", CUSTOMER, "0016", (), at)
            outbox.post(connection, "tokyo", order, at=at)  # type: ignore[arg-type]
            outbox.settle(connection, [order.id], at=at)  # type: ignore[arg-type]
        sound = Recording("s1", "r1", CUSTOMER, "question", 300.0, 0, 1, b"x" * 4096)
        outbox.post(connection, "tokyo", sound, at=300.0)  # type: ignore[arg-type]
        outbox.settle(connection, ["s1"], at=300.0)  # type: ignore[arg-type]

    await database.write(post)
    done = CliRunner().invoke(
        command, ["resend", "--since", "1970-01-01T00:02:30+00:00", "--store", str(database.path)]
    )
    assert done.output == "2 messages will be sent again\n"
    rows = await database.read(lambda c: outbox.waiting(c, "tokyo", dict.fromkeys(range(4), 4), 10))
    assert [(row.id, decode(row.body).id) for row in rows] == [("o1", "o1"), ("o2", "o2")]


async def test_a_request_that_is_done_with_is_not_sent_again(database: Database) -> None:
    shop = Domestic(database, "boise")
    served, open_one = [
        (await shop.accept(PhoneNumber(number), line="a", called="", language="ja", at=100.0)).request
        for number in (CUSTOMER, "+819012345679")
    ]
    for request in (served, open_one):
        await shop.release(request)
    await database.write(lambda c: outbox.settle(c, [served, open_one], at=200.0))
    report = CallReport("c1", served, 1, "order", True, 201.0, 202.0, 60.0)
    await database.write(lambda c: inbox.take(c, "boise", 1, report, at=203.0, effect=shop.effect))
    assert await database.write(lambda c: outbox.resend(c, 150.0)) == 1
    assert [row.id for row in await database.read(lambda c: outbox.waiting(c, "boise", {0: 0}, 10))] == [open_one]


@pytest.mark.parametrize(("others", "left"), [((), ["sent"]), (("reno",), [])])
async def test_a_shop_put_back_asks_nobody_for_what_may_have_been_served_since(
    database: Database, tmp_path: Path, others: tuple[str, ...], left: list[str]
) -> None:
    shop = Domestic(database, "boise", others)
    names = {}
    for name, number in (("sent", CUSTOMER), ("held", "+819012345679")):
        accepted = await shop.accept(PhoneNumber(number), line="a", called="", language="ja", at=100.0)
        names[accepted.request] = name
        if name == "sent":
            await shop.release(accepted.request)
    copy = tmp_path / "back" / "gateway.db"
    copy.parent.mkdir()
    backup(database.path, copy)
    with closing(Database.open(copy)) as restored:
        again = Domestic(restored, "boise", others)
        assert await again.recover(500.0) == 2 - len(left)
        assert await again.release_held("a") == 0
        assert [names[each.request] for each in await again.open_requests()] == left
        assert await again.recover(600.0) == 0, "once is enough"
    assert await shop.recover(700.0) == 0, "this store is no copy"


def test_a_moment_that_is_none_is_named(database: Database) -> None:
    done = CliRunner().invoke(command, ["resend", "--since", "yesterday", "--store", str(database.path)])
    assert isinstance(done.exception, GatewayError) and "yesterday" in str(done.exception)


def test_a_store_is_backed_up_and_checked_from_the_command_line(database: Database, tmp_path: Path) -> None:
    done = CliRunner().invoke(command, ["backup", str(tmp_path / "copy"), "--store", str(database.path)])
    assert "bytes, checked" in done.output
    assert "sound" in CliRunner().invoke(command, ["check", "--store", str(tmp_path / "copy")]).output


def test_a_damaged_store_is_found_by_the_check(database: Database, tmp_path: Path) -> None:
    backup(database.path, tmp_path / "copy")
    data = bytearray((tmp_path / "copy").read_bytes())
    data[2 * 4096 : 3 * 4096] = bytes(4096)
    (tmp_path / "copy").write_bytes(data)
    done = CliRunner().invoke(command, ["check", "--store", str(tmp_path / "copy")])
    assert isinstance(done.exception, StoreError) and "damaged" in str(done.exception)
