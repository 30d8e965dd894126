"""Commands of the pages that can be run here are there, with the options they are given."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import typer
from stacks import ROOT

from local.__main__ import app

PAGES = ("runbook", "deploy", "capacity", "security", "reliability", "http", "replay", "messages")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def text(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").replace("\\\n", " ")


def commands(page: str) -> list[str]:
    """Everything after `python -m local`, to the end of its line or of its code."""
    found = re.findall(r"python -m local +([^`\n]+?)(?= -->|[`\n])", text(page))
    return [re.sub(r"\s+#.*|\$\(value (\w+)\)", r"\1", each).strip() for each in found]


def fault(command: str) -> str:
    """What is wrong with a command line; empty when nothing is."""
    here: Any = typer.main.get_command(app)
    words = shlex.split(command)
    while hasattr(here, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in here.commands:
            return f"there is no command {name}"
        here = here.commands[name]
    options = {option for parameter in here.params for option in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in options | {"--help"}]
    return f"{here.name} has no option {unknown[0]}" if unknown else ""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_commands_that_there_are(page: str) -> None:
    faults = {command: fault(command) for command in commands(page)}
    assert {command: wrong for command, wrong in faults.items() if wrong} == {}


@pytest.mark.parametrize("wrong", ["customer delete C1", "customers delete C1 --purge", "capacity --meter 5"])
def test_a_wrong_command_would_be_seen(wrong: str) -> None:
    assert fault(wrong)


def test_the_runbook_deletes_and_exports_customers_by_command() -> None:
    there = {" ".join(command.split()[:2]) for command in commands("runbook")}
    assert {"customers delete", "customers export", "dead-letters replay"} <= there


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_targets_of_make_that_there_are(page: str) -> None:
    asked = set(re.findall(r"(?:^|`|&& )make ([a-z-]+)", text(page), re.MULTILINE))
    assert asked <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES)
def test_a_page_leads_to_headings_that_there_are(page: str) -> None:
    for other, heading in re.findall(r"\]\(([\w-]+\.md)?#([\w-]+)\)", text(page)):
        target = (ROOT / "docs" / other).read_text(encoding="utf-8") if other else text(page)
        headings = re.findall(r"^#+ (.*)$", target, re.MULTILINE)
        assert heading in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
