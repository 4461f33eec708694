"""The overseas journal: every dialling is on disk before it happens, and nobody is called twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import StoreError
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallReport, CallRequest, Message, Order, OrderLine, Recording, decode
from gateway.store import bounds, inbox, journal, outbox
from gateway.store.database import Database
from gateway.store.journal import Claimed, Overseas
from gateway.store.order_numbers import check_digit, order_number
from gateway.store.overseas import CHUNK, CLOCK_SET_BACK

CUSTOMER = PhoneNumber("+819012345678")


@pytest.fixture
def overseas(database: Database) -> Overseas:
    return Overseas(database, "tokyo")


async def ask(overseas: Overseas, name: str = "r1", *, at: float = 1000.0, number: str = CUSTOMER.e164) -> None:
    request = CallRequest(name, number, at - 5, "+81355501234", "ja")
    await overseas.database.write(lambda c: inbox.take(c, "tokyo", 1, request, at=at, effect=overseas.effect))


async def sent(overseas: Overseas) -> list[Message]:
    rows = await overseas.database.read(lambda c: outbox.waiting(c, "tokyo", dict.fromkeys(range(4), 0), 100))
    return [decode(row.body) for row in rows]


async def dial(overseas: Overseas, name: str = "r1", *, at: float = 1001.0) -> int:
    claimed = await overseas.claim("x", at)
    assert claimed is not None and claimed.request == name
    return await overseas.dial_intent(name, "x", at)


async def state(overseas: Overseas) -> tuple[str | None, str | None]:
    (row,) = await overseas.database.read(journal.calls)
    return row.state, row.outcome


async def test_a_request_is_claimed_by_one_line_only(overseas: Overseas) -> None:
    await ask(overseas)
    assert await overseas.claim("x", 1000.0) == Claimed("r1", CUSTOMER, "+81355501234", "ja", 995.0, ())
    assert await overseas.claim("y", 1000.0) is None
    with pytest.raises(StoreError, match="must not be dialled"):
        await overseas.dial_intent("r1", "y", 1001.0)


async def test_the_longest_due_is_served_first(overseas: Overseas) -> None:
    await ask(overseas, "r2", at=1002.0)
    await ask(overseas, "r1", at=1001.0)
    claims = [await overseas.claim(line, 1003.0) for line in "xyz"]
    assert [claim and claim.request for claim in claims] == ["r1", "r2", None]


async def test_a_claim_that_was_given_back_is_due_again(overseas: Overseas) -> None:
    await ask(overseas)
    await overseas.claim("x", 1000.0)
    await overseas.unclaim("r1")
    claimed = await overseas.claim("y", 1000.0)
    assert claimed is not None and claimed.request == "r1"


async def test_an_attempt_that_failed_is_reported_and_due_again_at_its_time(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    assert not await overseas.attempt_ended("r1", attempt, outcome="busy", at=1010.0, next_at=1070.0)
    (report,) = await sent(overseas)
    assert isinstance(report, CallReport)
    assert (report.request, report.attempt, report.outcome, report.final) == ("r1", 1, "busy", False)
    assert (report.dialled_at, report.ended_at) == (1001.0, 1010.0)
    assert await overseas.next_due() == 1070.0
    assert await overseas.claim("x", 1069.0) is None
    claimed = await overseas.claim("x", 1070.0)
    assert claimed is not None and claimed.outcomes == ("busy",)
    assert await overseas.dial_intent("r1", "x", 1070.0) == 2


async def test_a_last_attempt_closes_the_request(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    assert await overseas.attempt_ended("r1", attempt, outcome="no answer", at=1010.0, next_at=None)
    (report,) = await sent(overseas)
    assert isinstance(report, CallReport) and report.final
    assert await state(overseas) == ("closed", "no answer")
    assert await overseas.next_due() is None


async def test_a_request_is_never_dialled_again_once_a_person_answered(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    await overseas.answered("r1", attempt, 1005.0)
    assert await overseas.attempt_ended("r1", attempt, outcome="network", at=1010.0, next_at=1020.0)
    assert await overseas.claim("x", 2000.0) is None


async def test_an_attempt_ends_once(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    await overseas.attempt_ended("r1", attempt, outcome="busy", at=1010.0, next_at=None)
    with pytest.raises(StoreError, match="not under way"):
        await overseas.attempt_ended("r1", attempt, outcome="busy", at=1011.0, next_at=1020.0)
    assert len(await sent(overseas)) == 1


async def test_after_a_crash_a_dialled_attempt_is_unknown_and_never_dialled_again(overseas: Overseas) -> None:
    await ask(overseas)
    await dial(overseas)
    assert await overseas.recover(1100.0) == 1
    (report,) = await sent(overseas)
    assert isinstance(report, CallReport)
    assert (report.outcome, report.final, report.attempt) == ("unknown", True, 1)
    assert await overseas.claim("x", 9e9) is None
    assert await overseas.recover(1200.0) == 0


async def test_after_a_crash_an_attempt_with_an_order_is_reported_as_that(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    await overseas.confirm_order("r1", attempt, [OrderLine("25", 2)], at=1050.0)
    await overseas.recover(1100.0)
    assert [(each.outcome, each.final) for each in await sent(overseas) if isinstance(each, CallReport)] == [
        ("order", True)
    ]


async def test_after_a_crash_what_was_only_claimed_is_due_again(overseas: Overseas) -> None:
    await ask(overseas)
    await overseas.claim("x", 1000.0)
    assert await overseas.recover(1100.0) == 0
    assert await overseas.claim("y", 1100.0) is not None
    assert await sent(overseas) == []


async def test_a_request_that_is_not_dialled_at_all_is_reported_as_attempt_0(overseas: Overseas) -> None:
    await ask(overseas)
    await overseas.claim("x", 1000.0)
    await overseas.close("r1", outcome="refused", at=1001.0, detail="region: not served")
    (report,) = await sent(overseas)
    assert isinstance(report, CallReport)
    assert (report.attempt, report.outcome, report.final, report.detail) == (0, "refused", True, "region: not served")
    (row,) = await overseas.database.read(journal.calls)
    assert (row.state, row.outcome, row.attempts, row.detail) == ("closed", "refused", 0, "region: not served")


@pytest.mark.parametrize("number", ["0901234;ATZ", "", "+", "+999123456789", "+81" + "9" * 40, "\x00"])
async def test_a_request_for_no_telephone_number_is_refused_and_never_due(overseas: Overseas, number: str) -> None:
    await ask(overseas, number=number)
    assert await overseas.claim("x", 9e9) is None
    (report,) = await sent(overseas)
    assert isinstance(report, CallReport) and report.outcome == "refused"
    assert [row.number for row in await overseas.database.read(journal.calls)] == [None]


async def test_a_request_that_comes_twice_is_one_request(overseas: Overseas) -> None:
    await ask(overseas)
    await ask(overseas)
    assert await overseas.claim("x", 1000.0) is not None
    assert await overseas.claim("y", 1000.0) is None


async def test_a_clock_set_back_does_not_put_off_anybody(overseas: Overseas) -> None:
    await ask(overseas, at=100_000.0)
    assert await overseas.claim("x", 100_000.0 - CLOCK_SET_BACK + 1) is None
    assert await overseas.claim("x", 100_000.0 - CLOCK_SET_BACK - 1) is not None


async def test_an_order_is_on_disk_and_on_its_way_with_a_short_number(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    lines = (OrderLine("25", 2), OrderLine("31", 1))
    number = await overseas.confirm_order("r1", attempt, lines, at=1050.0)
    (order,) = await sent(overseas)
    assert isinstance(order, Order)
    assert (order.request, order.number, order.order_number, order.lines) == ("r1", CUSTOMER.e164, number, lines)
    assert number.isdigit() and len(number) == 4


async def test_confirming_the_same_order_again_gives_the_same_number_and_no_second_order(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    lines = [OrderLine("25", 2)]
    first = await overseas.confirm_order("r1", attempt, lines, at=1050.0)
    assert await overseas.confirm_order("r1", attempt, lines, at=1051.0) == first
    second = await overseas.confirm_order("r1", attempt, lines, at=1060.0, confirmation=2)
    assert second != first
    assert len(await sent(overseas)) == 2


async def test_the_shop_has_an_order_only_once_it_acknowledged_it(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    number = await overseas.confirm_order("r1", attempt, [OrderLine("25", 2)], at=1050.0)
    assert not await overseas.order_acknowledged(number)
    (order,) = await sent(overseas)
    await overseas.database.write(lambda c: outbox.settle(c, [order.id], at=1051.0))
    assert await overseas.order_acknowledged(number)
    assert not await overseas.order_acknowledged("999")


async def test_a_recording_travels_in_chunks_behind_everything_else(overseas: Overseas) -> None:
    await ask(overseas)
    attempt = await dial(overseas)
    sound = bytes(range(256)) * 64
    await overseas.add_recording("r1", subject="question", sound=sound, at=1040.0)
    await overseas.attempt_ended("r1", attempt, outcome="message", at=1050.0, next_at=None)
    report, *parts = await sent(overseas)
    assert isinstance(report, CallReport)
    assert all(isinstance(part, Recording) and len(part.sound) <= CHUNK for part in parts)
    assert [(part.chunk, part.chunks) for part in parts] == [(each, len(parts)) for each in range(len(parts))]
    assert b"".join(part.sound for part in parts) == sound
    assert len({part.id for part in parts}) == len(parts)


async def test_a_number_counts_once_for_each_request_that_was_dialled_however_often(overseas: Overseas) -> None:
    for each in range(2):
        await ask(overseas, f"r{each}", at=1000.0 + each)
    for at in (1000.5, 1001.5):
        attempt = await dial(overseas, "r0", at=at)
        await overseas.attempt_ended("r0", attempt, outcome="busy", at=at, next_at=1000.5)
    counted = await overseas.database.read(lambda connection: bounds.history(connection, CUSTOMER, 1030.0))
    assert (counted.number_hour, counted.waiting) == (1, 2)


async def test_an_order_breaks_the_role(overseas: Overseas) -> None:
    with pytest.raises(ValueError, match="call requests only"):
        await overseas.database.write(
            lambda c: overseas.effect(c, Order("o", "r", CUSTOMER.e164, "0016", (), 1.0), 1.0)
        )


@given(st.integers(1, 10**6), st.data())
def test_one_wrong_digit_in_an_order_number_is_noticed(running: int, data: st.DataObject) -> None:
    number = order_number(running)
    position = data.draw(st.integers(0, len(number) - 1))
    digit = data.draw(st.sampled_from([each for each in "0123456789" if each != number[position]]))
    wrong = number[:position] + digit + number[position + 1 :]
    assert wrong != order_number(int(wrong[:-1]))


def test_the_check_digit_is_the_standards() -> None:
    assert check_digit("0794") == "5"  # ISO/IEC 7064's own example for MOD 11,10
