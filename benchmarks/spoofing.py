"""A day and a half of forged caller IDs against both boxes' real screening, policy, stores and ledger.

Callers, the telephone network and the carrier are simulated; the carrier keeps its own bill, in exact fractions, from
its own prices. The boxes run no modems: a call is accepted, handed over, claimed, dialled and ended through the same
functions and transactions as in a daemon, at simulated times.
"""

import heapq
import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from gateway.calls.admission import Admission
from gateway.calls.alarms import Alarm, Alarms
from gateway.calls.budget import Budget
from gateway.calls.callback import next_attempt
from gateway.calls.least_cost import CostBook
from gateway.calls.policy import Policy
from gateway.calls.pricing import Accountant
from gateway.calls.screening import Screening
from gateway.calls.tariff_folder import SAMPLE_DECK, SAMPLE_EXCHANGE, TariffFolder
from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.messages import CallRequest, Outcome, decode
from gateway.settings import Settings
from gateway.store import outbox
from gateway.store.bounds import Refused
from gateway.store.database import Database
from gateway.store.journal import Claimed, Domestic, Overseas

BEGIN = datetime(2026, 11, 3, 6, 0, tzinfo=ZoneInfo("Asia/Tokyo")).timestamp()
LENGTH = 36 * 3600.0
LINES = 4
FREEPHONE = "+81120500001"

CARRIER: dict[str, tuple[Fraction, int, int]] = {
    # The bill's own prices, USD a minute, first seconds, step; made up, the same as in the sample deck.
    "8150": (Fraction(24, 1000), 30, 6),
    "8170": (Fraction(72, 1000), 30, 6),
    "8180": (Fraction(72, 1000), 30, 6),
    "8190": (Fraction(72, 1000), 30, 6),
    "81": (Fraction(18, 1000), 30, 6),
}
YEN = 150
GUIDANCE = {"8170": 10, "8180": 10, "8190": 10, "81": Fraction(17, 2)}
"""Yen for the 4.6 s of a freephone call."""


@dataclass(frozen=True)
class Caller:
    """One call to the shop. ``talk``: seconds for which the telephone that is called back stays off hook."""

    at: float
    kind: str
    caller: CallerId
    talk: float | None
    honest: bool = False


@dataclass
class Tally:
    """What became of one kind of caller."""

    callers: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    dialled: int = 0
    refused_overseas: Counter[str] = field(default_factory=Counter)
    served: int = 0
    cost: Fraction = Fraction(0)


@dataclass
class Result:
    """A whole run. ``spent``: what the carriers bill a box on its own date; ``most``: the largest sum ever booked."""

    tallies: dict[str, Tally]
    spent: dict[tuple[str, date], Fraction]
    booked: dict[str, int]
    caps: dict[str, Decimal]
    alarms: Counter[str]
    reasonless: int
    problems: list[str]


def box(role: str, folder: Path, rules: dict[str, Any]) -> Settings:
    """A box's settings: four lines overseas, a freephone number and an ordinary one in Japan."""
    domestic = role == "domestic"
    lines = [
        {"name": "shop", "port": "a", "model": "usr5637", "number": "+81355500001", "route": "jp-fixed"},
        {
            "name": "free", "port": "b", "model": "usr5637", "number": FREEPHONE, "route": "jp-fixed",
            "incoming": "jp-freephone",
        },
    ] if domestic else [
        {"name": f"u{n}", "port": f"p{n}", "model": "usr5637", "number": f"+1206555010{n}", "route": "us-voip"}
        for n in range(LINES)
    ]  # fmt: skip
    table = {
        "role": role,
        "name": "osaka" if domestic else "seattle",
        "data": str(folder / role),
        "line": lines,
        "policy": {"regions": ["JP"], **rules},
        "tariff": {} if domestic else {"currency": "USD"},
        "link": {
            "peer": "seattle" if domestic else "osaka",
            "line_routes": ["us-voip"],
            "route": [{"name": "n", "connect": "tcp://127.0.0.1:1"}],
        },
    }
    return msgspec.convert(table, Settings)


class Box:
    """One box without modems and link: its guard and its store."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        folder = TariffFolder(Path(settings.data))
        folder.import_deck(SAMPLE_DECK, zone="Asia/Tokyo", effective=0.0, now=1.0)
        folder.import_exchange(SAMPLE_EXCHANGE, 1.0)
        self.book = CostBook(settings, folder.load(BEGIN))
        self.database = Database.open(settings.store)
        self.raised: list[Alarm] = []
        self.alarms = Alarms(settings.alarm, {"JP"}, self.raised.append)
        self.policy = Policy.of(settings)
        budget = Budget(lambda: self.book) if settings.policy.capped else None
        self.admission = Admission(self.policy, budget, self.alarms)
        self.accountant = Accountant(self.database, lambda: self.book, self.alarms)

    def date(self, at: float) -> date:
        """The box's own."""
        return self.book.day(at)


class Simulation:
    """Events in order of their time; nothing waits for real."""

    def __init__(
        self,
        folder: Path,
        rules: dict[str, dict[str, Any]],
        callers: list[Caller],
        seed: int = 1,
        *,
        hostile: bool = False,
    ) -> None:
        """``hostile``: the domestic box passes forged numbers on without asking anybody."""
        self.shop = Box(box("domestic", folder, rules["domestic"]))
        self.abroad = Box(box("overseas", folder, rules["overseas"]))
        self.domestic = Domestic(self.shop.database, "seattle")
        self.overseas = Overseas(self.abroad.database, "osaka")
        self.screening = Screening(self.shop.settings.guidance, self.shop.policy)
        self.rng = random.Random(seed)
        self.free = [line.name for line in self.abroad.settings.lines]
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.spent: defaultdict[tuple[str, date], Fraction] = defaultdict(Fraction)
        self.asked_by: dict[str, Caller] = {}
        self.reasonless = 0
        self.booked = {"osaka": 0, "seattle": 0}
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[float], Awaitable[None]]]] = []
        for caller in callers:
            planted = hostile and not caller.honest and isinstance(caller.caller, PhoneNumber)
            what = self.plant if planted else self.call
            self.at(caller.at, lambda now, each=caller, what=what: what(each, now))

    def at(self, when: float, what: Callable[[float], Awaitable[None]]) -> None:
        """Have something happen."""
        heapq.heappush(self._events, (when, next(self._order), what))

    async def run(self) -> Result:
        """To the end."""
        try:
            while self._events:
                now, _, what = heapq.heappop(self._events)
                await what(now)
            return await self._result()
        finally:
            self.shop.database.close()
            self.abroad.database.close()

    async def call(self, caller: Caller, now: float) -> None:
        """A call reaches the shop, as ``Intake`` judges it."""
        tally = self.tallies[caller.kind]
        tally.callers += 1
        line = self.shop.settings.lines[0 if caller.honest else 1]
        verdict = self.screening.verdict(caller.caller, now, peer_away=False)
        if verdict.accepted and isinstance(caller.caller, PhoneNumber):
            try:
                accepted = await self.domestic.accept(
                    caller.caller, line=line.name, called=line.number, language="ja", at=now,
                    admit=self.shop.admission.caller(caller.caller, line, now),
                )  # fmt: skip
            except Refused as refused:
                self.shop.admission.noted(caller.caller, now)
                verdict = self.screening.refused(refused)
            else:
                tally.accepted += 1
                await self._accepted(caller, accepted.request, accepted.joined, line.name, now)
                return
        reason = verdict.reason.partition(":")[0]
        self.reasonless += not reason
        tally.refused[reason] += 1

    async def _accepted(self, caller: Caller, request: str, joined: bool, line: str, now: float) -> None:
        number = caller.caller
        assert isinstance(number, PhoneNumber)
        if not joined:
            self.asked_by[request] = caller
            self.shop.admission.noted(number, now)
        await self.domestic.leg_ended(request, off_hook_at=now, on_hook_at=now + 4.6)
        if line == "free":
            price = next(GUIDANCE[number.e164[1 : 1 + n]] for n in (4, 2) if number.e164[1 : 1 + n] in GUIDANCE)
            self.spent["osaka", self.shop.date(now)] += Fraction(price)
        if await self.domestic.release(request):
            await self._hand_over(now)

    async def _hand_over(self, now: float) -> None:
        """The link: what waits in either outbox takes effect at the other box."""
        for database, peer, effect in (
            (self.shop.database, "seattle", self.overseas.effect),
            (self.abroad.database, "osaka", self.domestic.effect),
        ):
            while waiting := await database.read(
                lambda c, peer=peer: outbox.waiting(c, peer, dict.fromkeys(range(4), 0), 100)
            ):
                messages = [decode(each.body) for each in waiting]
                other = self.abroad.database if peer == "seattle" else self.shop.database
                await other.write(lambda c, m=messages, effect=effect: [effect(c, each, now) for each in m])
                ids = [each.id for each in waiting]
                await database.write(lambda c, ids=ids: outbox.settle(c, ids, at=now))
        await self.dial(now)

    async def plant(self, caller: Caller, now: float) -> None:
        """A request that a domestic box in wrong hands sends, whatever its policy says."""
        assert isinstance(caller.caller, PhoneNumber)
        tally = self.tallies[caller.kind]
        tally.callers += 1
        tally.accepted += 1
        request = f"planted-{next(self._order)}"
        self.asked_by[request] = caller
        message = CallRequest(request, caller.caller.e164, now, "", "ja")
        await self.abroad.database.write(lambda c: self.overseas.effect(c, message, now))
        await self.dial(now)

    async def dial(self, now: float) -> None:
        """Every free line takes what is due."""
        while self.free and (claimed := await self.overseas.claim(self.free[0], now)):
            await self._dial(claimed, self.free.pop(0), now)

    async def _dial(self, claimed: Claimed, line: str, now: float) -> None:
        guard = self.abroad
        settings = next(each for each in guard.settings.lines if each.name == line)
        tally = self.tallies[self.asked_by[claimed.request].kind]
        try:
            if now - claimed.accepted_at > guard.settings.retry.expires:
                raise Refused("age", "the request is older than retry.expires")
            if refusal := guard.policy.refusal(claimed.number, now):
                raise refusal
            admit = guard.admission.dialling(claimed.number, settings, now)
            attempt = await self.overseas.dial_intent(claimed.request, line, now, admit)
        except Refused as refused:
            self.reasonless += not refused.reason
            tally.refused_overseas[refused.layer] += 1
            await self.overseas.close(claimed.request, outcome="refused", at=now, detail=str(refused))
            self.free.append(line)
            self.at(now, self._hand_over)
            return
        guard.admission.noted(claimed.number, now)
        tally.dialled += 1
        await self._look_at_bookings()
        self._let_ring(claimed, attempt, line, now)

    def _let_ring(self, claimed: Claimed, attempt: int, line: str, now: float) -> None:
        caller = self.asked_by[claimed.request]
        answered_after = self.rng.uniform(4.0, 30.0)
        if caller.talk is None:
            self.at(now + 65.0, lambda end: self.ended(claimed, attempt, line, "no answer", now, 0.0, end))
            return
        cap = self.abroad.settings.policy.max_call
        talk = min(caller.talk, cap)
        outcome: Outcome = "order" if caller.honest else "left early" if talk < 12 else "talked"
        # The carrier hears the answer before we do, and the end after us.
        billed = Fraction(str(round(talk + self.rng.uniform(0.0, 6.0), 3)))
        self._bill(caller, claimed.number, billed, now)
        when = now + answered_after + talk
        self.at(when, lambda end: self.ended(claimed, attempt, line, outcome, now, talk, end))

    def _bill(self, caller: Caller, number: PhoneNumber, seconds: Fraction, now: float) -> None:
        price, first, step = next(CARRIER[number.e164[1 : 1 + n]] for n in (4, 2) if number.e164[1 : 1 + n] in CARRIER)
        steps = max(0, -((first - seconds) // step))
        cost = price * (first + steps * step) / 60
        self.tallies[caller.kind].cost += cost
        self.spent["seattle", self.abroad.date(now)] += cost
        self.spent["osaka", self.shop.date(self.asked_at(caller))] += cost * YEN

    @staticmethod
    def asked_at(caller: Caller) -> float:
        """The domestic box books a request on the day on which it was accepted."""
        return caller.at

    async def ended(
        self, claimed: Claimed, attempt: int, line: str, outcome: Outcome, dialled: float, talk: float, now: float
    ) -> None:
        """An attempt is over: reports go home, both ledgers are written."""
        retry = self.abroad.settings.retry
        wait = next_attempt(retry, outcome, claimed.outcomes, now - claimed.accepted_at)
        await self.overseas.attempt_ended(
            claimed.request,
            attempt,
            outcome=outcome,
            at=now,
            talk_seconds=talk,
            next_at=None if wait is None else now + wait,
        )
        if wait is not None:
            self.at(now + wait, self.dial)
        for each in (self.abroad, self.shop):
            each.admission.ended(talk, now)
        tally = self.tallies[self.asked_by[claimed.request].kind]
        tally.served += outcome == "order"
        self.free.append(line)
        await self._hand_over(now)
        for each in (self.abroad, self.shop):
            while await each.accountant.price_some():
                pass
        await self._look_at_bookings()

    async def _look_at_bookings(self) -> None:
        for each in (self.shop, self.abroad):
            most = await each.database.read(lambda c: c.execute("SELECT max(spent) FROM spend_day").fetchone()[0] or 0)
            self.booked[each.settings.name] = max(self.booked[each.settings.name], most)

    async def _result(self) -> Result:
        await self._hand_over(BEGIN + 2 * LENGTH)
        caps = {
            each.settings.name: each.settings.policy.spend_day
            for each in (self.shop, self.abroad)
            if each.settings.policy.spend_day is not None
        }
        problems = [
            f"{name} on {day}: {float(spent):.4f} passes the cap of {caps[name]}"
            for (name, day), spent in sorted(self.spent.items())
            if name in caps and spent > Fraction(caps[name])
        ]
        problems += [
            f"{name}: {most} millionths were booked, the cap is {caps[name]}"
            for name, most in self.booked.items()
            if name in caps and most > caps[name] * 1_000_000
        ]
        if self.reasonless:
            problems.append(f"{self.reasonless} refusals have no reason")
        alarms = Counter(alarm.kind for each in (self.shop, self.abroad) for alarm in each.raised)
        return Result(dict(self.tallies), dict(self.spent), self.booked, caps, alarms, self.reasonless, problems)


def withheld(rng: random.Random) -> Withheld:
    """A caller without a number."""
    return Withheld(rng.choice(("P", "O", "C", "?")))
