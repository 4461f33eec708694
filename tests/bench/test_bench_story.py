"""A customer's story is read from the exchange's log alone."""

from gateway.bench.story import dialled_by, off_hook_now, read_legs, read_stories

SHOP, OVERSEAS, CUSTOMER = "+81355500001", "+12125550101", "+819012345678"


def event(t: float, name: str, number: str, call: int | None = None, **fields: object) -> dict[str, object]:
    return {"t": t, "event": name, "number": number, **({} if call is None else {"call": call}), **fields}


FIRST_LEG = [
    event(0.0, "off_hook", CUSTOMER),
    event(1.0, "dial", CUSTOMER, digits="0355500001"),
    event(1.1, "call", CUSTOMER, 1, to=SHOP, withheld=None, form="mdmf"),
    event(3.0, "caller_id", SHOP, 1, caller="09012345678", reason=None),
    event(3.04, "off_hook", SHOP, 1),
    event(3.05, "answer", SHOP, 1, caller=CUSTOMER),
    event(7.0, "on_hook", CUSTOMER, 1),
    event(7.0, "release", CUSTOMER, 1, by="caller", cause="normal"),
    event(7.5, "on_hook", SHOP),  # the line hangs up when the call is long over
]
CALL_BACK = [
    event(7.51, "atd", OVERSEAS, digits="T011819012345678"),
    event(7.52, "off_hook", OVERSEAS),
    event(7.6, "dial", OVERSEAS, digits="0118190"),
    event(7.7, "dial", OVERSEAS, digits="12345678"),
    event(7.8, "call", OVERSEAS, 2, to=CUSTOMER, withheld=None, form="mdmf"),
    event(9.0, "ring", CUSTOMER, 2, on=True, burst=1),
    event(11.0, "off_hook", CUSTOMER, 2),
    event(12.0, "keyed", CUSTOMER, 2, key="2", onset=11.9, ms=100),
    event(12.5, "keyed", OVERSEAS, 2, key="9", onset=12.4, ms=100),  # not the customer's
    event(13.0, "keyed", CUSTOMER, 2, key="5", onset=12.9, ms=100),
    event(20.0, "on_hook", CUSTOMER, 2),
    event(20.0, "release", CUSTOMER, 2, by="called", cause="normal"),
    event(26.0, "on_hook", OVERSEAS),
]


def test_a_story_joins_a_call_with_the_call_backs_to_its_caller() -> None:
    (story,) = read_stories(FIRST_LEG + CALL_BACK, {SHOP}, {OVERSEAS})
    assert story.first.caller == CUSTOMER
    assert [leg.id for leg in story.back] == [2]
    assert story.talk is not None and story.talk.keyed == "25"
    assert story.talk.dialled == "011819012345678"


def test_figures_are_taken_from_the_moments_that_they_name() -> None:
    (story,) = read_stories(FIRST_LEG + CALL_BACK, {SHOP}, {OVERSEAS})
    assert story.first_leg_s is not None and abs(story.first_leg_s - 4.46) < 1e-9
    assert story.id_to_off_hook_ms is not None and abs(story.id_to_off_hook_ms - 40.0) < 1e-6
    assert story.hand_over_ms is not None and abs(story.hand_over_ms - 10.0) < 1e-6


def test_a_call_that_nobody_answered_has_no_figures() -> None:
    events = [*FIRST_LEG[:4], event(9.0, "release", CUSTOMER, 1, by="caller", cause="abandoned")]
    (story,) = read_stories(events, {SHOP}, {OVERSEAS})
    assert (story.first_leg_s, story.id_to_off_hook_ms, story.hand_over_ms, story.talk) == (None, None, None, None)
    assert story.first.outcome == "abandoned"


def test_a_line_that_was_not_hung_up_is_found() -> None:
    assert off_hook_now(FIRST_LEG[:-1], {SHOP, OVERSEAS}) == {SHOP}
    assert off_hook_now(FIRST_LEG, {SHOP, OVERSEAS}) == set()


def test_who_dialled_is_told_apart() -> None:
    events = FIRST_LEG + CALL_BACK
    assert [leg.called for leg in dialled_by(events, {OVERSEAS})] == [CUSTOMER]
    assert [leg.caller for leg in read_legs(events)] == [CUSTOMER, OVERSEAS]
