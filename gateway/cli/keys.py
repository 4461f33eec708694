"""``gateway keys``: this box's key pair, and which box may talk to it.

Pairing two boxes: ``keys new`` on both; send each other what ``keys show`` prints; read the fingerprints to each other
over the telephone; ``keys trust NAME KEY`` on both, NAME being what ``link.peer`` says. A running daemon follows. Each
of several boxes is paired in the same way; one that is not yet keeps the others from nothing.
"""

from pathlib import Path

import click

from gateway.cli.box_file import DEFAULT, SETTINGS_HELP
from gateway.link.keys import KeyFolder, fingerprint, parse_key
from gateway.settings import load


@click.group()
@click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS_HELP)
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The key folder itself, in place of --settings.")
@click.pass_context
def keys(context: click.Context, settings: Path | None, folder: Path | None) -> None:
    """Make this box's key pair and trust the other box."""
    context.obj = (settings, folder)


def _folder_options(command: "click.decorators.FC") -> "click.decorators.FC":
    dir_help = "The key folder itself, in place of --settings."
    command = click.option("--dir", "folder", type=click.Path(path_type=Path), help=dir_help)(command)
    return click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS_HELP)(command)


def _folder(context: click.Context, settings: Path | None, folder: Path | None) -> KeyFolder:
    """The folder meant by the options, given before or after the subcommand's name."""
    group_settings, group_folder = context.obj
    settings, folder = settings or group_settings, folder or group_folder
    if folder is not None:
        return KeyFolder(folder)
    return KeyFolder(load(settings or DEFAULT).keys)


@keys.command()
@_folder_options
@click.pass_context
def new(context: click.Context, settings: Path | None, folder: Path | None) -> None:
    """Make the key pair; prints the public key."""
    pair = _folder(context, settings, folder).new()
    click.echo(f"key:         {pair.public.hex()}")
    click.echo(f"fingerprint: {fingerprint(pair.public)}")


@keys.command()
@_folder_options
@click.pass_context
def show(context: click.Context, settings: Path | None, folder: Path | None) -> None:
    """Show our public key, its fingerprint, and whom we trust."""
    key_folder = _folder(context, settings, folder)
    public = key_folder.own().public
    click.echo(f"key:         {public.hex()}")
    click.echo(f"fingerprint: {fingerprint(public)}")
    for name, key in sorted(key_folder.trusted().items()):
        click.echo(f"trusted:     {name}  {fingerprint(key)}")


@keys.command()
@click.argument("name")
@click.argument("key", nargs=-1, required=True)
@_folder_options
@click.pass_context
def trust(context: click.Context, name: str, key: tuple[str, ...], settings: Path | None, folder: Path | None) -> None:
    """Trust the box NAME with the public KEY (64 hexadecimal digits), in place of any earlier one."""
    public = parse_key("".join(key))
    _folder(context, settings, folder).trust(name, public)
    click.echo(f"{name} is trusted: {fingerprint(public)}  (compare over the telephone)")


@keys.command()
@click.argument("name")
@_folder_options
@click.pass_context
def revoke(context: click.Context, name: str, settings: Path | None, folder: Path | None) -> None:
    """Trust the box NAME no more; a running daemon drops it within a second."""
    _folder(context, settings, folder).revoke(name)
    click.echo(f"{name} is no longer trusted")
