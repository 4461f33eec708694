"""The bench recognises the shipped prompts in what came down the line, without asking the gateway."""

import numpy as np
import pytest

from gateway.bench.transcript import PROMPTS, RATE, Said, Transcriber, read_clip, sentences, transcribe

LANGUAGES = ("ja", "en")


def line_with(language: str, *clips: str, pause: float = 0.6) -> np.ndarray:
    """Clips with pauses between, as an 8-bit modem plays them on a noisy line."""
    silence = np.zeros(round(pause * RATE), np.int16)
    pieces = [silence]
    for clip in clips:
        pieces += [read_clip(PROMPTS / language / f"{clip}.wav"), silence]
    sound = np.concatenate(pieces).astype(np.int32) // 256 * 256
    noise = np.random.default_rng(1).normal(0, 15, len(sound))
    return np.clip(sound + noise, -32768, 32767).astype(np.int16)


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_are_recognised_in_their_order(language: str) -> None:
    clips = ["greeting", "main", "order_article", "order_quantity", "order_confirm", "order_kept", "goodbye"]
    assert [said.clip for said in transcribe(line_with(language, *clips), language)] == clips


def test_a_prompt_cut_short_by_a_key_is_marked() -> None:
    sound = line_with("ja", "main")[: RATE * 2]
    (said,) = transcribe(np.concatenate([sound, np.zeros(RATE * 2, np.int16)]), "ja")
    assert said.cut and said.clip == "main" and said.end < 2.2


def test_a_prompt_that_the_next_one_cut_short_ends_where_that_begins() -> None:
    first, second = line_with("ja", "main", pause=0.1)[: RATE * 2], line_with("ja", "order_article", pause=0.1)
    cut, whole = transcribe(np.concatenate([first, second]), "ja")
    assert cut.cut and cut.end <= whole.begin and not whole.cut


@pytest.mark.parametrize("size", [160, 3333, 20_000])
def test_any_chunking_finds_the_same(size: int) -> None:
    sound = line_with("en", "greeting", "main")
    whole, pieces = Transcriber("en"), Transcriber("en")
    found = [said for at in range(0, len(sound), size) for said in pieces.hear(sound[at : at + size])]
    assert found == whole.hear(sound)[: len(found)] and len(found) >= 1


def test_silence_and_tones_are_no_prompts() -> None:
    tone = (6000 * np.sin(2 * np.pi * 400 * np.arange(3 * RATE) / RATE)).astype(np.int16)
    assert transcribe(np.concatenate([np.zeros(RATE, np.int16), tone]), "ja") == []


def test_clips_of_a_sentence_are_joined_and_numbers_written_in_figures() -> None:
    names = [
        ("order_item", "ご注文は、"),
        ("n_25", "25"),
        ("order_article_end", "番"),
        ("q_2", "2"),
        ("order_total", "合計、"),
        ("n_4000", "4000"),
        ("n_800", "800"),
        ("y_yen", "yen"),
        ("order_total_end", "です。"),
        ("d_1", "1"),
        ("d_6", "6"),
    ]
    said = [Said(name, text, place * 1.0, place + 0.9) for place, (name, text) in enumerate(names)]
    assert [each.text for each in sentences(said, "ja")] == ["ご注文は、25番2個合計、4,800円です。", "1-6"]
