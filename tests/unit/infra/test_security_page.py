"""The security page names the roles that both templates assign and the interface asks for, and no others."""

from __future__ import annotations

import json
import re

import pytest
from promises import code_roles
from stacks import INFRA, ROLE_IDS, ROOT, Role, Stack, bicep, terraform

from functions import names

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NUMBERS = {7: "seven", 8: "eight", 9: "nine", 10: "ten"}
HUBS = {value for name, value in vars(names).items() if name.endswith("_HUB")}
SCOPES = {
    "its storage account": "Microsoft.Storage/storageAccounts",
    "its account": "Microsoft.DocumentDB/databaseAccounts",
    "its vault": "Microsoft.KeyVault/vaults",
    "its Application Insights": "Microsoft.Insights/components",
}
"""What the page calls them."""


def table(after: str) -> list[list[str]]:
    """Cells of the rows of the first table after a line."""
    rows = re.search(r"^\|.*?(?=\n\n)", PAGE.partition(after)[2], re.MULTILINE | re.DOTALL)
    assert rows, f"docs/security.md has no table after {after!r}"
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in rows[0].splitlines()[2:]]


def on_the_page() -> set[Role]:
    found: set[Role] = set()
    before = ""
    for role, where, _ in table("The roles of the app's identity:"):
        where = before if where == "the same" else where
        hubs = re.findall(r"`([\w-]+)`", where)
        scopes = [f"Microsoft.EventHub/namespaces/eventhubs {hub}" for hub in hubs] or [SCOPES[where]]
        found |= {Role(role, scope) for scope in scopes}
        before = where
    return found


def threats() -> dict[str, str]:
    """What stands in the threat table, by who it is about."""
    return {cells[0]: " | ".join(cells) for cells in table("## Who can do what")}


@pytest.mark.parametrize("stack", [bicep(), terraform()], ids=lambda stack: stack.language)
def test_the_page_names_the_roles_that_are_assigned(stack: Stack) -> None:
    assert on_the_page() == stack.roles
    assert f"{NUMBERS[len(stack.roles)]} roles" in PAGE


def test_everybody_who_can_be_given_a_role_is_in_the_threat_table() -> None:
    first_words = {who.split()[0] for who in threats()}
    assert code_roles() <= first_words
    assert {"head-end", "anybody", "deployer"} <= first_words


def test_the_threat_table_names_roles_hubs_and_alerts_that_there_are() -> None:
    text = "\n".join(threats().values())
    known = {name.removeprefix("Azure Event Hubs ") for name in ROLE_IDS.values()}
    assert set(re.findall(r"\bData (?:Sender|Receiver|Owner|Contributor)\b", text)) <= known

    alerts = {each["name"] for each in json.loads((INFRA / "alerts.json").read_text(encoding="utf-8"))["queries"]}
    things = {"audit", *code_roles(), *HUBS, *alerts}
    assert set(re.findall(r"`([a-z-]+)`", text)) <= things
