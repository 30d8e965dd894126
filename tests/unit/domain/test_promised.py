"""Promised: who was told when power comes back hears when that moves, once for each time that it does."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import msgspec
import pytest
from correlation_bench import MINUTE, NOW, Story, all_of, closed, ends_of, opened

from functions.domain import actions
from functions.domain.incidents import Incident
from functions.domain.notifications import Intent, IntentKind
from functions.domain.promised import GAP_S, keep_promises
from functions.domain.revising import Restoration
from functions.domain.schedule import ESTIMATE_S

HOUR = 3_600
SEEN, CHANGED, BACK = IntentKind.outage_seen, IntentKind.estimate_changed, IntentKind.restored
FOUR = [f"C-M00{n}" for n in range(4)]


def at(*steps: tuple[int, int]) -> Callable[[Incident, int], Restoration]:
    """An estimate that says a moment from each moment on, both in seconds after the start."""

    def estimate(incident: Incident, now: int) -> Restoration:
        said = [until for since, until in steps if NOW + since <= now]
        return Restoration(NOW + said[-1], (0.5, 1.0, 2.0, 4.0))

    return estimate


def told(story: Story, kind: IntentKind = CHANGED) -> list[tuple[int, int | None, list[str]]]:
    """Intents of a kind: when, of what moment, to whom; in seconds after the start."""
    found: list[Intent] = [intent for step in story.steps for intent in step.intents if intent.kind is kind]
    return [
        (
            intent.created_at - NOW,
            None if intent.estimate is None else intent.estimate - NOW,
            sorted({member.customer_id for name in intent.chunks for member in story.members[name]}),
        )
        for intent in found
    ]


def inform(story: Story, now: int, **facts: object) -> None:
    """What the utility says, as the correlation service does it."""
    (incident, *_) = story.board.incidents
    actions.inform(story.board, incident.incident_id, **facts, at=now)
    story.tell(at=now)


def dark(estimate, until: int) -> Story:
    """A transformer that is dark, told of after seven minutes, watched until so many seconds after the start."""
    story = Story(estimate=estimate)
    story.tell(*all_of("T00"))
    story.wait(NOW + until)
    return story


def test_a_moment_that_moves_by_more_than_half_an_hour_is_told_once() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 6 * HOUR)), 3 * HOUR)
    ((moment, until, customers),) = told(story)
    assert until == 6 * HOUR
    assert HOUR <= moment <= 2 * HOUR + 600
    assert customers == FOUR
    ((_, first, _),) = told(story, SEEN)
    assert first == 4 * HOUR


@pytest.mark.parametrize("moved", [-1_800, 0, 1_800])
def test_half_an_hour_is_no_news(moved: int) -> None:
    assert told(dark(at((0, 4 * HOUR), (HOUR, 4 * HOUR + moved)), 3 * HOUR)) == []


def test_small_steps_add_up_against_what_was_told() -> None:
    creeping = at(*((nth * HOUR, 6 * HOUR + nth * 1_200) for nth in range(5)))
    assert [until - 6 * HOUR for _, until, _ in told(dark(creeping, 5 * HOUR))] == [2_400, 4_800]


def test_sooner_is_news_too() -> None:
    assert [until for _, until, _ in told(dark(at((0, 9 * HOUR), (HOUR, 4 * HOUR)), 3 * HOUR))] == [4 * HOUR]


@pytest.mark.parametrize(("hours", "gap"), [(0, GAP_S), (8, 2 * HOUR)])
def test_a_computed_moment_is_told_at_most_every_half_hour_or_fourth_of_what_lies_ahead(hours: int, gap: int) -> None:
    """It jumps to and fro by two thirds of an hour every five minutes."""
    jumps = ((nth * 300, nth * 300 + hours * HOUR + HOUR + nth % 2 * 2_400) for nth in range(60))
    restless = at(*jumps)
    story = Story(estimate=restless)
    story.tell(*all_of("T00"))
    for minutes in range(1, 300):
        story.tell(opened("M010", start=NOW + minutes * MINUTE), at=NOW + minutes * MINUTE)  # something happens
        story.tell(closed("M010", start=NOW + minutes * MINUTE, end=NOW + minutes * MINUTE + 5), at=NOW + minutes * 60)
        story.wait(NOW + minutes * MINUTE)
    when = [told(story, SEEN)[0][0], *(moment for moment, _, customers in told(story) if FOUR[0] in customers)]
    gaps = [later - sooner for sooner, later in pairwise(when)]
    assert len(gaps) >= 2
    assert all(gap <= each <= gap + 40 * MINUTE for each in gaps)


def test_what_comes_sooner_is_told_within_half_an_hour_however_far_ahead_it_lay() -> None:
    ((moment, until, _),) = told(dark(at((0, 12 * HOUR), (600, 3 * HOUR)), 2 * HOUR))
    assert until == 3 * HOUR
    assert moment <= 70 * MINUTE  # an hour after the first estimate, no fact has come, it is made anew


def test_what_the_utility_says_is_told_at_once() -> None:
    story = dark(at((0, 4 * HOUR)), 600)
    inform(story, NOW + 660, utility_estimate=NOW + 8 * HOUR)
    inform(story, NOW + 720, utility_estimate=NOW + 3 * HOUR)
    inform(story, NOW + 780, utility_estimate=NOW + 3 * HOUR + 900)
    inform(story, NOW + 840, crew_status="on site")
    assert told(story) == [(660, 8 * HOUR, FOUR), (720, 3 * HOUR, FOUR)]


def test_the_utility_s_own_stands_before_a_computed_one_until_it_has_passed() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 9 * HOUR)), 600)
    inform(story, NOW + 660, utility_estimate=NOW + 2 * HOUR)
    story.wait(NOW + 3 * HOUR)
    (_, second) = told(story)
    assert second[1] == 9 * HOUR
    assert 2 * HOUR < second[0] <= 2 * HOUR + 3 * MINUTE


def test_a_moment_in_the_past_is_never_told() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 600)), 2 * HOUR)
    inform(story, NOW + 2 * HOUR + 60, utility_estimate=NOW + HOUR)
    story.wait(NOW + 4 * HOUR)
    assert told(story) == []


def test_who_is_told_of_the_outage_later_hears_the_moment_with_it() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 6 * HOUR)), 20 * MINUTE)
    story.tell(opened("M010", start=NOW + HOUR - 300), opened("M011", start=NOW + HOUR - 300), at=NOW + HOUR - 290)
    story.wait(NOW + 3 * HOUR)
    assert [until for _, until, customers in told(story, SEEN) if "C-M010" in customers] == [6 * HOUR]
    assert [customers for _, _, customers in told(story)] == [FOUR]


def test_whose_power_is_back_is_not_told_when_it_will_be() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 6 * HOUR)), 20 * MINUTE)
    story.tell(closed("M000", end=NOW + HOUR - 60), at=NOW + HOUR - 30)
    inform(story, NOW + HOUR, utility_estimate=NOW + 6 * HOUR)
    story.wait(NOW + 2 * HOUR)
    assert told(story) == [(HOUR, 6 * HOUR, FOUR[1:])]


def test_nobody_is_told_once_most_are_back() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 6 * HOUR)), 20 * MINUTE)
    story.tell(*ends_of("T00", end=NOW + HOUR - 60, meters=range(3)), at=NOW + HOUR - 30)
    story.wait(NOW + HOUR + 20 * MINUTE)
    assert told(story) == []


def test_nobody_hears_of_it_who_was_not_told_of_the_outage() -> None:
    story = Story(estimate=at((0, 4 * HOUR), (120, 9 * HOUR)))
    story.tell(*all_of("T00"))
    story.wait(NOW + 300)
    assert told(story) == []
    story.tell(*ends_of("T00", end=NOW + 280), at=NOW + 310)
    story.wait(NOW + 3 * HOUR)
    assert (told(story), told(story, SEEN)) == ([], [])


def test_the_first_moment_is_told_to_those_who_heard_that_nobody_could_say() -> None:
    story = dark(None, 600)
    assert [until for _, until, _ in told(story, SEEN)] == [None]
    inform(story, NOW + 900, utility_estimate=NOW + 2 * HOUR)
    inform(story, NOW + 960, utility_estimate=NOW + 2 * HOUR + 60)
    assert told(story) == [(900, 2 * HOUR, FOUR)]


def test_an_intent_is_one_a_revision_and_names_it() -> None:
    story = dark(at((0, 4 * HOUR), (HOUR, 6 * HOUR), (3 * HOUR, 8 * HOUR)), 5 * HOUR)
    intents = [intent for step in story.steps for intent in step.intents if intent.kind is CHANGED]
    assert len({each.id for each in intents}) == len(intents) == 2
    assert all(each.id == f"{each.incident_id}:r{each.revision}:estimate_changed" for each in intents)


@pytest.mark.parametrize("utility", [None, 20 * HOUR])
def test_a_revision_never_has_more_than_two_intents_and_the_third_follows_within_a_minute(utility: int | None) -> None:
    story = dark(at((0, 2 * HOUR)), HOUR)
    (incident,) = story.board.incidents
    assert incident.last is not None
    troubles = list(story.board.troubles.values())
    moved = msgspec.structs.replace(
        incident.last,
        restoration_estimate=NOW + 6 * HOUR,
        utility_estimate=None if utility is None else NOW + utility,
    )
    others = [intent for step in story.steps for intent in step.intents] * 2
    now = NOW + HOUR
    assert keep_promises(incident, moved, troubles, (), [], others, now) == ([], [])
    assert incident.estimated_at + ESTIMATE_S <= now + MINUTE
    _, (news,) = keep_promises(incident, moved, troubles, (), [], [], now + MINUTE)
    assert (news.kind, news.estimate) == (CHANGED, NOW + (utility or 6 * HOUR))


def test_without_a_model_nobody_is_told_what_nobody_computes() -> None:
    assert told(dark(None, 5 * HOUR)) == []


def test_who_was_told_without_a_signal_hears_with_the_neighbours_and_with_a_signal_too() -> None:
    story = Story(estimate=at((0, 4 * HOUR), (HOUR, 6 * HOUR), (3 * HOUR, 10 * HOUR)))
    story.tell(*all_of("T00", meters=range(3)))
    story.wait(NOW + 2 * HOUR + 10 * MINUTE)
    assert [customers for _, _, customers in told(story)] == [FOUR]
    story.tell(opened("M003", start=NOW + 5), at=NOW + 2 * HOUR + 11 * MINUTE)
    story.wait(NOW + 5 * HOUR)
    assert [(until, customers) for _, until, customers in told(story)] == [(6 * HOUR, FOUR), (10 * HOUR, FOUR)]


def test_a_signal_that_comes_before_the_news_does_not_lose_it() -> None:
    story = Story(estimate=at((0, 4 * HOUR), (20 * MINUTE, 6 * HOUR)))
    story.tell(*all_of("T00", meters=range(3)))
    story.wait(NOW + 20 * MINUTE)
    inform(story, NOW + 21 * MINUTE, crew_status="on site")
    story.tell(opened("M003", "no_reads", start=NOW + 5), at=NOW + 25 * MINUTE)
    story.wait(NOW + 3 * HOUR)
    assert sorted({each for _, until, customers in told(story) if until == 6 * HOUR for each in customers}) == FOUR
