"""The guard at work beside a box: decks are taken up while it runs, alarms are kept and told, calls priced."""

import asyncio
import json
from pathlib import Path

from gateway import clock
from gateway.calls.alarms import Alarm
from gateway.calls.policy import Policy
from gateway.calls.tariff_folder import SAMPLE_DECK, TariffFolder
from gateway.daemon.guard import guarding
from gateway.daemon.webhook import post
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallRequest
from gateway.settings import Settings, load
from gateway.store import alarms, ledger
from gateway.store.database import Database
from gateway.store.journal import Overseas

BOX = """
role = "overseas"
name = "seattle"
data = "data"
country = "US"
[[line]]
name = "u"
port = "p"
model = "usr5637"
number = "+12065550100"
country = "US"
route = "us-voip"
[tariff]
currency = "USD"
[policy]
regions = ["JP"]
[alarm]
sequential = 3
[link]
peer = "osaka"
[[link.route]]
name = "n"
connect = "tcp://127.0.0.1:1"
"""


def box(folder: Path) -> Settings:
    (folder / "gateway.toml").write_text(BOX, encoding="utf-8")
    return load(folder / "gateway.toml")


async def test_a_deck_imported_while_the_box_runs_prices_the_next_call(tmp_path: Path) -> None:
    settings = box(tmp_path)
    database = Database.open(settings.store)
    journal = Overseas(database, "osaka")
    async with guarding(settings, Policy.of(settings), database) as guard:
        TariffFolder(Path(settings.data)).import_deck(SAMPLE_DECK, zone="Asia/Tokyo", effective=0.0, now=1.0)
        await asyncio.sleep(5)
        now = clock.wall_clock()
        message = CallRequest("r", "+819012345678", now, "", "ja")
        await database.write(lambda connection: journal.effect(connection, message, now))
        await journal.claim("u", now)
        attempt = await journal.dial_intent("r", "u", now)
        await journal.attempt_ended("r", attempt, outcome="order", at=now + 80, next_at=None, talk_seconds=62.5)
        guard.wake()
        await asyncio.sleep(1)
        (row,) = await database.read(lambda connection: ledger.entries(connection, "2000-01-01", "2100-01-01"))
        assert str(row.overseas) == "0.079200"
    database.close()


async def test_an_alarm_is_kept_in_the_store(tmp_path: Path) -> None:
    settings = box(tmp_path)
    database = Database.open(settings.store)
    async with guarding(settings, Policy.of(settings), database) as guard:
        for last in range(3):
            guard.admission.noted(PhoneNumber(f"+81901234567{last}"), clock.wall_clock())
    database.close()
    database = Database.open(settings.store)
    kept = await database.read(alarms.newest)
    regions = await database.read(alarms.regions)
    database.close()
    assert [kind for _, kind, _ in kept] == ["sequential numbers"]
    assert regions == {"JP"}


async def test_an_alarm_is_posted_until_somebody_takes_it() -> None:
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"}"))
        writer.write(b"HTTP/1.1 503 Busy\r\n\r\n" if len(heard) == 1 else b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    asyncio.get_running_loop().hold(+1)  # type: ignore[attr-defined]  # the wire is real
    alarm = Alarm(1.0, "short calls", "five")
    assert await post(f"http://127.0.0.1:{port}/alarm", alarm, "osaka", waits=(0.0, 0.0))
    asyncio.get_running_loop().hold(-1)  # type: ignore[attr-defined]
    server.close()
    head, _, body = heard[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /alarm HTTP/1.1")
    assert json.loads(body) == {"box": "osaka", "at": 1.0, "alarm": "short calls", "says": "five"}


async def test_an_alarm_that_nobody_takes_is_no_error(tmp_path: Path) -> None:
    assert not await post("http://127.0.0.1:1/alarm", Alarm(1.0, "short calls", "five"), "osaka")
