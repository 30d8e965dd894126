"""docs/event-contract.md shows what utilities copy: every example must be accepted whole."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.domain.outcomes import Reason
from functions.domain.readings import decode

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "event-contract.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
NOW = 1_718_590_000


def examples(page: str) -> list[str]:
    return re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)


@pytest.mark.parametrize("body", [*examples(PAGE), *examples(README)])
def test_an_example_is_accepted_whole(body: str) -> None:
    batch = decode(body.encode(), NOW)
    assert batch.feeder_id == "FDR-001"
    assert batch.refusals == []
    assert batch.records >= 1


def test_there_are_examples_of_every_form() -> None:
    assert len(examples(PAGE)) == 5
    assert len(examples(README)) == 1


def test_every_reason_is_on_the_page() -> None:
    missing = [reason.name for reason in Reason if f"`{reason.name}`" not in PAGE]
    assert missing == []
