"""Where the commands' tables go: a terminal, or a file or pipe, which has no edge to fold a number at."""

import os

from rich.console import Console

WITHOUT_TERMINAL = 150
"""Columns where nobody says how many there are."""


def table_console() -> Console:
    """A console as wide as its terminal, or as ``COLUMNS`` says; ``WITHOUT_TERMINAL`` wide in a file or pipe."""
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WITHOUT_TERMINAL
    return console
