"""Who is measured: our ears, alone and with the prompt as reference, and the decoders that Debian has.

Each takes a case and gives (seconds, key) pairs; sound comes to it in frames of 20 ms. A peer that is not installed is
None, with the reason printed. spandsp and librem are called in this process, multimon-ng is a program.
"""

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from ctypes.util import find_library

import numpy as np
from ears_cases import Case
from ears_sounds import RATE, Sound, resampled, rounded

from gateway.audio.dtmf import DtmfDetector, KeyDown
from gateway.audio.echo import EchoCanceller

FRAME = 160
Heard = list[tuple[float, str]]
Decoder = Callable[[Case], Heard]


def frames(sound: Sound) -> list[Sound]:
    """Pieces of 20 ms."""
    return [sound[at : at + FRAME] for at in range(0, len(sound), FRAME)]


def gateway(case: Case) -> Heard:
    """Our ears on what came in; a key counts from the end of the frame that made it certain."""
    return _listen(frames(case.sound))


def gateway_with_prompt(case: Case) -> Heard:
    """The same, with the echo of what we played taken out."""
    if case.played is None:
        return gateway(case)
    echo = EchoCanceller()
    pairs = zip(frames(case.sound), frames(case.played), strict=True)
    return _listen([echo.process(heard, played) for heard, played in pairs])


def _listen(pieces: list[Sound]) -> Heard:
    detector, at, heard = DtmfDetector(), 0, []
    for piece in pieces:
        at += len(piece)
        heard += [(at / RATE, event.key) for event in detector.feed(piece) if isinstance(event, KeyDown)]
    return heard


def spandsp() -> Decoder | None:
    """spandsp's ``dtmf_rx``."""
    name = find_library("spandsp")
    if name is None:
        return None
    library = ctypes.CDLL(name)
    library.dtmf_rx_init.restype = ctypes.c_void_p
    library.dtmf_rx_init.argtypes = [ctypes.c_void_p] * 3
    library.dtmf_rx.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
    library.dtmf_rx_get.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
    library.dtmf_rx_get.restype = ctypes.c_size_t
    library.dtmf_rx_free.argtypes = [ctypes.c_void_p]

    def decode(case: Case) -> Heard:
        state = library.dtmf_rx_init(None, None, None)
        heard, at, buffer = [], 0, ctypes.create_string_buffer(129)
        for piece in frames(case.sound):
            at += len(piece)
            library.dtmf_rx(state, piece.ctypes.data, len(piece))
            count = library.dtmf_rx_get(state, buffer, 128)
            heard += [(at / RATE, key) for key in buffer.raw[:count].decode()] if count else []
        library.dtmf_rx_free(state)
        return heard

    return decode


def librem() -> Decoder | None:
    """librem's ``dtmf_dec``."""
    name, base = find_library("rem"), find_library("re")
    if name is None or base is None:
        return None
    re_library, library = ctypes.CDLL(base, mode=ctypes.RTLD_GLOBAL), ctypes.CDLL(name)
    re_library.mem_deref.argtypes = [ctypes.c_void_p]
    handler = ctypes.CFUNCTYPE(None, ctypes.c_char, ctypes.c_void_p)
    library.dtmf_dec_alloc.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, handler, ctypes.c_void_p]
    library.dtmf_dec_probe.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]

    def decode(case: Case) -> Heard:
        heard: Heard = []
        at = 0

        def take(key: bytes, _: int) -> None:
            if key != b"\0":
                heard.append((at / RATE, key.decode()))

        state, callback = ctypes.c_void_p(), handler(take)
        library.dtmf_dec_alloc(ctypes.byref(state), RATE, 1, callback, None)
        for piece in frames(case.sound):
            at += len(piece)
            library.dtmf_dec_probe(state, piece.ctypes.data, len(piece))
        re_library.mem_deref(state)
        return heard

    return decode


def multimon() -> Decoder | None:
    """multimon-ng, which reads 22,050 samples a second and says no times."""
    program = shutil.which("multimon-ng")
    if program is None:
        return None

    def decode(case: Case) -> Heard:
        sound = rounded(resampled(case.sound.astype(float), RATE, 22050)).tobytes()
        command = [program, "-q", "-t", "raw", "-a", "DTMF", "-"]
        text = subprocess.run(command, input=sound, capture_output=True, check=True).stdout.decode(errors="replace")
        return [(np.nan, key) for key in re.findall(r"DTMF: (\S)", text)]

    return decode


def all_decoders() -> dict[str, Decoder]:
    """By name, ours first; says which peers are missing."""
    found: dict[str, Decoder | None] = {
        "gateway": gateway,
        "gateway, prompt known": gateway_with_prompt,
        "spandsp": spandsp(),
        "librem": librem(),
        "multimon-ng": multimon(),
    }
    for name in [name for name, decoder in found.items() if decoder is None]:
        print(f"{name}: not installed (make setup-bench)")
    return {name: decoder for name, decoder in found.items() if decoder is not None}
