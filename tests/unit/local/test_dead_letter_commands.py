"""`python -m local dead-letters`: what a person sees of letters, and what replaying them changes."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.letters import SqliteLetters
from functions.domain.errors import InputError, SettingError
from functions.domain.notifications import IntentKind
from functions.domain.outcomes import Outcome, Reason, Refusal
from functions.ports import LetterSource
from local.__main__ import app

ROOT = Path(__file__).resolve().parents[3]
MESSAGE = {
    "id": "inc:A|C1|outage_seen|console", "key": "inc:A|C1|outage_seen|console", "customer_id": "C1",
    "incident_id": "inc:A", "kind": IntentKind.outage_seen, "channel": "console", "started_at": 1_718_582_400,
    "restored_at": None, "created_at": int(time.time()),  # what is older than two hours is not sent any more
}  # fmt: skip
MESSAGE_LETTER = f"notifications/document:{MESSAGE['id']}"

Run = Callable[..., Result]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    Database(path).close()
    return path


@pytest.fixture
def run(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("METERSENTRY_STORE", f"sqlite:///{store}")
    monkeypatch.setenv("METERSENTRY_OUT", str(tmp_path / "out"))
    return lambda *arguments: CliRunner().invoke(app, ["dead-letters", *arguments])


@pytest.fixture
def kept(store: Path) -> None:
    """Three letters: refused records, an event that is no JSON, and a notification that can be sent."""

    async def fill(letters: SqliteLetters) -> None:
        refused = {"feeder_id": "F", "reason": Reason.bad_record.name, "outcome": Outcome.quarantined.name}
        refusals = [Refusal(meter_id=meter, record="[x", **refused) for meter in ("M1", "M2")]
        await letters.keep(LetterSource("3", 41), refusals)
        await letters.keep_event(LetterSource("3", 42), "bad_body", b"not JSON \xff \x1b[2J")
        await letters.keep_document("notifications", MESSAGE, "NotSent: the disk is full")

    with closing(Database(store)) as database:
        asyncio.run(fill(SqliteLetters(database)))


def test_no_letters_are_one_sentence(run: Run) -> None:
    for arguments in (["list"], ["replay", "--all"]):
        assert run(*arguments).stdout == "There are no dead letters.\n"


@pytest.mark.usefixtures("kept")
def test_letters_are_listed_with_ids_that_can_be_copied(run: Run) -> None:
    lines = [line.split() for line in run("list").stdout.splitlines() if "/" in line]

    assert [line[:3] for line in lines] == [
        ["3/refusals:41", "2", "bad_record"],
        ["3/event:42", "1", "bad_body"],
        [MESSAGE_LETTER, "1", "NotSent:"],
    ]


@pytest.mark.usefixtures("kept")
def test_a_letter_is_shown_whole(run: Run) -> None:
    assert "bad_record  feeder F  meter M2  [x\n" in run("show", "3/refusals:41").stdout
    assert "not JSON \\xff \\x1b[2J" in run("show", "3/event:42").stdout
    shown = run("show", MESSAGE_LETTER).stdout
    assert shown.startswith(f"{MESSAGE_LETTER}: NotSent: the disk is full\n")
    assert json.loads(shown.partition("\n")[2]) == MESSAGE


@pytest.mark.usefixtures("kept")
def test_a_letter_that_takes_effect_is_gone_and_sends_its_message(run: Run, tmp_path: Path) -> None:
    result = run("replay", MESSAGE_LETTER)

    assert "1 sent" in result.stdout
    assert "1 of 1 letters are gone, 0 stay." in result.stdout
    (line,) = (tmp_path / "out" / "notifications.jsonl").read_text().splitlines()
    assert json.loads(line)["customer_id"] == "C1"
    assert MESSAGE_LETTER not in run("list").stdout


@pytest.mark.usefixtures("kept")
def test_all_letters_are_replayed_and_those_refused_again_stay(run: Run) -> None:
    result = run("replay", "--all")

    for outcome in ("1 dead lettered", "2 not replayable", "1 sent", "1 of 3 letters are gone, 2 stay."):
        assert outcome in result.stdout
    listed = run("list").stdout
    assert "3/event:42" in listed
    assert "3/refusals:41" in listed


@pytest.mark.usefixtures("kept")
def test_what_was_replayed_before_a_fault_is_shown(run: Run) -> None:
    result = run("replay", MESSAGE_LETTER, "3/event:99")

    assert "1 of 1 letters are gone" in result.stdout
    assert isinstance(result.exception, InputError)


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_unknown_letter_is_one_sentence(run: Run, command: str) -> None:
    fault = run(command, "3/event:7").exception

    assert isinstance(fault, InputError)
    assert "no dead letter 3/event:7" in str(fault)


@pytest.mark.parametrize("arguments", [[], ["--all", "3/event:42"]])
def test_replay_takes_either_ids_or_all(run: Run, arguments: list[str]) -> None:
    result = run("replay", *arguments)

    assert result.exit_code == 2
    assert "--all" in result.output


def test_a_store_that_is_not_there_is_named_and_not_made(run: Run, tmp_path: Path) -> None:
    fault = run("list", "--store", f"sqlite:///{tmp_path}/typo.db").exception

    assert isinstance(fault, InputError)
    assert "typo.db" in str(fault)
    assert not (tmp_path / "typo.db").exists()
    assert isinstance(run("list", "--store", "postgres://x").exception, SettingError)


def test_a_fault_is_one_line_at_the_terminal(store: Path) -> None:
    command = [sys.executable, "-m", "local", "dead-letters", "show", "3/event:7", "--store", f"sqlite:///{store}"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "error: there is no dead letter 3/event:7; `python -m local dead-letters list` shows their ids"
    ]
