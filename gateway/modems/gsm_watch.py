"""While a mobile modem is in a call: does it still answer, does its sound still pass?

Its calls are told by lines that come unasked, so one that has wedged says the same as one whose call goes on. Hence it
is asked every ``ASK_EVERY`` and given ``ANSWERS_WITHIN``, more than twice what any other short command gets, for a good
call must not be cut: 7 s at most from its wedging until that is known. Sound comes 50 times a second, silence too;
without any for ``SOUND_LOOKS`` looks, 3 to 4 s, it is dead: a stall of one's own process, however long, is one look.
"""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.modems.gsm_sound import OnLost, Sound
from gateway.modems.losses import Mute

ASK_EVERY = 2.0
ANSWERS_WITHIN = 5.0
"""Seconds."""
LOOK = 1.0
"""Seconds between two looks at the sound."""
SOUND_LOOKS = 3
FIRST_LOOKS = 30
"""For the first sound of a call that we have dialled: modems that say "active" while the far end still rings may send
none until it answers."""


async def keep_asking(ask: Callable[[], Awaitable[object]]) -> None:
    """Ask from now on, until cancelled. Raises ``LineLost``, as ``ask`` does."""
    while True:
        await asyncio.sleep(ASK_EVERY)
        await ask()


async def miss_sound(sound: Sound, name: str, on_lost: OnLost, first: int = SOUND_LOOKS) -> None:
    """Tell ``on_lost``, once, when a call's sound passes no more in one direction or the other; else until cancelled.

    ``name``: line and port, for the message. ``first``: looks without any that are allowed before the first sound.
    """
    passed, missed, most = sound.passed, 0, first
    while missed < most:
        await asyncio.sleep(LOOK)
        if sound.passed == passed:
            missed += 1
        else:
            passed, missed, most = sound.passed, 0, SOUND_LOOKS
    on_lost(Mute(f"{name}: no sound has passed for {missed * LOOK:.0f} s; the modem is reset and set up anew"))
