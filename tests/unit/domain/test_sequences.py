"""Sequence numbers: a gap is reported once, whatever is delivered again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.sequences import SequenceWatch


def test_the_first_batch_of_a_partition_reports_only_what_it_lacks_itself() -> None:
    watch = SequenceWatch()
    assert watch.missing("0", [4_000_000, 4_000_001]) == 0
    assert watch.missing("1", [10, 12]) == 1


def test_a_gap_between_two_batches_is_counted_in_full() -> None:
    watch = SequenceWatch()
    watch.missing("0", [5])
    assert watch.missing("0", [9, 10]) == 3
    assert watch.missing("0", [11]) == 0


def test_partitions_are_apart() -> None:
    watch = SequenceWatch()
    watch.missing("0", [5])
    assert watch.missing("1", [900]) == 0
    assert watch.missing("0", [6]) == 0


def test_a_replay_from_an_older_checkpoint_is_no_gap_and_does_not_move_back() -> None:
    watch = SequenceWatch()
    watch.missing("0", range(100, 200))
    assert watch.missing("0", [120, 121]) == 0
    assert watch.missing("0", [150, 199]) == 0
    assert watch.missing("0", [198, 199, 200, 203]) == 2


def test_an_empty_batch_says_nothing() -> None:
    watch = SequenceWatch()
    assert watch.missing("0", []) == 0
    assert watch.missing("0", [7]) == 0


numbers = st.sets(st.integers(0, 300), min_size=2)


@given(numbers, st.randoms(use_true_random=False), st.integers(1, 20))
def test_the_sum_is_what_was_never_delivered_however_it_is_cut_and_repeated(
    delivered: set[int], chance: random.Random, size: int
) -> None:
    order = sorted(delivered)
    watch, total = SequenceWatch(), 0
    for start in range(0, len(order), size):
        again = order[chance.randint(0, start) : start + size]  # from a checkpoint that may be older
        if start == 0:
            again = order[:size]
        total += watch.missing("0", chance.sample(again, len(again)))
    assert total == order[-1] - order[0] + 1 - len(order)
