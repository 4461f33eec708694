"""Taking one order by keys: article, quantity, read-back, confirmation. Pure; ``menu.py`` gives it keys and silences.

    ARTICLE    digits, then # (or silence, or an article's number as long as any)              → QUANTITY
               * takes the digits back; * without digits goes back to the order so far, or leaves
    QUANTITY   digits, then # (or silence, or as many digits as the largest quantity)          → CONFIRM
               * takes the digits back; * without digits goes back to ARTICLE
    CONFIRM    the whole order is read back, the newest article first
               1 places it, 2 corrects the newest article, 3 adds another, * cancels the newest

A right number that is complete by its length needs no #. One that comes all the same belongs to that number and does
nothing, so keys typed ahead mean the same at any speed. A shorter number waits for # although nothing longer begins
like it, and so does a wrong one: a digit too many must lead to "no such article", not to a wrong quantity.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Literal

from gateway.audio.prompts import COMMA, FULL_STOP, Article, Clip, Digits, Pause, Phrase, Quantity, Yen
from gateway.calls.catalogue import LONGEST_NUMBER, Catalogue
from gateway.calls.menu_nodes import Limits
from gateway.protocols.messages import OrderLine


class _Stage(Enum):
    ARTICLE = auto()
    QUANTITY = auto()
    CONFIRM = auto()


@dataclass(frozen=True)
class Reply:
    """What to say, and what became of the order if it is over."""

    say: Phrase = ()
    end: Literal["", "place", "cancelled", "back", "given up"] = ""


class OrderEntry:
    """One order in the making. ``lines`` is what is confirmed when ``Reply.end`` is "place"."""

    def __init__(self, catalogue: Catalogue, limits: Limits) -> None:
        self._catalogue = catalogue
        self._limits = limits
        self._stage = _Stage.ARTICLE
        self._entry = ""
        self._article = ""
        self._keyed: list[OrderLine] = []
        self._misses = 0
        self._closed_by_length = False

    @property
    def lines(self) -> tuple[OrderLine, ...]:
        """The order so far, one line an article, in the order in which they were first keyed."""
        total: dict[str, int] = {}
        for line in self._keyed:
            total[line.article] = total.get(line.article, 0) + line.quantity
        return tuple(OrderLine(article, quantity) for article, quantity in total.items())

    @property
    def typing(self) -> bool:
        """Whether digits have been keyed that are not yet a number."""
        return bool(self._entry)

    def prompt(self) -> Phrase:
        """What to ask now."""
        match self._stage:
            case _Stage.ARTICLE:
                return (Clip("order_article"),)
            case _Stage.QUANTITY:
                return (Clip("order_quantity"),)
            case _Stage.CONFIRM:
                return (*self._read_back(), Pause(FULL_STOP), Clip("order_confirm"))

    def _read_back(self) -> Phrase:
        """The order, newest article first, and what it costs where the catalogue gives every price."""
        newest = self._keyed[-1].article
        lines = sorted(self.lines, key=lambda line: line.article != newest)
        return read_out(tuple(lines), self._catalogue)

    def press(self, key: str) -> Reply:
        """A key, ``0`` to ``9``, ``*`` or ``#``."""
        closed_by_length, self._closed_by_length = self._closed_by_length, False
        if key == "#" and closed_by_length:
            return Reply(self.prompt())
        if self._stage is _Stage.CONFIRM:
            return self._decide(key)
        if key == "*":
            return self._back()
        if key == "#":
            return self._entered() if self._entry else self._missed(Clip("wrong_key"))
        if len(self._entry) < LONGEST_NUMBER:
            self._entry += key
        if self._complete():
            self._closed_by_length = True
            return self._entered()
        return Reply()

    def silence(self) -> Reply:
        """The caller has keyed nothing for as long as ``menu_nodes.Times`` allows."""
        self._closed_by_length = False
        return self._entered() if self._entry else self._missed(Clip("not_heard"))

    def _complete(self) -> bool:
        """Whether what has been keyed is right, and can't grow into another right number."""
        if self._stage is _Stage.ARTICLE:
            return len(self._entry) == self._catalogue.longest and self._entry in self._catalogue.entries
        return len(self._entry) == len(str(self._most())) and self._allows(int(self._entry))

    def _most(self) -> int:
        return self._catalogue.entries[self._article].max_quantity or self._limits.quantity

    def _allows(self, quantity: int) -> bool:
        """Whether so many more pieces of the article may be ordered."""
        already = sum(line.quantity for line in self._keyed if line.article == self._article)
        return 1 <= quantity <= self._most() - already

    def _entered(self) -> Reply:
        entry, self._entry = self._entry, ""
        return self._article_entered(entry) if self._stage is _Stage.ARTICLE else self._quantity_entered(int(entry))

    def _article_entered(self, article: str) -> Reply:
        if article not in self._catalogue.entries:
            return self._missed(Clip("order_no_article"), Digits(article), Clip("order_no_article_end"))
        self._article = article
        return self._ask(_Stage.QUANTITY)

    def _quantity_entered(self, quantity: int) -> Reply:
        if not self._allows(quantity):
            return self._missed(Clip("order_at_most"), Quantity(self._most()), Clip("order_at_most_end"))
        self._keyed.append(OrderLine(self._article, quantity))
        return self._ask(_Stage.CONFIRM)

    def _decide(self, key: str) -> Reply:
        match key:
            case "1":
                return Reply(end="place")
            case "2":
                self._keyed.pop()
                return self._ask(_Stage.ARTICLE)
            case "3":
                if len(self.lines) >= self._limits.lines:
                    return self._missed(Clip("order_full"))
                return self._ask(_Stage.ARTICLE)
            case "*":
                self._keyed.pop()
                if not self._keyed:
                    return Reply((Clip("order_cancelled"),), "cancelled")
                return Reply((Clip("order_line_cancelled"), *self.prompt()))
            case _:
                return self._missed(Clip("wrong_key"))

    def _back(self) -> Reply:
        if self._entry:
            self._entry = ""
            return Reply(self.prompt())
        if self._stage is _Stage.QUANTITY:
            return self._ask(_Stage.ARTICLE)
        return self._ask(_Stage.CONFIRM) if self._keyed else Reply(end="back")

    def _ask(self, stage: _Stage) -> Reply:
        self._stage = stage
        self._misses = 0
        return Reply(self.prompt())

    def _missed(self, *why: Clip | Digits | Quantity) -> Reply:
        self._misses += 1
        if self._misses >= self._limits.tries:
            return Reply((Clip("order_not_placed"),), "given up")
        return Reply((*why, *self.prompt()))


def read_out(lines: tuple[OrderLine, ...], catalogue: Catalogue) -> Phrase:
    """Lines of an order as they are read to the customer, with the total where every price is known."""
    words: Phrase = (Clip("order_item"),)
    for index, line in enumerate(lines):
        entry = catalogue.entries[line.article]
        words += (Pause(2 * COMMA), Clip("order_also")) if index else ()
        words += (Article(entry.number, entry.clip), Quantity(line.quantity))
    prices = [catalogue.entries[line.article].price for line in lines]
    if any(price is None for price in prices):
        return words
    total = sum(line.quantity * (price or 0) for line, price in zip(lines, prices, strict=True))
    return (*words, Pause(FULL_STOP), Clip("order_total"), Yen(total), Clip("order_total_end"))
