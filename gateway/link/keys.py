"""Who we are and whom we trust: Curve25519 keys in a folder, one line of 64 hexadecimal digits a file.

    keys/secret            ours alone, mode 600
    keys/public            to be given to the other box
    keys/trusted/NAME      the public key of the box that we call NAME

The folder is read again whenever somebody knocks and at least once a second, so ``trust`` and ``revoke`` work on a
running daemon. A key may be sent by mail; its fingerprint is read over the telephone to be sure of it.
"""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from gateway.errors import KeyFileError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class KeyPair:
    """Our own keys, 32 bytes each."""

    public: bytes
    secret: bytes


@dataclass(frozen=True)
class KeyFolder:
    """The folder of one box."""

    path: Path

    def new(self) -> KeyPair:
        """Make a key pair. Raises ``KeyFileError`` where there is one: a new one would cut off every peer."""
        if (self.path / "secret").exists():
            raise KeyFileError(f"{self.path}: has a key pair already; move it away to make a new one")
        encoded_public, encoded_secret = zmq.curve_keypair()
        pair = KeyPair(z85.decode(encoded_public), zmq.utils.z85.decode(encoded_secret))
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the data folder: numbers will be in there
            self.path.mkdir(mode=0o700, exist_ok=True)
            _write(self.path / "public", pair.public, 0o644)
            _write(self.path / "secret", pair.secret, 0o600)
        except OSError as error:
            raise KeyFileError(
                f"{self.path}: the key pair can't be written: {error.strerror}; name another folder"
            ) from None
        return pair

    def own(self) -> KeyPair:
        """Our key pair. Raises ``KeyFileError`` if there is none, or if others can read it."""
        secret = self.path / "secret"
        if not secret.exists():
            raise KeyFileError(f"{self.path}: no key pair yet; make one with gateway keys new")
        if secret.stat().st_mode & 0o077:
            raise KeyFileError(f"{secret}: others can read it; chmod 600 it, and make a new pair if they may have")
        return KeyPair(_read(self.path / "public"), _read(secret))

    def trust(self, name: str, key: bytes) -> None:
        """Take ``key`` for the box that we call ``name``, in place of any earlier one. Raises ``KeyFileError``."""
        if key == self.own().public:
            raise KeyFileError("that is this box's own key; give the other box's")
        for known, other in self.trusted().items():
            if other == key and known != name:
                raise KeyFileError(f"that key is trusted as {known} already; revoke that first")
        try:
            (self.path / "trusted").mkdir(mode=0o700, exist_ok=True)
            _write(self._file(name), key, 0o644)
        except OSError as error:
            raise KeyFileError(f"{self._file(name)}: can't be written: {error.strerror}") from None

    def revoke(self, name: str) -> None:
        """Trust the box no more. Raises ``KeyFileError`` if it was not trusted."""
        try:
            self._file(name).unlink()
        except FileNotFoundError:
            known = ", ".join(sorted(self.trusted())) or "nobody"
            raise KeyFileError(f"{name} is not trusted here; trusted: {known}") from None

    def trusted(self) -> dict[str, bytes]:
        """Name → public key. A file that holds no key is passed over: it lets nobody in."""
        try:
            files = [file for file in (self.path / "trusted").iterdir() if _NAME.fullmatch(file.name)]
        except FileNotFoundError:
            return {}
        found = {}
        for file in files:
            try:
                found[file.name] = _read(file)
            except (KeyFileError, FileNotFoundError):
                continue
        return found

    def expect(self, name: str) -> bytes:
        """The key of a peer that the settings name. Raises ``KeyFileError`` if it is not trusted."""
        key = self.trusted().get(name)
        if key is None:
            raise KeyFileError(f"peer {name} is not trusted yet; gateway keys trust {name} KEY, with its public key")
        return key

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyFileError(f"{name!r} is no name of a box: a-z, 0-9, - and _, 32 at most")
        return self.path / "trusted" / name


def parse_key(text: str) -> bytes:
    """A public key as somebody typed or pasted it: 64 hexadecimal digits, blanks, colons and dashes ignored."""
    digits = re.sub(r"[\s:-]", "", text).lower()
    if not _KEY.fullmatch(digits):
        strange = re.sub("[0-9a-f]", "", digits)
        wrong = f'"{strange[0]}" is none' if strange else f"{len(digits)} came"
        raise KeyFileError(f"not a public key: 64 hexadecimal digits are needed, {wrong}; see gateway keys show")
    return bytes.fromhex(digits)


def fingerprint(key: bytes) -> str:
    """24 decimal digits in fours, to be read over the telephone: SHA-256 of the key, modulo 10²⁴ (about 80 bits)."""
    digits = f"{int.from_bytes(hashlib.sha256(key).digest()) % 10**24:024}"
    return " ".join(digits[start : start + 4] for start in range(0, 24, 4))


def _write(file: Path, key: bytes, mode: int) -> None:
    """Whole or not at all, also for somebody who reads it at this moment."""
    new = file.with_name(f".{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(key.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)


def _read(file: Path) -> bytes:
    try:
        text = file.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        text = ""
    except PermissionError:
        raise KeyFileError(f"{file}: can't be read; run as the gateway's user") from None
    if not _KEY.fullmatch(text):
        raise KeyFileError(f"{file}: not a key (64 hexadecimal digits)")
    return bytes.fromhex(text)
