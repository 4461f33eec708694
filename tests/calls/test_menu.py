"""The order menu as a caller meets it, with the built-in menu in both languages."""

from pathlib import Path

import pytest
from menu_caller import ORDER_NUMBER, Call

from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.catalogue import Catalogue, CatalogueEntry
from gateway.calls.menu import OrderMenu, Place, Say
from gateway.calls.menu_file import built_in, load_menu
from gateway.calls.menu_nodes import Check, Choice, End, Limits, Menu, Operator, TakeOrder, Times
from gateway.protocols.messages import OrderLine

MENUS = {language: load_menu(built_in(language)) for language in ("ja", "en")}
LIBRARIES = {language: PromptLibrary.open(language) for language in ("ja", "en")}


def ring(language: str = "en", **settings: object) -> Call:
    return Call(MENUS[language], LIBRARIES[language], **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_order_is_taken_read_back_placed_and_its_number_spoken(language: str) -> None:
    call = ring(language)
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys)
    call.stay_silent()
    assert call.orders == [(OrderLine("25", 2),)]
    assert call.outcome == "order"
    assert "1-0-4-2" in call.said()
    assert {"ja": "25番、急須、2個", "en": "25, tea pot, 2 pieces"}[language] in call.said()


@pytest.mark.parametrize("gap", [0.05, 0.2, 1.0, 3.0])
def test_keys_typed_ahead_give_the_same_order_at_any_speed(gap: float) -> None:
    call = ring()
    call.press("1125#2#1", gap)
    call.stay_silent()
    assert call.orders == [(OrderLine("25", 2),)]


def test_keys_typed_ahead_make_the_number_the_first_words_after_the_greeting() -> None:
    call = ring()
    call.wait(0.5)
    call.press("1125#2#1", 0.1)
    spoken = [line.what for line in call.transcript if line.who == "gateway" and len(line.what) > 40]
    assert ORDER_NUMBER in spoken[-1].replace("-", "")
    assert call.now < 2


def test_two_articles_with_a_correction_are_one_order() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "3#", "2", "25#", "2#", "3", "108#", "1#", "1"):
        call.answer(keys)
    call.stay_silent()
    assert call.orders == [(OrderLine("25", 2), OrderLine("108", 1))]


def test_the_newest_article_is_read_back_first() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "3", "31#", "6#"):
        call.answer(keys)
    last = call.transcript[-1].what
    assert last.index("tea cup") < last.index("tea pot") < last.index("8,400 yen")


def test_the_same_article_keyed_twice_is_added_up() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "3", "25#", "4#", "1"):
        call.answer(keys)
    assert call.orders == [(OrderLine("25", 6),)]


def test_correcting_takes_back_only_what_was_keyed_last() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "3", "25#", "4#", "2", "*", "1"):
        call.answer(keys)
    assert call.orders == [(OrderLine("25", 2),)]


def test_a_cancelled_order_is_never_placed() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "*"):
        call.answer(keys)
    assert "Your order has been cancelled." in call.transcript[-2].what
    call.stay_silent()
    assert call.orders == []
    assert call.outcome != "order"


def test_cancelling_one_of_two_articles_keeps_the_other() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "3", "31#", "5#", "*", "1"):
        call.answer(keys)
    assert call.orders == [(OrderLine("25", 2),)]


def test_star_takes_back_digits_then_the_article_then_leaves_the_order() -> None:
    call = ring()
    for keys in ("1", "1", "31*", "25#", "9*", "*", "*"):
        call.answer(keys)
    assert call.transcript[-1].what.startswith("To place an order")


def test_an_unknown_article_is_named_and_asked_again() -> None:
    call = ring()
    for keys in ("1", "1", "77#"):
        call.answer(keys)
    assert call.transcript[-1].what.startswith("There is no article 7-7 in our catalogue. Please key the article")


@pytest.mark.parametrize("quantity", ["0#", "11#", "00#"])
def test_a_quantity_out_of_range_is_refused_with_the_range(quantity: str) -> None:
    call = ring()
    for keys in ("1", "1", "25#", quantity):
        call.answer(keys)
    assert call.transcript[-1].what.startswith("You can order one to 10 pieces of this article.")
    call.answer("10#")
    call.answer("1")
    assert call.orders == [(OrderLine("25", 10),)]


def test_more_than_the_limit_of_one_article_is_refused_although_keyed_in_two_parts() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "6#", "3", "25#", "5#"):
        call.answer(keys)
    assert "You can order one to 10 pieces" in call.transcript[-1].what


def test_three_wrong_articles_lead_to_the_recording_and_no_order() -> None:
    call = ring()
    for keys in ("1", "1", "77#", "78#", "79#"):
        call.answer(keys)
    call.stay_silent()
    assert "Your order has not been placed." in call.said()
    assert call.recordings == ["question or complaint"]
    assert (call.orders, call.outcome) == ([], "message")


def test_an_article_number_is_complete_by_silence() -> None:
    call = ring()
    for keys in ("1", "1", "25"):
        call.answer(keys)
    call.wait(MENUS["en"].times.digit + 0.1)
    assert call.transcript[-1].what.startswith("How many pieces?")


def test_an_article_number_of_full_length_needs_no_hash_and_its_hash_is_not_lost_on_the_quantity() -> None:
    call = ring()
    call.answer("1")
    call.answer("1")
    call.answer("108")
    assert call.transcript[-1].what.startswith("How many pieces?")
    call.press("#")
    assert call.transcript[-1].what.startswith("How many pieces?")
    assert call.speaking
    call.answer("2#")
    call.answer("1")
    assert call.orders == [(OrderLine("108", 2),)]


def test_a_digit_too_many_is_no_article_and_never_a_quantity() -> None:
    call = ring()
    for keys in ("1", "1", "315#"):
        call.answer(keys)
    assert "There is no article 3-1-5" in call.transcript[-1].what


def test_silence_after_the_read_back_places_nothing() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#"):
        call.answer(keys)
    call.stay_silent()
    assert call.orders == []
    assert "Your order has not been placed." in call.said()


def test_greeting_is_repeated_until_a_key_comes() -> None:
    call = ring()
    call.wait(20)
    assert call.said().count("Hello, this is") >= 3
    call.press("5")
    assert call.transcript[-1].what.startswith("To place an order")


def test_a_machine_is_told_why_we_rang_and_left_within_the_human_check() -> None:
    call = ring()
    call.stay_silent()
    assert call.outcome == "machine"
    assert "Please call us again." in call.said()
    assert 30 < call.now < 50


def test_outcome_of_a_caller_who_hangs_up() -> None:
    call = ring()
    assert call.machine.outcome == "left early"
    call.answer("1")
    assert call.machine.outcome == "talked"
    for keys in ("1", "25#", "2#"):
        call.answer(keys)
    assert call.machine.outcome == "talked"
    call.answer("1")
    assert call.machine.outcome == "order"


def test_a_question_is_recorded() -> None:
    call = ring()
    call.answer("1")
    call.answer("2")
    call.stay_silent()
    assert call.recordings == ["question or complaint"]
    assert call.outcome == "message"
    assert "Your message has been recorded." in call.said()


def test_a_recording_that_holds_nothing_is_not_called_recorded() -> None:
    call = ring(recording_heard=False)
    call.answer("1")
    call.answer("2")
    call.stay_silent()
    assert "could not be recorded" in call.said()
    assert call.outcome == "talked"


def test_a_key_before_the_beep_brings_the_beep_at_once() -> None:
    call = ring()
    call.answer("1")
    call.answer("2")
    call.press("#")
    assert call.transcript[-1].what == "[beep]"


def test_an_order_that_could_not_be_kept_gets_no_number() -> None:
    call = ring(disk_full=True)
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys)
    call.stay_silent()
    assert "Nothing has been ordered." in call.said()
    assert "order number" not in call.said()
    assert call.outcome == "message"


def test_the_shop_has_it_is_said_only_when_the_shop_has_acknowledged() -> None:
    silent_shop, quick_shop = ring(), ring(shop_answers_after=1.0)
    for call in (silent_shop, quick_shop):
        for keys in ("1", "1", "25#", "2#", "1"):
            call.answer(keys)
        call.stay_silent()
    assert "The shop has received it." not in silent_shop.said()
    assert quick_shop.said().count("The shop has received it.") == 1


def test_a_late_acknowledgement_is_said_before_goodbye() -> None:
    call = ring(shop_answers_after=14.0)
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys)
    call.stay_silent()
    assert call.said().rstrip().endswith("The shop has received it. Thank you for calling. Goodbye.\n(hangs up)")


def test_an_acknowledgement_of_another_order_says_nothing() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys)
    assert call.machine.acknowledged("9999", call.now) == []


def test_the_order_can_be_heard_again_with_its_number() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "1", "1"):
        call.answer(keys)
    assert "tea pot, 2 pieces" in call.transcript[-2].what
    assert "1-0-4-2" in call.transcript[-2].what


def test_hearing_an_order_before_there_is_one_says_so() -> None:
    call = ring()
    call.answer("1")
    call.answer("3")
    assert "You have not placed an order on this call." in call.said()


def test_a_key_during_the_order_number_is_kept_and_counts_afterwards() -> None:
    call = ring()
    for keys in ("1", "1", "25#", "2#", "1"):
        call.answer(keys)
    call.wait(0.5)
    call.press("1")
    assert "…" not in call.transcript[-2].what, "the order number is not cut short"
    call.listen()
    assert call.transcript[-2].what.startswith("Your order is article 25")
    assert call.said().count("To hear your order again, press 1.") == 1, "a question already answered is not asked"


def test_a_wrong_key_is_said_to_be_wrong() -> None:
    call = ring()
    call.answer("1")
    call.answer("9")
    assert call.transcript[-1].what.startswith("That key has no meaning here. To place an order")


def test_keys_a_to_d_are_ignored() -> None:
    machine = OrderMenu(MENUS["en"])
    machine.start(0.0)
    assert machine.press("A", 1.0) == []
    assert machine.outcome == "left early"


def test_a_full_order_takes_no_further_article() -> None:
    menu = shop(limits=Limits(lines=1))
    call = Call(menu, LIBRARIES["en"])
    for keys in ("1", "7", "3", "3"):
        call.answer(keys)
    assert "Nothing more can be added" in call.said()
    call.answer("1")
    assert call.orders == [(OrderLine("7", 3),)]


def test_the_call_ends_politely_at_the_limit_and_says_that_nothing_was_ordered() -> None:
    menu = shop(times=Times(call=60.0))
    call = Call(menu, LIBRARIES["en"])
    for keys in ("1", "7", "3"):
        call.answer(keys)
    while not call.over:
        call.listen()
        call.press("9")
        call.press("2")
        call.press("7")
        call.press("3")
    assert "Your order has not been placed. Sorry, this call has reached its time limit." in call.said()
    assert call.now < 90


def test_a_caller_can_be_put_through_and_comes_back_when_nobody_is_free() -> None:
    nodes = {
        "start": Check("greeting", "who", "bye"),
        "who": Choice("main_operator", {"0": "person"}, "bye"),
        "person": Operator("operator", "shop", "bye", "who"),
        "bye": End("goodbye"),
    }
    menu = Menu("en", "start", nodes, Catalogue({}))  # type: ignore[arg-type]
    busy = Call(menu, LIBRARIES["en"])
    busy.answer("1")
    busy.answer("0")
    busy.stay_silent()
    assert "Sorry, nobody is free to talk to you now. To speak to a person" in busy.said().replace("\n", " ")
    free = Call(menu, LIBRARIES["en"], person_free=True)
    free.answer("1")
    free.answer("0")
    free.stay_silent()
    assert free.outcome == "talked"


def test_place_comes_alone_and_before_any_word_about_it() -> None:
    machine = OrderMenu(shop())
    machine.start(0.0)
    for key in "17":
        machine.press(key, 1.0)
    machine.press("3", 1.0)
    assert machine.press("1", 2.0) == [Place((OrderLine("7", 3),))]
    assert machine.deadline is None
    steps = machine.placed("5", 2.0)
    assert isinstance(steps[0], Say)
    assert steps[0].phrase[0] == Clip("order_kept")
    assert not steps[0].bargeable


def shop(limits: Limits | None = None, times: Times | None = None) -> Menu:
    """One article, number 7, at most 9 pieces: every entry is complete by its first digit."""
    nodes = {
        "start": Check("greeting", "order", "bye"),
        "order": TakeOrder("bye", "bye", "bye"),
        "bye": End("goodbye"),
    }
    articles = Catalogue({"7": CatalogueEntry("7", "cup", max_quantity=9)})
    return Menu("en", "start", nodes, articles, times or Times(), limits or Limits())  # type: ignore[arg-type]


def test_every_clip_of_the_built_in_menus_exists(tmp_path: Path) -> None:
    for language in ("ja", "en"):
        assert load_menu(built_in(language)).language == language
