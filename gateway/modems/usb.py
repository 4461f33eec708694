"""Which USB device is which modem, and which are plugged in: what `gateway line list` and the udev rules know.

A modem has one serial port or several; the interface number in its place on the bus (``1-2:1.2`` is interface 2) tells
which of them takes commands and which carries sound. Identities from lsusb listings and the makers' drivers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo


@dataclass(frozen=True)
class UsbModem:
    """One kind of modem on USB. Interfaces: None where it has but one serial port, or its sound is no serial port."""

    vendor: int
    product: int
    model: str
    """In ``catalogue.DRIVERS``."""
    name: str
    commands: int | None = None
    sound: int | None = None
    product_mask: int = 0xFFFF
    """Bits of the product number that count."""

    def fits(self, vendor: int, product: int) -> bool:
        """Whether a device with these numbers is one."""
        return vendor == self.vendor and product & self.product_mask == self.product

    def part(self, interface: int | None) -> str:
        """What a port of it is for: ``commands``, ``sound`` or ``other``."""
        if self.commands is None or interface == self.commands:
            return "commands"
        return "sound" if interface is not None and interface == self.sound else "other"


USB_MODEMS: tuple[UsbModem, ...] = (
    UsbModem(0x0BAF, 0x0303, "usr5637", "U.S. Robotics 5637"),
    UsbModem(0x0803, 0x3095, "conexant", "Zoom 3095"),
    UsbModem(0x0572, 0x1340, "conexant", "Conexant CX930xx"),
    UsbModem(0x0572, 0x1321, "conexant", "Conexant CX930xx"),
    UsbModem(0x0572, 0x1324, "conexant", "Conexant CX930xx (Dell RD02)"),
    UsbModem(0x0572, 0x1328, "conexant", "Conexant CX930xx"),
    UsbModem(0x0572, 0x1329, "conexant", "Conexant CX930xx"),
    UsbModem(0x0572, 0x1349, "conexant", "Conexant CX930xx"),
    UsbModem(0x06E0, 0xF100, "multitech", "MultiTech MT9234MU", product_mask=0xFF00),
    UsbModem(0x2C7C, 0x0125, "ec25", "Quectel EC25/EG25", commands=2, sound=1),
    UsbModem(0x1E0E, 0x9001, "sim7600", "SIMCom SIM7600", commands=2, sound=4),
    UsbModem(0x1E0E, 0x9011, "sim7600", "SIMCom SIM7600/A7600", commands=4, sound=6),
    UsbModem(0x12D1, 0x1001, "huawei", "Huawei E1550", commands=2, sound=1),
    UsbModem(0x12D1, 0x140C, "huawei", "Huawei E17xx", commands=3, sound=2),
    UsbModem(0x12D1, 0x1436, "huawei", "Huawei E1750", commands=4, sound=3),
    UsbModem(0x12D1, 0x14AC, "huawei", "Huawei E153Du", commands=4, sound=3),
)


@dataclass(frozen=True)
class PluggedPort:
    """A serial port of a USB device that is plugged in now; ``modem`` is None where nobody knows it."""

    device: str
    vendor: int
    product: int
    serial: str
    """Its serial number; "" where it has none."""
    place: str
    """Where it is plugged in, ``1-1.2``: bus, then the port of each hub on the way."""
    interface: int | None
    title: str
    modem: UsbModem | None

    @property
    def part(self) -> str:
        """``commands``, ``sound``, ``other``; "" where the modem is not known."""
        return "" if self.modem is None else self.modem.part(self.interface)


def usb_modem(vendor: int, product: int) -> UsbModem | None:
    """The modem with these numbers, if it is known."""
    return next((modem for modem in USB_MODEMS if modem.fits(vendor, product)), None)


def usb_place(port: str, sysfs: Path = Path("/sys")) -> str | None:
    """Where the USB device of a serial port is plugged in, ``1-1.2``; None where it is none, or not there."""
    device = sysfs / "class" / "tty" / Path(port).resolve().name / "device"
    if not device.exists():
        return None
    place = next((part for part in device.resolve().parents if (part / "idVendor").exists()), None)
    return place.name if place is not None else None


def plugged_ports(found: Iterable[ListPortInfo] | None = None) -> list[PluggedPort]:
    """The USB serial ports of this machine, by device name. ``found`` takes the place of what pyserial sees (tests)."""
    ports = []
    for port in list_ports.comports() if found is None else found:
        if port.vid is None or port.pid is None:
            continue
        place, _, interface = (port.location or "").partition(":")
        modem = usb_modem(port.vid, port.pid)
        ports.append(
            PluggedPort(
                device=port.device,
                vendor=port.vid,
                product=port.pid,
                serial=port.serial_number or "",
                place=place,
                interface=int(interface.rpartition(".")[2], 16) if interface else None,
                title=modem.name if modem else (port.product or port.description or "unknown device"),
                modem=modem,
            )
        )
    return sorted(ports, key=lambda port: port.device)
