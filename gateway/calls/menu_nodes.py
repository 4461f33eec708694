"""The menu as data: a graph of nodes, as the menu file gives it.

``menu_file.py`` reads and checks it, ``menu.py`` runs it.
``docs/menu.md`` explains every kind of node and every key to the vendor.
"""

from typing import Annotated, Literal

import msgspec

from gateway.audio.prompts import Clip, Phrase
from gateway.calls.catalogue import Catalogue

Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]
Count = Annotated[int, msgspec.Meta(ge=1, le=99)]
Key = Literal["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "#"]
Clips = str | tuple[str, ...]
"""One clip's name, or several to be said one after another."""


class Times(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[times]``, seconds. A wait counts from the end of the prompt or from the last key."""

    repeat: Seconds = 2.0
    """Between two repetitions of the greeting."""
    key: Seconds = 6.0
    """Without a key for this long, the prompt is said again."""
    digit: Seconds = 4.0
    """After a digit: the number is taken as complete."""
    call: Seconds = 480.0
    """The whole menu; then it says goodbye. Keep it below ``policy.max_call``."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``."""

    tries: Count = 3
    """Wrong or missing keys in a row, until the menu goes on by ``otherwise``."""
    lines: Count = 20
    """Different articles in one order."""
    quantity: Annotated[int, msgspec.Meta(ge=1, le=9999)] = 99
    """Pieces of one article, unless the catalogue says otherwise."""


class Check(msgspec.Struct, frozen=True, tag="check", tag_field="kind", forbid_unknown_fields=True):
    """The human check: the greeting is repeated until any key comes."""

    say: Clips
    next: str
    machine: str
    """Where to go when no key came: an answering machine has the line."""
    welcome: Clips = ()
    """Said instead on a call that the customer has made himself; no key is needed there."""


class Choice(msgspec.Struct, frozen=True, tag="choice", tag_field="kind", forbid_unknown_fields=True):
    """A question that one key answers."""

    say: Clips
    keys: dict[Key, str]
    otherwise: str
    tries: Count | None = None
    """Instead of ``limits.tries``."""
    wait: Seconds | None = None
    """Instead of ``times.key``."""


class Announcement(msgspec.Struct, frozen=True, tag="say", tag_field="kind", forbid_unknown_fields=True):
    """Something said on the way."""

    say: Clips
    next: str


class TakeOrder(msgspec.Struct, frozen=True, tag="order", tag_field="kind", forbid_unknown_fields=True):
    """Article, quantity, read-back, confirmation; ``order_entry.py`` leads through it."""

    next: str
    back: str
    """By * before anything is keyed, or when the order is cancelled."""
    otherwise: str
    """When nothing came of it: too many wrong entries, or the order could not be kept."""


class HearOrder(msgspec.Struct, frozen=True, tag="hear", tag_field="kind", forbid_unknown_fields=True):
    """The order placed on this call, with its number, once more."""

    next: str


class RecordMessage(msgspec.Struct, frozen=True, tag="record", tag_field="kind", forbid_unknown_fields=True):
    """A question or complaint in the customer's own voice."""

    say: Clips
    subject: str
    next: str
    max_seconds: Seconds = 120.0


class Operator(msgspec.Struct, frozen=True, tag="connect", tag_field="kind", forbid_unknown_fields=True):
    """A person at the shop."""

    say: Clips
    operator: str
    """Who, for whatever puts the caller through; ``Dialogue`` has no way to, so nobody is ever free."""
    next: str
    """After the talk."""
    otherwise: str
    """When nobody is free."""


class End(msgspec.Struct, frozen=True, tag="end", tag_field="kind", forbid_unknown_fields=True):
    """The last words; then we hang up."""

    say: Clips


Node = Check | Choice | Announcement | TakeOrder | HearOrder | RecordMessage | Operator | End


class MenuFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as it stands."""

    language: Literal["ja", "en"]
    catalogue: str
    """Path of the CSV file, counted from the menu file."""
    start: str
    node: dict[str, Node]
    times: Times = Times()
    limits: Limits = Limits()


class Menu(msgspec.Struct, frozen=True):
    """A menu that has been checked: every name leads somewhere, every way comes to an end."""

    language: Literal["ja", "en"]
    start: str
    nodes: dict[str, Node]
    catalogue: Catalogue
    times: Times = Times()
    limits: Limits = Limits()


def names(say: Clips) -> tuple[str, ...]:
    """The clip names of a ``say`` key."""
    return (say,) if isinstance(say, str) else say


def phrase(say: Clips) -> Phrase:
    """A ``say`` key as a phrase."""
    return tuple(Clip(name) for name in names(say))


class Way(msgspec.Struct, frozen=True):
    """A way from one node to another."""

    by: str
    """The key that leads there, or the name of the node's setting."""
    to: str
    silent: bool = False
    """Whether a caller who does nothing goes this way."""


def ways(node: Node) -> tuple[Way, ...]:
    """All ways out of a node. Exactly one is silent; an end has none at all."""
    match node:
        case Check():
            return (Way("next", node.next), Way("machine", node.machine, silent=True))
        case Choice():
            chosen = tuple(Way(key, target) for key, target in node.keys.items())
            return (*chosen, Way("otherwise", node.otherwise, silent=True))
        case TakeOrder():
            silent = Way("otherwise", node.otherwise, silent=True)
            return (Way("next", node.next), Way("back", node.back), silent)
        case Operator():
            return (Way("next", node.next), Way("otherwise", node.otherwise, silent=True))
        case Announcement() | HearOrder() | RecordMessage():
            return (Way("next", node.next, silent=True),)
        case End():
            return ()
