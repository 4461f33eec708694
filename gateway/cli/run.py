"""``gateway run``: this box's daemon."""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path

import click

from gateway.cli.box_file import DEFAULT


@click.command()
@click.option("--settings", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True)
def run(path: Path) -> None:
    """Run this box, domestic or overseas, until it is stopped (SIGTERM or Ctrl-C)."""
    from gateway import clock, settings
    from gateway.daemon import domestic, journald, overseas

    chosen = settings.load(path)
    if journald.connected():
        logging.basicConfig(level=chosen.log.upper(), handlers=[journald.JournalHandler()], format="%(message)s")
    else:
        logging.basicConfig(
            level=chosen.log.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        )
    start = domestic.run if chosen.role == "domestic" else overseas.run
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        clock.run(start(chosen))
    logging.getLogger(__name__).info("stopped")
