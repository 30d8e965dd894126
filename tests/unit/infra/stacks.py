"""What the two kinds of template describe, read from their text.

Both are written so that what the code counts on stands there literally, a line a thing; this reads those lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
INFRA = ROOT / "infra"

SCOPES = {
    "azurerm_application_insights": "Microsoft.Insights/components",
    "azurerm_cosmosdb_account": "Microsoft.DocumentDB/databaseAccounts",
    "azurerm_eventhub": "Microsoft.EventHub/namespaces/eventhubs",
    "azurerm_key_vault": "Microsoft.KeyVault/vaults",
    "azurerm_storage_account": "Microsoft.Storage/storageAccounts",
}
ROLE_IDS = {
    "00000000-0000-0000-0000-000000000002": "Cosmos DB Built-in Data Contributor",
    "2b629674-e913-4c01-ae53-ef4638d8f975": "Azure Event Hubs Data Sender",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
    "4633458b-17de-408a-b874-0445c86b69e6": "Key Vault Secrets User",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "a638d3c7-ab3a-418d-83e6-5f17a39d4fde": "Azure Event Hubs Data Receiver",
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
}


@dataclass(frozen=True)
class Container:
    """One container of Cosmos DB; `ttl` as it is written."""

    partition_key: str
    indexed: tuple[str, ...]
    ttl: str


@dataclass(frozen=True)
class Role:
    """A role of the app's identity; the scope is a resource type, of a hub with its name."""

    role: str
    scope: str


@dataclass(frozen=True)
class Block:
    """One resource as it is written."""

    kind: str
    label: str
    file: str
    comment: str
    text: str

    @property
    def name(self) -> str:
        """Its name, where it is written out."""
        found = re.search(r"^  name: '([^'$]+)'", self.text, re.MULTILINE)
        return found[1] if found else ""


@dataclass
class Stack:
    """What one kind of template describes."""

    language: str
    settings: dict[str, str] = field(default_factory=dict)
    """App settings with their values as they are written."""
    defaults: dict[str, str] = field(default_factory=dict)
    """Values of settings that nobody overrides."""
    hubs: set[str] = field(default_factory=set)
    groups: set[tuple[str, str]] = field(default_factory=set)
    queues: set[str] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)
    databases: set[str] = field(default_factory=set)
    containers: dict[str, Container] = field(default_factory=dict)
    roles: set[Role] = field(default_factory=set)
    unexplained: list[str] = field(default_factory=list)
    """Roles without a reason above them."""
    text: str = ""


def bicep(infra: Path = INFRA) -> Stack:
    """The Bicep files."""
    files = {path.name: _same_form(path.read_text(encoding="utf-8")) for path in sorted(infra.glob("bicep/**/*.bicep"))}
    stack = _common("Bicep", files, "app.bicep", "documents.bicep", "storage.bicep", "containers", "queues")
    blocks = [block for name, text in files.items() for block in _blocks(name, text)]
    hubs = {block.label: block.name for block in blocks if block.kind.endswith("/eventhubs")}
    stack.hubs = set(hubs.values())
    for block in blocks:
        if block.kind.endswith("/consumergroups"):
            stack.groups.add((hubs[_value(block, "parent")], block.name))
        elif block.kind.endswith("/sqlDatabases"):
            stack.databases.add(block.name)
        elif block.kind.lower().endswith("roleassignments"):
            scope = _value(block, "scope").removesuffix(".id")
            target = next(each for each in blocks if (each.file, each.label) == (block.file, scope))
            _add_role(stack, block, ROLE_IDS[_role_id(block)], target.kind, hubs.get(scope))
    return stack


def terraform(infra: Path = INFRA) -> Stack:
    """The Terraform files."""
    files = {path.name: _same_form(path.read_text(encoding="utf-8")) for path in sorted(infra.glob("terraform/*.tf"))}
    stack = _common("Terraform", files, "app.tf", "documents.tf", "storage.tf", "blob_containers", "queues")
    blocks = [block for name, text in files.items() for block in _blocks(name, text)]
    hubs = {block.label: block.name for block in blocks if block.kind == "azurerm_eventhub"}
    stack.hubs = set(hubs.values())
    for block in blocks:
        if block.kind == "azurerm_eventhub_consumer_group":
            stack.groups.add((hubs[_value(block, "eventhub_name").split(".")[1]], block.name))
        elif block.kind == "azurerm_cosmosdb_sql_database":
            stack.databases.add(block.name)
        elif block.kind.endswith("role_assignment"):
            kind, label, _ = _value(block, "scope").split(".")
            role = _value(block, "role_definition_name").strip("'") or ROLE_IDS[_role_id(block)]
            _add_role(stack, block, role, SCOPES[kind], hubs.get(label) if kind == "azurerm_eventhub" else None)
    return stack


def _common(
    language: str, files: dict[str, str], app: str, documents: str, storage: str, blobs: str, queues: str
) -> Stack:
    stack = Stack(language, text="\n".join(files.values()))
    stack.settings = _settings(_bracketed(files[app], "appSettings: ["))
    stack.defaults = dict(re.findall(r"^ +([A-Z_0-9]+): '([^']*)'$", files[app], re.MULTILINE))
    stack.blobs = set(_bracketed(files[storage], f"{blobs}: [").split("'")[1::2])
    stack.queues = set(_bracketed(files[storage], f"{queues}: [").split("'")[1::2])
    stack.containers = _containers(_bracketed(files[documents], "containers: ["))
    return stack


def _settings(text: str) -> dict[str, str]:
    return {
        name: re.sub(r"\s+", " ", value)
        for name, value in re.findall(r"\{\s*name: '(\w+)',?\s+value: (.+?)\s+\},?$", text, re.MULTILINE | re.DOTALL)
    }


def _containers(text: str) -> dict[str, Container]:
    line = r"\{ name: '(\w+)', partition_?[kK]ey: '([^']+)', indexed: \[(.*?)\], ttl: (.+?) \}"
    return {
        name: Container(key, tuple(indexed.split("'")[1::2]), ttl) for name, key, indexed, ttl in re.findall(line, text)
    }


def _add_role(stack: Stack, block: Block, role: str, scope: str, hub: str | None) -> None:
    stack.roles.add(Role(role, f"{scope} {hub}" if hub else scope))
    if len(block.comment) < 20:
        stack.unexplained.append(block.label)


def _role_id(block: Block) -> str:
    return re.findall(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", block.text)[-1]


def _value(block: Block, name: str) -> str:
    found = re.search(rf"^ +{name}: (\S.*)$", block.text, re.MULTILINE)
    return found[1] if found else ""


def _blocks(file: str, text: str) -> list[Block]:
    header = r"((?:^(?://|#) .*\n)*)^resource (\S+) '([\w./]+)'?[^\n]*\{$"
    blocks = []
    for found in re.finditer(header, text, re.MULTILINE):
        label, kind = (found[2], found[3]) if "." in found[3] else (found[3], found[2].strip("'"))
        body = text[found.end() - 1 :]
        blocks.append(Block(kind, label, file, found[1], body[: body.index("\n}")]))
    return blocks


def _bracketed(text: str, opening: str) -> str:
    """The text from an opening bracket to its closing one."""
    start, depth = text.index(opening) + len(opening), 1
    for at in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at]
    raise ValueError(f"{opening} is not closed")


def _same_form(text: str) -> str:
    """One form for both languages: `name: 'value'`, without API versions and without spaces that align."""
    text = re.sub(r"@\d{4}-\d\d-\d\d(-preview)?'", "'", text.replace('"', "'"))
    return re.sub(r"(?<=[\w\]]) += ", ": ", text)
