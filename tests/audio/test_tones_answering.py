"""A person, a machine or nobody: judged from what is heard, and who has gone."""

import numpy as np
import pytest
from tone_lab import BUSY, ROWS, Row, Sound, silence, sine, speech, tone

from gateway.audio.pcm import to_samples
from gateway.audio.tones import Answered, Answering, ToneListener

BEEP = sine(1000, 0.4)


def heard(sound: Sound) -> Answering:
    listener, answering = ToneListener("JP"), Answering()
    samples = to_samples(sound)
    for at in range(0, len(samples), 160):
        answering.hear(listener.feed(samples[at : at + 160]), (at + 160) / 8000)
    return answering


def words(seconds: float) -> Sound:
    """Speech without a pause of a sentence's end."""
    return np.concatenate([speech(), speech("main"), speech("message")])[: round(seconds * 8000)]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_short_word_and_silence_is_a_person(language: str) -> None:
    sound = np.concatenate([silence(0.5), speech("greeting", language)[:9600], silence(6.0)])
    answering = heard(sound)
    assert answering.answered is Answered.PERSON
    assert not answering.hung_up, "silence is no hang-up"


def test_a_person_who_talks_again_later_is_still_one() -> None:
    assert heard(np.concatenate([words(1.5), silence(6.0), words(8.0)])).answered is Answered.PERSON


def test_a_person_who_says_hello_again_and_again_is_still_one() -> None:
    hello = np.concatenate([words(1.2), silence(1.2)])
    assert heard(np.tile(hello, 5)).answered is Answered.PERSON


@pytest.mark.parametrize("lead", [0.0, 2.0])
def test_a_long_greeting_is_a_machines_and_it_is_over_when_it_has_fallen_silent(lead: float) -> None:
    greeting = np.concatenate([silence(lead), words(7.0)])
    assert heard(greeting[: round((lead + 3.2) * 8000)]).answered is Answered.PERSON, "not known yet"
    assert heard(greeting).answered is Answered.MACHINE
    assert not heard(np.concatenate([greeting, silence(1.5)])).greeting_over
    assert heard(np.concatenate([greeting, silence(3.0)])).greeting_over


def test_two_sentences_and_a_breath_between_are_a_machines_but_no_wait_for_an_answer() -> None:
    sentence = words(2.2)
    assert heard(np.concatenate([sentence, silence(1.0), words(3.2), silence(4.0)])).answered is Answered.MACHINE
    assert heard(np.concatenate([sentence, silence(1.6), words(3.2), silence(4.0)])).answered is Answered.PERSON
    assert heard(np.concatenate([words(1.0), silence(1.0), words(3.2), silence(4.0)])).answered is Answered.PERSON


def test_a_hello_before_a_long_greeting_does_not_hide_the_machine() -> None:
    assert heard(np.concatenate([words(0.8), silence(1.0), words(6.0)])).answered is Answered.MACHINE


@pytest.mark.parametrize("seconds", [2.0, 7.0])
def test_a_beep_after_words_is_a_machines_and_ends_its_greeting(seconds: float) -> None:
    answering = heard(np.concatenate([words(seconds), silence(0.6), BEEP, silence(0.3)]))
    assert answering.answered is Answered.MACHINE
    assert answering.greeting_over


def test_a_beep_before_any_word_says_nothing() -> None:
    assert heard(np.concatenate([BEEP, silence(1.0), words(1.0), silence(1.0)])).answered is Answered.PERSON


def test_a_greeting_without_end_is_not_waited_for() -> None:
    assert heard(np.tile(words(12.0), 5)).greeting_over


def test_a_modem_is_a_machine() -> None:
    assert heard(sine(2100, 2.0)).answered is Answered.MACHINE


@pytest.mark.parametrize("row", BUSY, ids=str)
def test_busy_before_any_word_is_nobody_and_after_one_the_far_end_has_gone(row: Row) -> None:
    nobody = heard(tone(row, 4.0))
    assert nobody.answered is Answered.NOBODY
    assert not nobody.hung_up
    gone = heard(np.concatenate([words(2.0), silence(0.3), tone(row, 4.0)]))
    assert gone.answered is Answered.PERSON
    assert gone.hung_up


@pytest.mark.parametrize("row", [row for row in ROWS if row.name == "dial"], ids=str)
def test_dial_tone_after_a_word_means_that_the_far_end_has_gone(row: Row) -> None:
    assert heard(np.concatenate([words(2.0), silence(2.0), tone(row, 3.0)])).hung_up


@pytest.mark.parametrize("row", [row for row in ROWS if row.name == "ringback"], ids=str)
def test_while_it_rings_nobody_is_there_and_nobody_has_gone(row: Row) -> None:
    answering = heard(tone(row, 3 * row.period))
    assert answering.answered is None
    assert not answering.hung_up
