"""What can stop us, as exceptions that a command line turns into one clear line.

Every message names the thing and the remedy: ``line "a": /dev/gateway/a is held by ModemManager; stop it or
install udev/70-gateway.rules``.
"""


class GatewayError(Exception):
    """Something outside our code is wrong; the message names it and what to do about it."""


class SettingsError(GatewayError):
    """The settings file is missing, unreadable or wrong; the message names the file and the key."""


class MenuError(GatewayError):
    """A menu or catalogue file is wrong; the message names the file and the line."""


class PromptError(GatewayError):
    """A prompt is missing or in the wrong format; the message names the file."""


class StoreError(GatewayError):
    """The store can't be read or written; what was asked has not been kept."""


class KeyFileError(GatewayError):
    """A key file is missing, malformed or readable by others."""
