"""Whatever is lost, late or doubled on the way: no call of a customer is ever with two overseas boxes."""

import tempfile
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway import clock
from gateway.numbers import PhoneNumber
from gateway.protocols.messages import CallRequest, Message, OrderLine, decode
from gateway.store import inbox, outbox
from gateway.store.database import Database
from gateway.store.hand_over import Choice
from gateway.store.journal import Domestic, Overseas

T = TypeVar("T")
NUMBERS = [PhoneNumber(f"+81901234000{digit}") for digit in range(3)]
BOXES = ("boise", "reno", "salem")
Call = tuple[str, float]
"""A customer's call that was accepted: his number and when."""


def do(work: Coroutine[Any, Any, T]) -> T:
    return clock.run_virtual(work)


class OneShopThreeBoxes(RuleBasedStateMachine):
    """The shop's store and those of three boxes; the link between them keeps copies, and gives them out as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="hand-over-")
        self.now = 1000.0
        self.shop = Domestic(self.open("shop"), BOXES[0], BOXES[1:], self.rank)
        self.boxes = {name: Overseas(self.open(name), "shop") for name in BOXES}
        self.up = dict.fromkeys(BOXES, True)
        self.best = list(BOXES)
        self.held: list[str] = []
        self.air: dict[str, list[CallRequest]] = defaultdict(list)
        self.dialled: dict[Call, set[str]] = defaultdict(set)
        self.accepted: set[Call] = set()

    def open(self, name: str) -> Database:
        return Database.open(Path(self.folder.name) / name / "gateway.db")

    def rank(self, number: PhoneNumber) -> list[Choice]:
        return [Choice(name, up=self.up[name]) for name in self.best]

    def teardown(self) -> None:
        try:
            self.come_to_rest()
        finally:
            for journal in (self.shop, *self.boxes.values()):
                journal.database.close()
            self.folder.cleanup()

    # --- the shop -------------------------------------------------------------------------------------------------

    @rule(number=st.sampled_from(NUMBERS))
    def call(self, number: PhoneNumber) -> None:
        self.now += 1
        accepted = do(self.shop.accept(number, line="a", called="", language="ja", at=self.now))
        if not accepted.joined:
            self.accepted.add((number.e164, self.now))
        self.held.append(accepted.request)

    @precondition(lambda self: self.held)
    @rule()
    def hang_up(self) -> None:
        do(self.shop.release(self.held.pop(0)))

    @rule()
    def the_shop_dies_and_comes_back(self) -> None:
        self.held.clear()
        do(self.shop.release_held("a"))

    @rule(name=st.sampled_from(BOXES), up=st.booleans())
    def a_box_comes_up_or_goes_down(self, name: str, up: bool) -> None:
        self.up[name] = up

    @rule(order=st.permutations(BOXES))
    def prices_change(self, order: list[str]) -> None:
        self.best = order

    @rule()
    def the_shop_looks_who_waits(self) -> None:
        do(self.shop.release_held())

    # --- the link -------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(BOXES))
    def the_link_sends(self, name: str) -> None:
        if self.up[name]:
            self.air[name] += [each for each in self.waiting(self.shop, name) if isinstance(each, CallRequest)]

    @rule(name=st.sampled_from(BOXES), which=st.integers(0, 9), acknowledged=st.booleans())
    def a_request_arrives(self, name: str, which: int, acknowledged: bool) -> None:
        """Perhaps long after it was sent, perhaps again; its ack may be lost."""
        if not self.air[name]:
            return
        message = self.air[name][which % len(self.air[name])]
        self.take(self.boxes[name], "shop", message)
        if acknowledged:
            do(self.shop.database.write(lambda c: outbox.settle(c, [message.id], at=self.now)))

    @rule(name=st.sampled_from(BOXES), acknowledged=st.booleans())
    def word_comes_from_a_box(self, name: str, acknowledged: bool) -> None:
        box = self.boxes[name]
        for message in self.waiting(box, "shop"):
            self.take(self.shop, name, message)
            if acknowledged:
                do(box.database.write(lambda c, message=message: outbox.settle(c, [message.id], at=self.now)))

    # --- the boxes ------------------------------------------------------------------------------------------------

    @rule(name=st.sampled_from(BOXES), outcome=st.sampled_from(["order", "busy", "crash"]))
    def a_box_dials(self, name: str, outcome: str) -> None:
        box = self.boxes[name]
        self.now += 1
        claimed = do(box.claim("x", self.now))
        if claimed is None:
            return
        attempt = do(box.dial_intent(claimed.request, "x", self.now))
        self.dialled[claimed.number.e164, claimed.accepted_at].add(name)
        if outcome == "crash":
            do(box.recover(self.now))
        elif outcome == "busy":
            do(box.attempt_ended(claimed.request, attempt, outcome="busy", at=self.now, next_at=self.now + 1))
        else:
            do(box.confirm_order(claimed.request, attempt, [OrderLine("25", 1)], at=self.now))
            do(box.attempt_ended(claimed.request, attempt, outcome="order", at=self.now, next_at=None))

    @rule(name=st.sampled_from(BOXES))
    def a_box_has_no_line_for_long(self, name: str) -> None:
        self.now += 1
        do(self.boxes[name].give_back(self.now, self.now))

    # --- what holds -----------------------------------------------------------------------------------------------

    @invariant()
    def no_call_is_with_two_boxes(self) -> None:
        """With one: it has the request open, has dialled it, or may yet receive it."""
        with_box: dict[Call, set[str]] = defaultdict(set)
        for name, box in self.boxes.items():
            rows = "SELECT number, accepted_at FROM request WHERE state <> 'closed'"
            for call in do(box.database.read(lambda c, rows=rows: c.execute(rows).fetchall())):
                with_box[call].add(name)
            known = {row[0] for row in do(box.database.read(lambda c: c.execute("SELECT id FROM inbox").fetchall()))}
            for message in (*self.air[name], *self.waiting(self.shop, name)):
                if isinstance(message, CallRequest) and message.id not in known:
                    with_box[message.number, message.accepted_at].add(name)
        for call, names in self.dialled.items():
            with_box[call] |= names
        assert all(len(names) <= 1 for names in with_box.values()), with_box

    def come_to_rest(self) -> None:
        """All come up, all is delivered: every accepted call was dialled, by one box."""
        self.up = dict.fromkeys(BOXES, True)
        self.the_shop_dies_and_comes_back()
        for _ in range(4):
            self.the_shop_looks_who_waits()
            for name in BOXES:
                self.the_link_sends(name)
                for which in range(len(self.air[name])):
                    self.take(self.boxes[name], "shop", self.air[name][which])
                for _ in range(len(self.accepted)):
                    self.a_box_dials(name, "order")
                self.word_comes_from_a_box(name, acknowledged=True)
        assert do(self.shop.open_requests()) == []
        assert {call for call, names in self.dialled.items() if len(names) == 1} == self.accepted

    def waiting(self, journal: Domestic | Overseas, peer: str) -> list[Message]:
        rows = do(journal.database.read(lambda c: outbox.waiting(c, peer, dict.fromkeys(range(4), 0), 1000)))
        return [decode(row.body) for row in rows]

    def take(self, journal: Domestic | Overseas, sender: str, message: Message) -> None:
        effect = journal.effect_of(sender)
        do(journal.database.write(lambda c: inbox.take(c, sender, 1, message, at=self.now, effect=effect)))


TestHandOver = OneShopThreeBoxes.TestCase
TestHandOver.settings = settings(max_examples=25, stateful_step_count=30)
