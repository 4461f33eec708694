"""Whatever a caller presses, and whenever: what must hold on every call."""

from hypothesis import given, settings
from hypothesis import strategies as st
from menu_caller import Call

from gateway.audio.prompts import Article, Clip, PromptLibrary, Quantity
from gateway.calls.menu import Place, Say, Step
from gateway.calls.menu_file import built_in, load_menu
from gateway.calls.menu_nodes import Check, Choice, End, HearOrder, Menu, TakeOrder, Times
from gateway.protocols.messages import OrderLine

BUILT_IN = load_menu(built_in("en"))
LIBRARY = PromptLibrary.open("en")
ORDERS_ONLY = Menu(
    "en",
    "start",
    {
        "start": Check("greeting", "main", "bye"),
        "main": Choice("main", {"1": "order", "3": "hear"}, "bye", 5),
        "order": TakeOrder("main", "main", "bye"),
        "hear": HearOrder("main"),
        "bye": End("goodbye"),
    },
    BUILT_IN.catalogue,
    Times(call=3600),
)
"""Without a recording, which takes a key for itself if it comes in time."""

WORDS = st.sampled_from(
    ["25#", "31#", "108", "2#", "1#", "10#", "1", "2", "3", "*", "#", "9", "0", "11#", "77#", "25#2#1"]
)
CALLS = st.lists(st.tuples(WORDS, st.floats(0.05, 12.0)), max_size=25)
KEYS = st.lists(WORDS, max_size=14).map("".join)


def order_last_read_back(steps: list[Step]) -> tuple[OrderLine, ...]:
    """Articles and quantities of the last thing said, if that asked for the confirmation."""
    said = [step for step in steps if isinstance(step, Say)][-1]
    assert Clip("order_confirm") in said.phrase
    numbers = [part.number for part in said.phrase if isinstance(part, Article)]
    quantities = [part.value for part in said.phrase if isinstance(part, Quantity)]
    return tuple(OrderLine(*pair) for pair in zip(numbers, quantities, strict=True))


@settings(max_examples=300)
@given(CALLS)
def test_every_call_ends_in_bounded_time(calls: list[tuple[str, float]]) -> None:
    call = Call(BUILT_IN, LIBRARY)
    for keys, pause in calls:
        call.press(keys, 0.1)
        call.wait(pause)
    call.stay_silent()
    assert call.over
    assert call.now < BUILT_IN.times.call + 120


@settings(max_examples=300)
@given(CALLS)
def test_every_order_is_what_was_read_back_and_confirmed_by_1(calls: list[tuple[str, float]]) -> None:
    call = Call(BUILT_IN, LIBRARY)
    for keys, pause in calls:
        call.press(keys, 0.1)
        call.wait(pause)
    call.stay_silent()
    for index, step in enumerate(call.steps):
        if isinstance(step, Place):
            assert sorted(step.lines, key=str) == sorted(order_last_read_back(call.steps[:index]), key=str)
    assert len(call.orders) == sum(isinstance(step, Place) for step in call.steps)


@settings(max_examples=300)
@given(KEYS, st.floats(0.01, 2.0))
def test_typed_ahead_keys_mean_the_same_as_patient_ones(keys: str, gap: float) -> None:
    hasty, patient = Call(ORDERS_ONLY, LIBRARY), Call(ORDERS_ONLY, LIBRARY)
    hasty.press("1" + keys, gap)
    for key in "1" + keys:
        patient.answer(key)
    hasty.stay_silent()
    patient.stay_silent()
    assert hasty.orders == patient.orders
    assert hasty.outcome == patient.outcome


@settings(max_examples=300)
@given(CALLS)
def test_a_caller_who_never_presses_1_orders_nothing(calls: list[tuple[str, float]]) -> None:
    call = Call(BUILT_IN, LIBRARY)
    for keys, pause in calls:
        call.press(keys.replace("1", "2"), 0.1)
        call.wait(pause)
    call.stay_silent()
    assert call.orders == []
