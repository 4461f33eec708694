"""``gateway tariff``, ``policy`` and ``report`` as a technician uses them."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.calls.least_cost import CostBook
from gateway.calls.pricing import priced
from gateway.calls.tariff_folder import TariffFolder
from gateway.cli.main import cli
from gateway.errors import GatewayError
from gateway.numbers import PhoneNumber
from gateway.settings import load
from gateway.store import ledger
from gateway.store.database import Database
from gateway.store.ledger import EndedAttempt

NOON = 1_793_674_800.0  # Tuesday 2026-11-03, 12:00 in Tokyo
DOMESTIC = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81355500001"
route = "jp-fixed"
[[line]]
name = "free"
port = "/dev/gateway/b"
model = "usr5637"
number = "+81120500001"
route = "jp-fixed"
incoming = "jp-freephone"
[policy]
regions = ["JP"]
quiet = "21:00-08:00"
spend_day = 5000
[link]
peer = "seattle"
line_routes = ["us-voip"]
[[link.route]]
name = "n"
connect = "tcp://127.0.0.1:1"
"""
OVERSEAS = """
role = "overseas"
name = "seattle"
data = "data"
country = "US"
[[line]]
name = "u"
port = "/dev/gateway/u"
model = "usr5637"
number = "+12065550100"
country = "US"
route = "us-voip"
[tariff]
currency = "USD"
[policy]
regions = ["JP"]
[link]
peer = "osaka"
[[link.route]]
name = "n"
connect = "tcp://127.0.0.1:1"
"""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    exit_code: int
    output: str


Gateway = Callable[..., Said]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(DOMESTIC, encoding="utf-8")
    return path


@pytest.fixture
def gateway(box: Path) -> Gateway:
    """Runs a command on the box; a ``GatewayError`` becomes exit code 1 and one line, as in ``main``."""

    def run(*arguments: str) -> Said:
        result = CliRunner().invoke(cli, [*arguments, "--settings", str(box)])
        if isinstance(result.exception, GatewayError):
            return Said(1, str(result.exception))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Said(result.exit_code, result.output)

    gateway_run: Gateway = run
    assert gateway_run("tariff", "import", "sample", "--from", "2026-11-01").exit_code == 0
    assert gateway_run("tariff", "exchange", "sample-exchange").exit_code == 0
    return gateway_run


def fill(box: Path) -> None:
    """Three calls of two days into the ledger: one that paid, one that didn't, one without a price."""
    settings = load(box)
    book = CostBook(settings, TariffFolder(Path(settings.data)).load(NOON))
    mobile, fixed, abroad = map(PhoneNumber, ("+819012345678", "+81312345678", "+8801812345678"))
    rows = [
        EndedAttempt("r1", 1, mobile, None, NOON, NOON + 80, "order", 62.5, True, True, (("a", 4.6),)),
        EndedAttempt("r2", 1, fixed, None, NOON + 86400, NOON + 86480, "talked", 6.0, True, True, (("free", 4.6),)),
        EndedAttempt("r3", 1, abroad, None, NOON + 86400, NOON + 86480, "busy", 0.0, True, True, (("free", 4.6),)),
    ]
    database = Database.open(settings.store)
    for row in rows:
        entry = priced(book, row)
        database.write_blocking(lambda connection, e=entry: ledger.keep(connection, e))
    database.close()


def test_a_quote_shows_every_way_and_the_cheapest_first(gateway: Gateway) -> None:
    said = json.loads(
        gateway("tariff", "quote", "090-1234-5678", "--duration", "62.5", "--at", "2026-11-03T12:00", "--json").output
    )
    ways = [(way["way"], way["route"], way["total"]) for way in said["ways"]]
    assert ways == [
        ("call back", "us-voip", "11.880000"),
        ("call back", "us-voip", "21.880000"),
        ("inbound", "jp-freephone", "30.000000"),
        ("direct", "jp-fixed", "32.000000"),
    ]
    assert said["ways"][0]["legs"][0]["exchange"] == "1 USD = 150 JPY (2026-11-01)"
    table = gateway("tariff", "quote", "090-1234-5678", "--at", "2026-11-03").output
    assert "seattle" in table, "the box that would call back"
    assert "+81*****5678" in table and "12345678" not in table


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tariff", "quote", "110"), '"110": not a valid number'),
        (("tariff", "quote", "09012345678", "--duration", "long"), '--duration: "long" must be seconds'),
        (("tariff", "quote", "09012345678", "--at", "noon"), '"noon" is no date or time'),
        (("tariff", "quote", "+8801812345678"), "refused, never free"),
        (("tariff", "import", "nowhere.csv"), "nowhere.csv: no such file"),
        (("tariff", "import", "sample", "--zone", "Mars"), '--zone: "Mars" is no time zone'),
        (("policy", "test", "09012345678", "--from", "paris"), 'there is no box "paris"'),
        (("report", "savings", "--month", "nov"), '--month: "nov" is no month'),
        (("report", "reconcile", "nowhere.csv"), "nowhere.csv: can't be read"),
    ],
)
def test_a_wrong_word_is_answered_in_one_line(gateway: Gateway, arguments: tuple[str, ...], says: str) -> None:
    result = gateway(*arguments)
    assert result.exit_code == 1
    assert says in result.output


def test_a_decision_is_explained_layer_by_layer(gateway: Gateway) -> None:
    good = gateway("policy", "test", "09012345678", "--at", "2026-11-03T12:00")
    assert good.exit_code == 0
    assert "may be accepted" in good.output
    night = gateway("policy", "test", "09012345678", "--at", "2026-11-03T23:00", "--from", "seattle", "--json")
    assert night.exit_code == 1
    verdict = json.loads(night.output)
    assert (verdict["from"], verdict["allowed"], verdict["refused_by"]) == ("overseas", False, "quiet hours")
    assert {"region", "kind", "spend", "length", "idle menu"} <= {layer["layer"] for layer in verdict["layers"]}
    assert gateway("policy", "test", "119").exit_code == 1


def test_the_panic_stop_is_pulled_and_released_by_hand(gateway: Gateway) -> None:
    assert "stopped" in gateway("policy", "stop", "--reason", "odd calls").output
    refused = json.loads(gateway("policy", "test", "09012345678", "--at", "2026-11-03T12:00", "--json").output)
    assert refused["refused_by"] == "stop"
    assert "odd calls" in json.loads(gateway("policy", "status", "--json").output)["stopped"]
    assert "goes on" in gateway("policy", "resume").output
    assert "was not stopped" in gateway("policy", "resume").output
    assert gateway("policy", "test", "09012345678", "--at", "2026-11-03T12:00").exit_code == 0


def test_the_month_is_told_by_day_country_and_kind_with_what_did_not_pay(gateway: Gateway, box: Path) -> None:
    fill(box)
    said = json.loads(gateway("report", "savings", "--month", "2026-11", "--json").output)
    total = said["total"]
    assert (total["answered"], total["failed"], total["short"], total["unpriced"], total["dearer"]) == (2, 1, 1, 1, 1)
    assert (total["direct"], total["cost"], total["saved"]) == ("41", "22", "19"), "32 + 8.5, 11.88 + 1.35 + 8.5"
    assert said["countries"][-1]["saved"] == "-1"
    assert said["exchange"] == ["1 USD = 150 JPY (2026-11-01)"]
    assert list(said["without_price"].values()) == [1]
    assert "from 1 s" in said["countries"][0]["break_even"]
    rows = list(csv.DictReader(io.StringIO(gateway("report", "savings", "--month", "2026-11", "--csv").output)))
    assert [(row["day"], row["country"], row["kind"]) for row in rows] == [
        ("2026-11-03", "JP", "mobile"), ("2026-11-04", "BD", "mobile"), ("2026-11-04", "JP", "fixed_line")
    ]  # fmt: skip
    table = gateway("report", "savings", "--month", "2026-11").output
    assert "break-even, JP mobile" in table and "-1" in table
    assert "no calls in 2026-10" in gateway("report", "savings", "--month", "2026-10").output


def test_the_picture_is_drawn(gateway: Gateway, box: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    fill(box)
    picture = tmp_path / "savings.png"
    assert gateway("report", "savings", "--month", "2026-11", "--png", str(picture)).exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


async def carried(store: Path) -> None:
    """Four call-backs of an overseas box, a minute apart."""
    from gateway.protocols.messages import CallRequest
    from gateway.store.journal import Overseas

    database = Database.open(store)
    journal = Overseas(database, "osaka")
    for index, talk in enumerate((62.5, 30.0, 118.2, 0.0)):
        at, request = NOON + 60 * index, f"r{index}"
        message = CallRequest(request, f"+8190123456{index:02}", at, "", "ja")
        await database.write(lambda connection, m=message, t=at: journal.effect(connection, m, t))
        await journal.claim("u", at)
        attempt = await journal.dial_intent(request, "u", at)
        await journal.attempt_ended(request, attempt, outcome="order", at=at + 90, next_at=None, talk_seconds=talk)
    database.close()


async def test_a_bill_is_compared_call_by_call(tmp_path: Path) -> None:
    box = tmp_path / "gateway.toml"
    box.write_text(OVERSEAS, encoding="utf-8")
    await carried(tmp_path / "data" / "gateway.db")
    bill = tmp_path / "bill.csv"
    bill.write_text(
        "time,number,seconds,cost,place\n"
        "2026-11-03 12:00:10+09:00,+819012345600,66,0.0792,Japan\n"  # as it should be
        "2026-11-03 12:01:10+09:00,+819012345601,30,0.09,Japan\n"  # dearer than the deck says
        "2026-11-03 12:01:30+09:00,+819012345601,30,0.036,Japan\n"  # a call that we never made
        "2026-11-03 12:02:10+09:00,+819012345602,180,0.216,Japan\n",  # longer than it was
        encoding="utf-8",
    )

    def run(*arguments: str) -> Any:
        result = CliRunner().invoke(cli, [*arguments, "--settings", str(box)])
        if isinstance(result.exception, GatewayError):
            raise result.exception
        return result

    assert run("tariff", "import", "sample", "--from", "2026-11-01").exit_code == 0
    result = run("report", "reconcile", str(bill), "--json")
    assert result.exit_code == 1
    said = json.loads(result.output)
    assert (said["calls"], said["agreed"], said["billed"]) == (4, 1, "0.4212")
    assert [each["difference"] for each in said["differences"]] == [
        "30 s cost 0.0360 USD by the rate deck",
        "only on the bill",
        "180 s on the bill, 118.2 s by our record",
    ]
    assert "+81*****" in said["differences"][0]["number"]
    bill.write_text("time,number,seconds\n", encoding="utf-8")
    with pytest.raises(GatewayError, match='"cost" is not among them'):
        run("report", "reconcile", str(bill))
    bill.write_text("time,number,seconds,cost\nyesterday,+819012345600,66,0.08\n", encoding="utf-8")
    with pytest.raises(GatewayError, match='line 2: time: "yesterday"'):
        run("report", "reconcile", str(bill))
