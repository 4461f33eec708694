"""``gateway menu``: check and draw the order menu."""

from pathlib import Path

import click

from gateway.audio.prompts import PromptLibrary
from gateway.calls.menu_drawing import draw_menu, to_png, to_svg
from gateway.calls.menu_file import load_menu
from gateway.calls.menu_nodes import End, ways
from gateway.errors import MenuError

FILE = click.argument("file", type=click.Path(path_type=Path))
PROMPTS = click.option(
    "--prompts", type=click.Path(path_type=Path), help="The folder of your own prompts, as `prompts` in the settings."
)


@click.group()
def menu() -> None:
    """Check and draw the order menu."""


@menu.command()
@FILE
@PROMPTS
def check(file: Path, prompts: Path | None) -> None:
    """Say what is wrong with a menu FILE, its catalogue and its prompts, each with the line; or "ok"."""
    checked = load_menu(file, prompts)
    ends = sum(isinstance(node, End) for node in checked.nodes.values())
    choices = sum(len(ways(node)) for node in checked.nodes.values())
    click.echo(
        f"{file}: ok. {len(checked.nodes)} nodes with {choices} ways, {ends} ends, language {checked.language}, "
        f"{len(checked.catalogue.entries)} articles"
    )


@menu.command()
@FILE
@PROMPTS
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.svg or FILE.png; FILE.svg if not given.")
def draw(file: Path, prompts: Path | None, output: Path | None) -> None:
    """Draw the tree of a menu FILE as SVG or PNG."""
    target = output or Path(file.with_suffix(".svg").name)
    if target.suffix not in (".svg", ".png"):
        raise MenuError(f"{target}: the picture's name must end in .svg or .png")
    checked = load_menu(file, prompts)
    drawing = draw_menu(checked, PromptLibrary.open(checked.language, prompts), file.name)
    try:
        if target.suffix == ".png":
            to_png(drawing, target)
        else:
            target.write_text(to_svg(drawing), encoding="utf-8")
    except OSError as error:
        raise MenuError(f"{target}: can't be written: {error.strerror}; name another file with -o") from None
    click.echo(f"{target}: drawn")
