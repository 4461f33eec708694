"""The same durable push through Mosquitto, QoS 1 both ways; the receiver's acknowledgement is a message as well.

Twice: *as shipped*, Debian's broker with paho, which is what a Python program uses; and *tuned*, with a client of our
own that does no more than it must, the bench's window at the broker (20 as shipped) and small packets sent at once (as
shipped both ends wait 40 ms where they meet delayed acknowledgements). The broker keeps nothing on its disk meanwhile.
"""

import contextlib
import importlib.util
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

from push import ACK, WINDOW, Disk, Way, child, free_port


class Client(Protocol):
    """One end's connection to the broker."""

    def publish(self, topic: str, bodies: list[bytes]) -> None:
        """Send with QoS 1."""

    def receive(self) -> list[bytes]:
        """Wait for at least one message of the topic that was subscribed to."""


Connect = Callable[[int, str, str], Client]
"""Port, name, topic to subscribe to."""

TUNED = f"max_inflight_messages {WINDOW}\nset_tcp_nodelay true\n"


class PahoClient:
    """paho-mqtt with its own thread. Raises ``ModuleNotFoundError`` where it is not installed."""

    def __init__(self, port: int, name: str, topic: str) -> None:
        import paho.mqtt.client as paho

        self.arrived: SimpleQueue[bytes] = SimpleQueue()
        subscribed: SimpleQueue[None] = SimpleQueue()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id=name)
        self.client.on_message = lambda client, data, message: self.arrived.put(message.payload)
        self.client.on_subscribe = lambda *args: subscribed.put(None)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.client.subscribe(topic, qos=1)
        subscribed.get()

    def publish(self, topic: str, bodies: list[bytes]) -> None:
        """See ``Client``."""
        for body in bodies:
            self.client.publish(topic, body, qos=1)

    def receive(self) -> list[bytes]:
        """See ``Client``."""
        found = [self.arrived.get()]
        while not self.arrived.empty():
            found.append(self.arrived.get())
        return found


class BareClient:
    """As much of MQTT 3.1.1 as it takes: connect, subscribe, publish and receive with QoS 1."""

    def __init__(self, port: int, name: str, topic: str) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        self.sent = 0
        body = b"\x00\x04MQTT\x04\x02\x00\x00" + self._text(name)
        self.connection.sendall(self._packet(0x10, body))
        self._until(0x20)
        self.connection.sendall(self._packet(0x82, b"\x00\x01" + self._text(topic) + b"\x01"))
        self._until(0x90)

    def publish(self, topic: str, bodies: list[bytes]) -> None:
        """Send with QoS 1; the broker's PUBACKs are read along the way."""
        packets = []
        for body in bodies:
            self.sent = self.sent % 65535 + 1
            packets.append(self._packet(0x32, self._text(topic) + self.sent.to_bytes(2, "big") + body))
        self.connection.sendall(b"".join(packets))

    def receive(self) -> list[bytes]:
        """Wait for at least one message; what came is acknowledged to the broker at once."""
        found: list[bytes] = []
        while not found:
            self.rest += self._more()
            for kind, body in self._packets():
                if kind & 0xF0 == 0x30:
                    length = 2 + int.from_bytes(body[:2], "big")
                    self.connection.sendall(self._packet(0x40, body[length : length + 2]))
                    found.append(body[length + 2 :])
        return found

    def _until(self, kind: int) -> None:
        while all(each != kind for each, _ in self._packets()):
            self.rest += self._more()

    def _more(self) -> bytes:
        data = self.connection.recv(65536)
        if not data:
            raise EOFError
        return data

    def _packets(self) -> list[tuple[int, bytes]]:
        found = []
        while len(self.rest) >= 2:
            length, shift, at = 0, 0, 1
            while at < len(self.rest):
                length |= (self.rest[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not self.rest[at - 1] & 0x80:
                    break
            if len(self.rest) < at + length:
                break
            found.append((self.rest[0], self.rest[at : at + length]))
            self.rest = self.rest[at + length :]
        return found

    @staticmethod
    def _text(text: str) -> bytes:
        return len(text).to_bytes(2, "big") + text.encode()

    @staticmethod
    def _packet(kind: int, body: bytes) -> bytes:
        length, left = b"", len(body)
        while True:
            left, seven = left >> 7, left & 0x7F
            length += bytes([seven | (0x80 if left else 0)])
            if not left:
                return bytes([kind]) + length + body


class Mqtt:
    """Sending end."""

    def __init__(self, folder: Path, client: Client) -> None:
        self.disk, self.client = Disk(folder / "mqtt-a" / "gateway.db"), client

    def post(self, count: int) -> None:
        """See ``Way``."""
        self.client.publish("letters", [ACK.pack(sequence) + body for sequence, body in self.disk.post(count)])

    def settled(self) -> tuple[int, float]:
        """See ``Way``."""
        acks = self.client.receive()
        for ack in acks:
            self.disk.mark(*ACK.unpack(ack))
        return len(acks), time.perf_counter()


@contextmanager
def broker(folder: Path, more: str) -> Iterator[int]:
    """Mosquitto for the block, with ``more`` in its settings; its port."""
    port = free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        f"user root\nlog_type error\n{more}"
    )
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(["mosquitto", "-c", str(settings)], **quiet)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def why_not() -> str | None:
    """Why there can be no comparison here; None if there can."""
    if not shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin"):
        return "Mosquitto is not installed (make setup-bench)"
    return None if importlib.util.find_spec("paho") else "paho-mqtt is not installed (make setup-bench)"


def mosquitto(connect: Connect, more: str = "") -> Callable[[Path], contextlib.AbstractContextManager[Way]]:
    """A way by Mosquitto, both ends of which are such clients; ``more``: settings of the broker."""

    @contextmanager
    def way(folder: Path) -> Iterator[Way]:
        with broker(folder, more) as port:

            def receive() -> None:
                disk = Disk(folder / "mqtt-b" / "gateway.db")
                client = connect(port, "b", "letters")
                with contextlib.suppress(EOFError, ConnectionError):
                    while True:
                        letters = [(ACK.unpack_from(body)[0], body[ACK.size :]) for body in client.receive()]
                        disk.take(letters)
                        client.publish("acks", [ACK.pack(sequence) for sequence, _ in letters])

            with child(receive):
                time.sleep(1.0)  # until it has subscribed
                yield Mqtt(folder, connect(port, "a", "acks"))

    return way
