"""The link between two boxes, without wires or clocks: what is sent when, by which route, and when again."""

from gateway.protocols.messages import CallReport, CallRequest, Message, Order, Recording

RANKS: dict[type, int] = {CallRequest: 0, Order: 1, CallReport: 2, Recording: 3}
"""Which messages go first: callers wait for their telephone to ring, recordings can wait."""


def rank(message: Message) -> int:
    """The rank of a message; lower goes first."""
    return RANKS[type(message)]
