"""What the air interface leaves of sound: a round trip through GSM 06.10 (full rate) or AMR narrow band.

The codecs are Debian's shared libraries (libgsm1, libopencore-amrnb0), taken where they are installed; the bench does
not need them.
"""

import ctypes
import ctypes.util
from collections.abc import Callable
from typing import Literal

import numpy as np

from gateway.bench.wire import FRAME, Samples
from gateway.errors import GatewayError

CodecName = Literal["none", "gsm", "amr"]
Codec = Callable[[Samples], Samples]
"""``FRAME`` samples in, what is left of them out. Keeps state: one object a direction and call."""

GSM_FRAME_BYTES = 33
AMR_122 = 7
"""The mode of 12.2 kbit/s, which networks use while the radio is good."""
AMR_FRAME_BYTES = 64  # room; 12.2 kbit/s takes 32

PACKAGES = {"gsm": ("gsm", "libgsm1"), "amr": ("opencore-amrnb", "libopencore-amrnb0")}


class CodecMissing(GatewayError):
    """The codec's library is not installed; the message names Debian's package."""


def codec_named(name: CodecName) -> Callable[[], Codec] | None:
    """What makes codecs of that name; None for ``none``. Raises ``CodecMissing``."""
    if name == "none":
        return None
    short, package = PACKAGES[name]
    path = ctypes.util.find_library(short)
    if path is None:
        raise CodecMissing(f'codec "{name}" needs a library that is not installed; apt-get install {package}')
    library = ctypes.CDLL(path)
    return (lambda: _FullRate(library)) if name == "gsm" else (lambda: _AmrNarrowBand(library))


class _FullRate:
    """GSM 06.10, libgsm."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.gsm_create.restype = ctypes.c_void_p
        self._encoder = ctypes.c_void_p(library.gsm_create())
        self._decoder = ctypes.c_void_p(library.gsm_create())
        self._coded = ctypes.create_string_buffer(GSM_FRAME_BYTES)

    def __call__(self, sound: Samples) -> Samples:
        source, result = _buffers(sound)
        self._library.gsm_encode(self._encoder, source, self._coded)
        self._library.gsm_decode(self._decoder, self._coded, result)
        return _samples(result)

    def __del__(self) -> None:
        for state in (self._encoder, self._decoder):
            self._library.gsm_destroy(state)


class _AmrNarrowBand:
    """AMR at 12.2 kbit/s, opencore-amr."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.Encoder_Interface_init.restype = ctypes.c_void_p
        library.Decoder_Interface_init.restype = ctypes.c_void_p
        self._encoder = ctypes.c_void_p(library.Encoder_Interface_init(0))
        self._decoder = ctypes.c_void_p(library.Decoder_Interface_init())
        self._coded = ctypes.create_string_buffer(AMR_FRAME_BYTES)

    def __call__(self, sound: Samples) -> Samples:
        source, result = _buffers(sound)
        self._library.Encoder_Interface_Encode(self._encoder, AMR_122, source, self._coded, 0)
        self._library.Decoder_Interface_Decode(self._decoder, self._coded, result, 0)
        return _samples(result)

    def __del__(self) -> None:
        self._library.Encoder_Interface_exit(self._encoder)
        self._library.Decoder_Interface_exit(self._decoder)


def _buffers(sound: Samples) -> "tuple[ctypes.Array[ctypes.c_short], ctypes.Array[ctypes.c_short]]":
    return (ctypes.c_short * FRAME)(*sound.tolist()), (ctypes.c_short * FRAME)()


def _samples(result: "ctypes.Array[ctypes.c_short]") -> Samples:
    return np.array(result, np.int16)
