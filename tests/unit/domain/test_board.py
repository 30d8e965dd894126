"""Boards as they are stored: what an earlier release wrote is read, and what cannot be read says so."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from correlation_bench import NOW, Story, ends_of, opened, order

from functions.domain.board import BOARD_VERSION, read_board, stored_board
from functions.domain.errors import StoreError

STORED = Path(__file__).parents[2] / "golden" / "board-1.json"
"""Written by the release before boards had a version: a transformer that is coming back, planned work, a sag."""


def test_a_board_of_the_release_before_versions_is_read_and_lived_on():
    story = Story(orders=(order(asset="T20", end=NOW + 7_200),))
    story.board = read_board(STORED.read_bytes(), "F")
    assert (story.board.version, len(story.board.troubles), len(story.board.suppressed)) == (1, 5, 4)
    assert {each.told for each in story.board.troubles.values() if each.kind == "power_off"} == {True}
    story.tell(opened("M110", start=NOW + 1_900), at=NOW + 2_000)
    story.tell(*ends_of("T00", meters=(2, 3), end=NOW + 2_100), at=NOW + 2_100)
    story.wait(NOW + 4_000)
    assert story.told[0] == ("outage_seen", "C-M110")
    assert sorted(story.told[1:]) == [("restored", f"C-M00{n}") for n in range(4)]


def test_what_is_written_bears_the_version_and_is_read_again():
    story = Story()
    story.tell(opened())
    written = msgspec.json.encode(stored_board(story.board))
    assert b'"version":%d' % BOARD_VERSION in written
    assert read_board(written, "F") == stored_board(story.board)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'{"feeder_id":"F","troubles":{"M0":["M0"]}}', "the board of feeder F cannot be read (.*); put back"),
        (b'{"feeder_id":', "the board of feeder F cannot be read (.*); put back"),
        (b'{"feeder_id":"F","version":"two"}', "the board of feeder F cannot be read (.*); put back"),
        (b'{"feeder_id":"F","version":3}', "the board of feeder F has version 3, and this release reads 2; deploy"),
        (b'{"version":99}', "the board of feeder F has version 99, and this release reads 2; deploy the newer"),
    ],
)
def test_one_that_cannot_be_read_names_the_feeder_and_the_way_out(body, sentence):
    with pytest.raises(StoreError, match=sentence):
        read_board(body, "F")
