"""The numbers that orders are known by to customers: short, digits only, given once by each box."""

import sqlite3


def next_order_number(connection: sqlite3.Connection, prefix: str) -> tuple[int, str]:
    """The next running number, and the number to speak made of it; inside the caller's transaction.

    ``prefix``: the digits that tell this box's numbers from another's, "" where one box takes all orders.
    """
    running = connection.execute(
        "INSERT INTO counter (name, value) VALUES ('order', 1)"
        " ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value"
    ).fetchone()[0]
    return running, order_number(running, prefix)


def is_given_twice(connection: sqlite3.Connection, number: str) -> bool:
    """Whether two orders that are kept here have this number: two boxes count alike."""
    count = connection.execute("SELECT count(*) FROM orders WHERE order_number = ?", (number,)).fetchone()[0]
    return bool(count > 1)


def order_number(running: int, prefix: str = "") -> str:
    """The prefix, three digits or more of a running number, and a check digit."""
    digits = f"{prefix}{running:03}"
    return digits + check_digit(digits)


def check_digit(digits: str) -> str:
    """ISO/IEC 7064, MOD 11,10: notices every wrong digit and nearly every exchange of two neighbours."""
    product = 10
    for digit in digits:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)
