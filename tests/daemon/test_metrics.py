"""What a box tells Prometheus, asked for as Prometheus asks, and read as Prometheus reads."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

import msgspec
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway import clock
from gateway.daemon import box
from gateway.daemon.metrics import telling
from gateway.daemon.supervise import Supervisor
from gateway.line import LineLost
from gateway.link.keys import KeyFolder
from gateway.link.peer import Peer
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings, MetricsSettings, Settings, load
from gateway.store import alarms, bounds
from gateway.store.database import Database
from gateway.store.journal import Domestic

CUSTOMER = PhoneNumber("+819012345678")
BOX = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "p"
model = "usr5637"
number = "+81612345678"
[[line]]
name = "b"
port = "q"
model = "usr5637"
number = "+81612345679"
[policy]
regions = ["JP"]
spend_day = 5000
[link]
peer = "seattle"
line_routes = ["us-voip"]
[[link.route]]
name = "n"
bind = "tcp://127.0.0.1:*"
"""

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def settings_in(folder: Path) -> Settings:
    (folder / "gateway.toml").write_text(BOX, encoding="utf-8")
    settings = load(folder / "gateway.toml")
    KeyFolder(settings.keys).new()
    return settings


FIRST = SimpleNamespace(in_call=False, heard_at=0.0)


@asynccontextmanager
async def one_line(line: LineSettings) -> AsyncIterator[Any]:
    """The first line opens; the second is not there."""
    if line.name == "b":
        raise LineLost('line "b": no such port')
    yield FIRST


async def serve(line: Any, settings: LineSettings) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def a_box(folder: Path) -> AsyncIterator[tuple[Domestic, str]]:
    """A box with its store, link and lines at work; the address of its figures."""
    settings = settings_in(folder)
    with contextlib.closing(Database.open(settings.store)) as database:
        journal = Domestic(database, "seattle")
        peer = Peer(settings, database, journal.effect, lambda message: None)
        await peer.start()
        supervisor = Supervisor(settings.lines, one_line, serve)
        ready = asyncio.Event()
        lines = asyncio.create_task(supervisor.run(ready.set))
        try:
            await ready.wait()
            async with telling(settings, "127.0.0.1:0", database, supervisor, [peer]) as address:
                yield journal, address
        finally:
            lines.cancel()
            await asyncio.gather(lines, return_exceptions=True)
            await peer.stop()


THREADS = ThreadPoolExecutor(1)


def get(url: str) -> str:
    with urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        return str(answer.read(), "utf-8")


async def scrape(address: str) -> tuple[str, Values]:
    """The text, and its samples by name and labels."""
    text = await clock.outside(THREADS.submit(get, f"http://{address}/metrics"))
    return text, {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(values: Values, name: str, **labels: str) -> float:
    return values[name, tuple(sorted(labels.items()))]


async def test_lines_are_told_with_what_was_done_to_have_them_back(tmp_path: Path) -> None:
    async with a_box(tmp_path) as (_, address):
        _, values = await scrape(address)
        assert of(values, "gateway_line_in_call", line="a") == 0
        FIRST.in_call = True
        _, values = await scrape(address)
        FIRST.in_call = False
    assert of(values, "gateway_line_serving", line="a") == 1
    assert of(values, "gateway_line_in_call", line="a") == 1
    assert of(values, "gateway_line_serving", line="b") == 0
    assert of(values, "gateway_line_in_call", line="b") == 0
    assert of(values, "gateway_line_losses_total", line="b") >= 1
    assert of(values, "gateway_line_recovery_steps_total", line="b", step="reopen") >= 1


async def test_calls_requests_orders_and_money_are_told_as_the_store_has_them(tmp_path: Path) -> None:
    async with a_box(tmp_path) as (journal, address):
        now = clock.wall_clock()
        await journal.accept(CUSTOMER, line="a", called="", language="ja", at=now - 90)
        await journal.record_refused(line="a", caller=CUSTOMER, reason="region: not ours", at=now)
        await journal.database.write(lambda c: alarms.keep(c, now, "sequential", "five"))
        await journal.database.write(lambda c: bounds.book(c, "r", 0, at=now, day="2027-01-15", worst=1_500_000))
        text, values = await scrape(address)
    assert of(values, "gateway_calls_total", line="a", result="accepted") == 1
    assert of(values, "gateway_refusals_total", reason="region") == 1
    assert of(values, "gateway_requests_waiting") == 1
    assert of(values, "gateway_oldest_request_seconds") == pytest.approx(90, abs=5)
    assert of(values, "gateway_orders_total") == 0
    assert of(values, "gateway_spend", period="day", currency="JPY") == 1.5
    assert of(values, "gateway_spend_cap", period="day", currency="JPY") == 5000
    assert of(values, "gateway_alarms_total", kind="sequential") == 1
    assert CUSTOMER.e164[-8:] not in text, "no number is among the figures"


async def test_the_link_is_told_route_by_route(tmp_path: Path) -> None:
    async with a_box(tmp_path) as (journal, address):
        accepted = await journal.accept(CUSTOMER, line="a", called="", language="ja", at=clock.wall_clock())
        await journal.release(accepted.request)
        await clock.outside(THREADS.submit(time.sleep, 1.1))  # the link's thread counts its queue once a second
        _, values = await scrape(address)
    states = {
        s: of(values, "gateway_link_route_state", peer="seattle", route="n", state=s) for s in ("up", "suspect", "down")
    }
    assert states == {"up": 0, "suspect": 0, "down": 1}
    assert of(values, "gateway_link_queue", peer="seattle") == 1
    assert of(values, "gateway_link_silent_seconds", peer="seattle") >= 0
    assert of(values, "gateway_link_dropped_total", peer="seattle", reason="malformed") == 0


async def test_the_box_says_who_it_is_how_much_room_it_has_and_whether_it_was_stopped(tmp_path: Path) -> None:
    async with a_box(tmp_path) as (journal, address):
        _, values = await scrape(address)
        assert of(values, "gateway_dialling_stopped") == 0
        journal.database.path.with_name("stop").touch()
        _, values = await scrape(address)
    (labels,) = [dict(labels) for name, labels in values if name == "gateway_box"]
    assert (labels["name"], labels["role"]) == ("osaka", "domestic")
    assert of(values, "gateway_disk_free_bytes") > 0
    assert of(values, "gateway_dialling_stopped") == 1
    assert of(values, "process_resident_memory_bytes") > 0


@pytest.mark.parametrize("listen", ["127.0.0.1:0", None])
async def test_a_daemon_tells_its_figures_where_the_settings_say_and_nowhere_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, listen: str | None
) -> None:
    caplog.set_level("INFO")
    settings = msgspec.structs.replace(settings_in(tmp_path), metrics=MetricsSettings(listen=listen))
    monkeypatch.setattr(box, "open_line", one_line)
    with contextlib.closing(Database.open(settings.store)) as database:
        daemon = asyncio.create_task(box.serve_lines(settings, serve, [], database))
        try:
            while "is ready" not in caplog.text:
                await asyncio.sleep(0.1)
            address = re.search(r"http://([\d.:]+)/metrics", caplog.text)
            assert (address is not None) is (listen is not None)
            if address is not None:
                _, values = await scrape(address[1])
                assert of(values, "gateway_line_serving", line="a") == 1
        finally:
            daemon.cancel()
            await asyncio.gather(daemon, return_exceptions=True)


async def test_every_figure_of_the_document_is_told_and_every_figure_told_is_in_the_document(tmp_path: Path) -> None:
    document = (Path(__file__).parent.parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
    listed = {row.split("`")[1].partition("{")[0] for row in document.splitlines() if row.startswith("| `gateway_")}
    async with a_box(tmp_path) as (_, address):
        text, _ = await scrape(address)
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE gateway_")}
    assert told == listed
