"""The gateway's side of the footprint's benchmark: so many lines in a call each, with all ears on, in one process.

Prints ``cpu-seconds wall-seconds rss-kB waited-seconds`` of the calls alone. Waited: for a processor, ready to run.
"""

import asyncio
import resource
import sys
import time
from pathlib import Path

from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.conversation import Conversation
from gateway.line import Samples
from gateway.modems.catalogue import open_line
from gateway.modems.voice_modem import VoiceModem
from gateway.settings import LineSettings


async def call(folder: Path, number: int, prompt: Samples, begun: asyncio.Barrier, seconds: float) -> None:
    """One line talks and listens."""
    line = LineSettings(
        name=f"l{number}", port=str(folder / f"{number}"), model="usr5637", number=f"+81612340{number:03d}"
    )
    async with open_line(line) as opened:
        assert isinstance(opened, VoiceModem)
        await begun.wait()
        async with opened.seized() as voice:
            conversation = Conversation(voice, "JP")
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                if not conversation.speaking:
                    conversation.say(prompt, bargeable=True)
                await conversation.listen()
            conversation.close()


async def main(folder: Path, count: int, seconds: float) -> None:
    """All at once."""
    prompt = PromptLibrary.open("ja").sound((Clip("guidance_hint_186"),))
    begun = asyncio.Barrier(count + 1)
    calls = [asyncio.create_task(call(folder, number, prompt, begun, seconds)) for number in range(count)]
    await begun.wait()
    wall, cpu, waited = time.monotonic(), time.process_time(), waited_so_far()
    await asyncio.gather(*calls)
    spent, took = time.process_time() - cpu, time.monotonic() - wall
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{spent:.3f} {took:.3f} {most} {waited_so_far() - waited:.3f}", flush=True)


def waited_so_far() -> float:
    """Seconds that the main thread was ready to run and had no processor (Documentation/scheduler/sched-stats)."""
    return int(Path("/proc/self/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
