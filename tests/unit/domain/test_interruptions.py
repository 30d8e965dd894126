"""What an event cost its customers, from each one's own loss and return of supply."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.interruptions import MOMENTARY_S, Interrupted, interrupted

HOUR = 3_600


def of(*losses: tuple[str, int, int]) -> Interrupted:
    return interrupted(
        [who for who, _, _ in losses],
        np.array([start for _, start, _ in losses], np.int64),
        np.array([end for _, _, end in losses], np.int64),
    )


def test_restoration_in_steps_charges_everyone_with_their_own_minutes() -> None:
    # 600 customers out; 400 back after half an hour, 150 after an hour, 50 after four hours.
    steps = [*[HOUR // 2] * 400, *[HOUR] * 150, *[4 * HOUR] * 50]
    found = of(*((f"C{number}", 1_000, 1_000 + lasted) for number, lasted in enumerate(steps)))

    assert found == Interrupted(sustained=600, customer_seconds=60 * (400 * 30 + 150 * 60 + 50 * 240))


def test_five_minutes_are_momentary_and_a_second_more_is_sustained() -> None:
    assert of(("A", 0, 300), ("B", 0, 301)) == Interrupted(
        sustained=1, customer_seconds=301, momentary=1, momentary_events=1
    )


def test_darkness_and_the_silence_after_it_are_one_interruption() -> None:
    assert of(("A", 0, 900), ("A", 600, 2_000), ("A", 2_000, 3_600)) == Interrupted(sustained=1, customer_seconds=HOUR)


def test_a_loss_within_a_longer_one_changes_nothing() -> None:
    assert of(("A", 0, 3_600), ("A", 600, 700), ("B", 0, 600)) == of(("A", 0, 3_600), ("B", 0, 600))


def test_a_customer_interrupted_twice_counts_twice() -> None:
    assert of(("A", 0, 900), ("A", 1_800, 2_700)) == Interrupted(sustained=2, customer_seconds=1_800)


def test_reclosing_within_five_minutes_is_one_momentary_event() -> None:
    # Three operations of a recloser within two minutes, and a separate one an hour later.
    found = of(("A", 0, 2), ("A", 30, 35), ("A", 100, 110), ("A", HOUR, HOUR + 2))
    assert (found.momentary, found.momentary_events) == (4, 2)


def test_reclosing_that_ends_in_a_lockout_is_no_momentary_event() -> None:
    found = of(("A", 0, 2), ("A", 30, 35), ("A", 100, 100 + HOUR))
    assert found == Interrupted(sustained=1, customer_seconds=HOUR, momentary=2, momentary_events=0)


def test_nothing_costs_nothing() -> None:
    assert of() == Interrupted()


LOSSES = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 5_000), st.integers(0, 2_000)).map(
        lambda loss: (loss[0], loss[1], loss[1] + loss[2])
    ),
    max_size=12,
)


def runs(seconds: set[int]) -> list[int]:
    """Lengths of what is left when neighbouring seconds are put together."""
    lengths, last = [], None
    for second in sorted(seconds):
        if last is None or second > last + 1:
            lengths.append(0)
        lengths[-1] += 1
        last = second
    return lengths


@given(LOSSES)
def test_minutes_are_those_in_which_a_customer_was_without_supply(losses: list[tuple[str, int, int]]) -> None:
    dark: dict[str, set[int]] = {}
    for who, start, end in losses:
        dark.setdefault(who, set()).update(range(start, end))
    long = [length for seconds in dark.values() for length in runs(seconds) if length > MOMENTARY_S]

    found = of(*losses)
    assert (found.sustained, found.customer_seconds) == (len(long), sum(long))


@given(LOSSES, st.randoms())
def test_the_order_of_losses_does_not_matter(losses: list[tuple[str, int, int]], random: object) -> None:
    shuffled = losses.copy()
    random.shuffle(shuffled)
    found = of(*losses)
    assert of(*shuffled) == found
    assert 0 <= found.momentary_events <= found.momentary
