"""Calls that begin together cannot pass a cap together, a refusal leaves nothing behind, and a crash leaves the worst
case booked.
"""

import asyncio
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from money_lab import DAY, NOON, admission, ask, books, settings

from gateway.numbers import PhoneNumber
from gateway.store import bounds
from gateway.store.bounds import Refused, Spent
from gateway.store.database import Database
from gateway.store.journal import Accepted, Domestic, Overseas

WORST = 813_600
"""Millionths of a dollar: 675 s, charged as 678 by 30/6, at 0.072 a minute."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    store = Database.open(tmp_path / "gateway.db")
    yield store
    store.close()


def customer(index: int) -> PhoneNumber:
    return PhoneNumber(f"+81901234{index:04}")


async def dial(journal: Overseas, gate: Any, index: int, at: float = NOON) -> str:
    box = gate.budget.book().settings if gate.budget else None
    line = box.lines[0] if box else None
    try:
        await journal.dial_intent(f"r{index}", "u", at, gate.dialling(customer(index), line, at))
    except Refused as refused:
        return refused.layer
    return "dialled"


def worst_of(gate: Any) -> int:
    book = gate.budget.book()
    return int(gate.budget.dialling(customer(0), book.settings.lines[0], NOON) * 1_000_000)


async def test_the_worst_case_is_the_longest_call_there_can_be(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("overseas", tmp_path, policy={"spend_day": 5}), tmp_path)
    assert worst_of(gate) == WORST


@pytest.mark.parametrize("allowed", [1, 3, 7])
async def test_calls_that_begin_together_cannot_overspend(tmp_path: Path, database: Database, allowed: int) -> None:
    cap = f"{0.8136 * allowed + 0.8135:.4f}"  # a ten-thousandth short of one more
    gate = admission(settings("overseas", tmp_path, policy={"spend_day": cap}), tmp_path)
    journal = Overseas(database, "osaka")
    for index in range(20):
        await ask(journal, f"r{index}", customer(index).e164)
    outcomes = await asyncio.gather(*(dial(journal, gate, index) for index in range(20)))
    assert sorted(outcomes) == ["dialled"] * allowed + ["spend"] * (20 - allowed)
    kept = await database.read(books)
    assert kept.booked == kept.by_day == WORST * allowed


async def test_a_cap_may_be_reached_to_the_last_coin_and_not_passed_by_one(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("overseas", tmp_path, policy={"spend_day": "1.6272"}), tmp_path)
    journal = Overseas(database, "osaka")
    for index in range(3):
        await ask(journal, f"r{index}", customer(index).e164)
    assert [await dial(journal, gate, index) for index in range(3)] == ["dialled", "dialled", "spend"]
    assert gate.spend_refusal(Decimal(0), Spent(2 * WORST, 0)) is None
    assert gate.spend_refusal(Decimal("0.000001"), Spent(2 * WORST, 0)) is not None


async def test_what_a_call_cost_takes_the_place_of_its_worst_case(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("overseas", tmp_path, policy={"spend_day": 1}), tmp_path)
    journal = Overseas(database, "osaka")
    for index in range(3):
        await ask(journal, f"r{index}", customer(index).e164)
    assert await dial(journal, gate, 0) == "dialled"
    assert await dial(journal, gate, 1) == "spend"
    await database.write(lambda connection: bounds.settle(connection, "r0", 1, 100_000))
    await database.write(lambda connection: bounds.settle(connection, "r0", 1, 900_000))  # settled once
    assert (await database.read(books)).booked == 100_000
    assert await dial(journal, gate, 2) == "dialled"


async def test_a_month_is_capped_over_its_days(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("overseas", tmp_path, policy={"spend_month": 2}), tmp_path)
    journal = Overseas(database, "osaka")
    outcomes = []
    for index, day in enumerate((0, 1, 2, 40)):
        await ask(journal, f"r{index}", customer(index).e164, NOON + day * DAY)
        outcomes.append(await dial(journal, gate, index, NOON + day * DAY))
    assert outcomes == ["dialled", "dialled", "spend", "dialled"]


async def test_a_refused_dialling_leaves_nothing_behind(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("overseas", tmp_path, policy={"spend_day": 0}), tmp_path)
    journal = Overseas(database, "osaka")
    await ask(journal, "r0", customer(0).e164)
    assert await dial(journal, gate, 0) == "spend"

    def look(connection: sqlite3.Connection) -> tuple[Any, ...]:
        state = connection.execute("SELECT state, admitted_at FROM request").fetchone()
        return (*state, connection.execute("SELECT count(*) FROM attempt").fetchone()[0], books(connection).booked)

    assert await database.read(look) == ("claimed", None, 0, 0)


async def test_without_a_price_nobody_is_called_under_a_cap(tmp_path: Path, database: Database) -> None:
    box = settings("overseas", tmp_path, policy={"spend_day": 99, "regions": ["BD"]})
    gate = admission(box, tmp_path)
    journal = Overseas(database, "osaka")
    await ask(journal, "r0", "+8801812345678")
    with pytest.raises(Refused, match="no rate for BD"):
        await journal.dial_intent("r0", "u", NOON, gate.dialling(PhoneNumber("+8801812345678"), box.lines[0], NOON))


async def accept(journal: Domestic, gate: Any, number: PhoneNumber, at: float = NOON, line: int = 0) -> Accepted | str:
    box = gate.budget.book().settings if gate.budget else None
    try:
        return await journal.accept(
            number, line="a", called="", language="ja", at=at,
            admit=gate.caller(number, box and box.lines[line], at),
        )  # fmt: skip
    except Refused as refused:
        return refused.layer


async def test_the_domestic_box_books_a_request_whole_and_a_joining_call_its_guidance(
    tmp_path: Path, database: Database
) -> None:
    gate = admission(settings("domestic", tmp_path, policy={"spend_day": 10_000}), tmp_path)
    journal = Domestic(database, "seattle")
    await accept(journal, gate, customer(0), line=1)
    once = (await database.read(books)).booked
    to_the_cap, ends_at_the_human_check, guidance = 122_040_000, 19_440_000, 10_000_000
    assert once == to_the_cap + 2 * ends_at_the_human_check + guidance
    again = await accept(journal, gate, customer(0), NOON + 5, line=1)
    assert isinstance(again, Accepted) and again.joined
    assert (await database.read(books)).booked == once + 10_000_000


async def test_a_caller_beyond_the_cap_is_not_accepted_and_not_kept(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("domestic", tmp_path, policy={"spend_day": 300}), tmp_path)
    journal = Domestic(database, "seattle")
    outcomes = await asyncio.gather(*(accept(journal, gate, customer(index)) for index in range(8)))
    assert sorted(str(each) for each in outcomes if not isinstance(each, Accepted)) == ["spend"] * 7
    assert len(await journal.open_requests()) == 1
    assert await database.read(lambda connection: connection.execute("SELECT count(*) FROM outbox").fetchone()) == (1,)


@pytest.mark.parametrize(
    ("rules", "admitted", "layer"),
    [
        ({"per_prefix_hour": 3}, 3, "block an hour"),
        ({"all_hour": 4}, 4, "everybody an hour"),
        ({"first_contacts_day": 2}, 2, "first contacts"),
        ({"max_waiting": 5}, 5, "customers waiting"),
    ],
)
async def test_callers_that_come_together_cannot_pass_a_limit(
    tmp_path: Path, database: Database, rules: dict[str, int], admitted: int, layer: str
) -> None:
    gate = admission(settings("domestic", tmp_path, policy=rules), tmp_path)
    journal = Domestic(database, "seattle")
    outcomes = await asyncio.gather(*(accept(journal, gate, customer(index)) for index in range(12)))
    refused = [each for each in outcomes if not isinstance(each, Accepted)]
    assert refused == [layer] * (12 - admitted)


async def test_a_customer_who_has_been_served_is_no_first_contact(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("domestic", tmp_path, policy={"first_contacts_day": 1}), tmp_path)
    journal = Domestic(database, "seattle")
    served = await accept(journal, gate, customer(0))
    assert isinstance(served, Accepted)
    await database.write(
        lambda connection: connection.execute("UPDATE request SET state = 'closed', outcome = 'order', closed_at = 1")
    )
    assert await accept(journal, gate, customer(1), NOON + 60) == "first contacts"
    assert isinstance(await accept(journal, gate, customer(0), NOON + 60), Accepted)


async def test_a_number_is_counted_over_the_hour_and_the_day(tmp_path: Path, database: Database) -> None:
    gate = admission(settings("domestic", tmp_path), tmp_path)
    journal = Domestic(database, "seattle")
    outcomes = []
    for hours in (0, 0.5, 0.9, 1.6, 3, 5, 7, 24.5):
        accepted = await accept(journal, gate, customer(0), NOON + hours * 3600)
        outcomes.append(accepted if isinstance(accepted, str) else "accepted")
        await database.write(
            lambda connection: connection.execute(
                "UPDATE request SET state = 'closed', outcome = 'talked', closed_at = 1 WHERE state <> 'closed'"
            )
        )
    assert outcomes == [
        "accepted", "accepted", "number an hour", "accepted", "accepted", "accepted", "number a day", "accepted"
    ]  # fmt: skip


BOOKER = """
import sys
from pathlib import Path
from gateway.store import bounds
from gateway.store.database import Database
database = Database.open(Path(sys.argv[1]))
print("open", flush=True)
def begin(name):
    def work(connection):
        if bounds.spent(connection, "2026-11-03").day + 7 <= 7000:
            bounds.book(connection, name, 1, at=1.0, day="2026-11-03", worst=7)
    return work
for index in range(100000):
    futures = [database.submit(begin(f"{index}-{part}")) for part in range(4)]
    database.write_blocking(lambda connection: bounds.settle(connection, f"{index - 1}-0", 1, 3))
    for future in futures: future.result()
"""


def test_no_booking_is_lost_or_doubled_when_the_box_is_killed_again_and_again(tmp_path: Path) -> None:
    store = tmp_path / "gateway.db"
    totals = []
    for kill in range(6):
        box = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(BOOKER), str(store)], stdout=subprocess.PIPE, text=True
        )
        assert box.stdout is not None
        assert box.stdout.readline() == "open\n"
        time.sleep(0.02 + 0.03 * kill)
        box.kill()
        box.wait()
        with sqlite3.connect(store) as connection:
            kept = books(connection)
        connection.close()
        assert kept.booked == kept.by_day <= 7000
        totals.append(kept.booked)
    assert totals == sorted(totals) and totals[-1] > totals[0] > 0
