"""Which box a command is about: its settings file, or its store alone."""

from pathlib import Path

DEFAULT = Path("/etc/gateway/gateway.toml")
SETTINGS_HELP = f"The box's settings file.  [default: {DEFAULT}]"


def store_of(settings: Path | None, store: Path | None) -> Path:
    """The store that is named, else that of the box. Raises ``SettingsError``."""
    from gateway.settings import load

    return store if store is not None else load(settings or DEFAULT).store
