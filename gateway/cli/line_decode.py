"""``gateway line decode``: raw modem bytes as events."""

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from io import BufferedReader
from pathlib import Path
from typing import cast

import click

from gateway.cli.line_choice import known_country
from gateway.errors import GatewayError
from gateway.modems.catalogue import profile_of
from gateway.protocols.decoder import DecodedEvent

READ_AT_ONCE = 65536


@click.command()
@click.option("--model", required=True, help="The modem that the bytes come from: usr5637, conexant, rockwell, …")
@click.option("--region", default="JP", show_default=True, metavar="CC", help="Country of the line, ISO 3166.")
@click.argument("file", default="-")
def decode(model: str, region: str, file: str) -> None:
    """Tell what a modem said: raw bytes of FILE (standard input: -) in, one JSON object a line out."""
    decoder = profile_of(model).decoder(known_country(region))
    with _opened(file) as source:
        while data := _read(source, file):
            _tell(decoder.receive(data))
    _tell(decoder.end())


def _opened(file: str) -> AbstractContextManager[BufferedReader]:
    if file == "-":
        return nullcontext(cast(BufferedReader, sys.stdin.buffer))
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise GatewayError(f"{file}: can't be opened: {error.strerror}; name a file, or - for standard input") from None


def _read(source: BufferedReader, file: str) -> bytes:
    """What is there already, so that a live stream is told as it comes."""
    try:
        return source.read1(READ_AT_ONCE)
    except OSError as error:
        raise GatewayError(f"{file}: can't be read: {error.strerror}") from None


def _tell(events: list[DecodedEvent]) -> None:
    for event in events:
        click.echo(json.dumps(event))
