"""Kinds of ``LineLost`` that recovery can do something about. All others need a person: a port that is held, a SIM."""

from gateway.line import LineLost


class Gone(LineLost):
    """The modem is not on the bus."""


class Silent(LineLost):
    """The modem is there and answers no more."""


class Mute(LineLost):
    """A mobile modem answers, but in a call it passes no sound."""


class NoNetwork(LineLost):
    """A mobile modem answers, but no network has it."""
