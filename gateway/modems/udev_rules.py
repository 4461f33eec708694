"""udev rules: access and quiet for every modem that we know, and a name for each line's modem.

``udev/70-gateway.rules`` is ``base_rules()``; ``gateway line adopt`` keeps ``71-gateway-lines.rules``, a block a line.
"""

import re
from dataclasses import dataclass

from gateway.modems.usb import USB_MODEMS, PluggedPort, UsbModem

LINES_FILE = "/etc/udev/rules.d/71-gateway-lines.rules"
HEAD = """\
# Modems that the gateway knows: its group may use them, ModemManager keeps off, they are never put to sleep.
# Made from gateway/modems/usb.py by gateway.modems.udev_rules; a test compares.
ACTION=="remove", GOTO="gateway_end"
SUBSYSTEM!="usb|tty|sound", GOTO="gateway_end"
SUBSYSTEM=="tty|sound", SUBSYSTEMS=="usb", IMPORT{builtin}="usb_id"
"""
TAIL = """\
ENV{GATEWAY_MODEL}!="?*", GOTO="gateway_end"
ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1"
SUBSYSTEM=="usb", TEST=="power/control", ATTR{power/control}="on"
SUBSYSTEM=="tty", GROUP="dialout", MODE="0660"
SUBSYSTEM=="sound", GROUP="audio", MODE="0660"
LABEL="gateway_end"
"""


def base_rules() -> str:
    """The rules for all lines, whatever is plugged in."""
    return HEAD + "".join(_model_rules(modem) for modem in USB_MODEMS) + TAIL


@dataclass(frozen=True)
class Mark:
    """By what a line's modem is known: its serial number, or else the place where it is plugged in."""

    vendor: int
    product: int
    serial: str
    place: str

    @property
    def by_serial(self) -> bool:
        """Whether the serial number does."""
        return self.serial != ""

    def __str__(self) -> str:
        return f"serial number {self.serial}" if self.by_serial else f"USB place {self.place}"


def mark_of(port: PluggedPort, others: list[PluggedPort]) -> Mark:
    """How to know it again. A serial number that another modem has, too, or that looks made up, is of no use."""
    twins = {other.place for other in others if (other.vendor, other.product) == (port.vendor, port.product)}
    same = {other.place for other in others if other.serial == port.serial and other.place in twins}
    usable = re.fullmatch(r"[\w.-]{4,}", port.serial) and len(set(port.serial)) > 1 and len(same) < 2
    return Mark(port.vendor, port.product, port.serial if usable else "", port.place)


def line_rules(line: str, mark: Mark, modem: UsbModem) -> str:
    """A block that names the modem's ports ``/dev/gateway/LINE`` and ``/dev/gateway/LINE-audio``."""
    which = f'ENV{{ID_SERIAL_SHORT}}=="{mark.serial}"' if mark.by_serial else f'KERNELS=="{mark.place}"'
    device = f'ENV{{ID_VENDOR_ID}}=="{mark.vendor:04x}", ENV{{ID_MODEL_ID}}=="{mark.product:04x}", {which}'
    rules = [f'{_tty(modem.commands)}, {device}, SYMLINK+="gateway/{line}", {WANTS}']
    if modem.sound is not None:
        rules.append(f'{_tty(modem.sound)}, {device}, SYMLINK+="gateway/{line}-audio"')
    rules.append(f'ACTION!="remove", SUBSYSTEM=="sound", KERNEL=="card*", {device}, ATTR{{id}}="line_{line}"')
    return "\n".join((f"# line {line}", *rules, f"# end of line {line}")) + "\n"


def with_line(text: str, line: str, block: str) -> str:
    """The lines' rules file with this line's block in it, in place of an earlier one."""
    begin = "# Names of the lines' modems; gateway line adopt keeps this file.\n"
    kept = re.sub(rf"# line {re.escape(line)}\n.*?# end of line {re.escape(line)}\n", "", text, flags=re.DOTALL)
    return (kept or begin) + block


WANTS = 'TAG+="systemd", ENV{SYSTEMD_WANTS}+="gateway.service"'
"""Plugging it in starts the service, should that have given up."""


def _tty(interface: int | None) -> str:
    rule = 'ACTION!="remove", SUBSYSTEM=="tty"'
    return rule if interface is None else f'{rule}, ENV{{ID_USB_INTERFACE_NUM}}=="{interface:02x}"'


def _model_rules(modem: UsbModem) -> str:
    vendor = f"{modem.vendor:04x}"
    known = f"{modem.product:04x}"
    pattern = known[: 4 - _free_digits(modem)] + "?" * _free_digits(modem)
    said = f'ENV{{GATEWAY_MODEL}}="{modem.model}"'
    return (
        f"# {modem.name}\n"
        f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{vendor}", ATTR{{idProduct}}=="{pattern}", {said}\n'
        f'SUBSYSTEM=="tty|sound", ENV{{ID_VENDOR_ID}}=="{vendor}", ENV{{ID_MODEL_ID}}=="{pattern}", {said}\n'
    )


def _free_digits(modem: UsbModem) -> int:
    """Hexadecimal digits at the end of the product number that may be anything."""
    return next(digits for digits in range(5) if modem.product_mask == 0xFFFF << 4 * digits & 0xFFFF)
