"""Which messages may travel as letters: whose they may be, how large, and which go first."""

from typing import Literal, get_type_hints

from gateway.protocols.messages import CallReport, CallRequest, Message, Order, Recording

Role = Literal["domestic", "overseas"]

RANKS: dict[type, int] = {CallRequest: 0, Order: 1, CallReport: 2, Recording: 3}
"""Which messages go first: callers wait for their telephone to ring, recordings can wait."""

BULK = 3
"""The rank from which on messages are large and travel beside the others, few at a time."""

MAY_SEND: dict[Role, tuple[type, ...]] = {"domestic": (CallRequest,), "overseas": (Order, CallReport, Recording)}
"""What a box of each role may tell the other."""

LARGEST_BODY = 65_000
"""Bytes of a message; a frame holds 65,536, and a longer one ends its connection."""

LATEST = 2.0**33
"""Unix seconds in the year 2242; what claims to be later, or is no number, is a mistake or malice."""


def rank(message: Message) -> int:
    """The rank of a message; lower goes first."""
    return RANKS[type(message)]


def may_send(role: Role, message: Message) -> bool:
    """Whether a box of ``role`` is entitled to this message."""
    return isinstance(message, MAY_SEND[role])


def plausible(message: Message) -> bool:
    """Whether every moment and duration in it is a number of seconds that a clock could have shown."""
    return all(0 <= getattr(message, name) <= LATEST for name in _SECONDS[type(message)])


_SECONDS = {kind: [name for name, annotation in get_type_hints(kind).items() if annotation is float] for kind in RANKS}
