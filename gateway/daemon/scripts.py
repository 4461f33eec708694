"""What customers are led through, menu and prompts by language, and what is listened for."""

from pathlib import Path

from gateway.audio.prompts import PromptLibrary
from gateway.audio.tones_table import Table, read_table
from gateway.calls.dialogue import Script
from gateway.calls.menu_file import built_in, load_menu
from gateway.settings import Settings

LANGUAGES = ("ja", "en")


def scripts(settings: Settings) -> dict[str, Script]:
    """By language, the box's own first: the vendor's menu alone, or the built-in ones.

    Raises ``MenuError``, ``PromptError``.
    """
    folder = None if settings.prompts is None else Path(settings.prompts)
    if settings.callback.menu is not None:
        files = [Path(settings.callback.menu)]
    else:
        files = [built_in(one) for one in sorted(LANGUAGES, key=lambda one: one != settings.language)]
    menus = [load_menu(file, folder) for file in files]
    return {menu.language: Script(menu, PromptLibrary.open(menu.language, folder)) for menu in menus}


def further_tones(settings: Settings) -> Table | None:
    """The call-progress tones of the settings' own table. Raises ``ToneTableError``."""
    return None if settings.tones is None else read_table(Path(settings.tones))
