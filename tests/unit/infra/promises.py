"""What both kinds of template owe the code: one sentence for each fault. Expectations come from the code itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

from stacks import INFRA, Container, Role, Stack, bicep, terraform

from functions import names
from functions.adapters import open_telemetry
from functions.adapters.cosmos.schema import CONTAINERS
from functions.settings import Settings, cloud
from functions.web.auth import Role as AppRole

NAMES: dict[str, str] = {name: value for name, value in vars(names).items() if name.isupper()}
"""Everything outside the process, by the name of its constant."""
TTL_BY_PARAMETER = {"audit"}
"""How long the audit trail is kept is the operator's to say."""
HOST_BLOBS = {"app-package"}
"""Where the platform keeps the deployed package."""
HOST_SETTINGS = {
    *(
        f"{connection}__credential"
        for connection in (names.STORAGE_CONNECTION, names.EVENT_HUB_CONNECTION, names.COSMOS_CONNECTION)
    ),
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL",
    "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID",
}
"""Read by the host and by SDKs, not by the code."""
SET_BY_THE_PLATFORM = {"WEBSITE_AUTH_ENABLED"}
INSTEAD_OF_THE_ACCOUNT_NAME = {f"{names.STORAGE_CONNECTION}__{service}ServiceUri" for service in ("blob", "queue")}
READ_BY_TELEMETRY = {open_telemetry.CONNECTION, open_telemetry.AUTHENTICATION, open_telemetry.CLIENT_ID}

HUB = "Microsoft.EventHub/namespaces/eventhubs"
ROLES = {
    Role("Storage Blob Data Owner", "Microsoft.Storage/storageAccounts"),
    Role("Storage Queue Data Contributor", "Microsoft.Storage/storageAccounts"),
    Role("Azure Event Hubs Data Receiver", f"{HUB} {names.READINGS_HUB}"),
    Role("Azure Event Hubs Data Receiver", f"{HUB} {NAMES['WORK_ORDERS_HUB']}"),
    Role("Azure Event Hubs Data Sender", f"{HUB} {names.INCIDENTS_HUB}"),
    Role("Cosmos DB Built-in Data Contributor", "Microsoft.DocumentDB/databaseAccounts"),
    Role("Key Vault Secrets User", "Microsoft.KeyVault/vaults"),
    Role("Monitoring Metrics Publisher", "Microsoft.Insights/components"),
}
"""All that the app may do, and nothing beside."""

ANONYMOUS = "['/api/twilio/status', '/api/twilio/inbound']"
IN_BOTH = (
    "requireAuthentication: true",
    f"excludedPaths: {ANONYMOUS}",
    "httpsOnly: true",
    "requireHttps: true",
    "minTlsVersion: '1.2'",
    "name: 'python', version:",
    "type: 'UserAssignedIdentity'",
)
SECURE = {
    "Bicep": (
        *("allowSharedKeyAccess: false", "allowBlobPublicAccess: false", "minimumTlsVersion: 'TLS1_2'"),
        *("minimumTlsVersion: '1.2'", "minimalTlsVersion: 'Tls12'", "enablePurgeProtection: true"),
        *("enableRbacAuthorization: true", "DisableLocalAuth: true", "allow: false", "dailyQuotaGb: "),
    ),
    "Terraform": (
        *("shared_access_key_enabled: false", "allow_nested_items_to_be_public: false", "min_tls_version: 'TLS1_2'"),
        *("minimum_tls_version: '1.2'", "minimal_tls_version: 'Tls12'", "purge_protection_enabled: true"),
        *("rbac_authorization_enabled: true", "local_authentication_enabled: false", "allow: false"),
        "daily_quota_gb: ",
    ),
}
KEY = re.compile(
    r"AccountKey|SharedAccessKey|listKeys|connectionstring|(primary|secondary)_\w*(key|connection_string)", re.I
)


class Read(dict[str, str]):
    """An environment that remembers which names were asked for."""

    def __init__(self, settings: dict[str, str]) -> None:
        super().__init__(settings)
        self.names: set[str] = set()

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.names.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return super().__getitem__(name)


def faults(infra: Path = INFRA) -> list[str]:
    """Everything the templates in a folder owe and do not give."""
    return [
        f"{stack.language}: {fault}"
        for stack in (bicep(infra), terraform(infra))
        for check in (of_settings, of_names, of_containers, of_roles, of_security)
        for fault in check(stack)
    ]


def of_settings(stack: Stack) -> Iterator[str]:
    """Every setting that is read is set, and none beside it."""
    environment = Read(values(stack))
    Settings.of(environment)
    cloud(environment)
    wanted = environment.names - SET_BY_THE_PLATFORM - INSTEAD_OF_THE_ACCOUNT_NAME
    wanted |= READ_BY_TELEMETRY | HOST_SETTINGS
    yield from (f"the setting {name} is not set" for name in sorted(wanted - set(stack.settings)))
    yield from (f"nobody reads the setting {name}" for name in sorted(set(stack.settings) - wanted))
    for name, value in stack.settings.items():
        if KEY.search(value) and name != open_telemetry.CONNECTION:
            yield f"the setting {name} holds a key"
        if ("TOKEN" in name or "SECRET" in name) and "@Microsoft.KeyVault(SecretUri=" not in value:
            yield f"the setting {name} is no reference to Key Vault"
    for connection in (names.STORAGE_CONNECTION, names.EVENT_HUB_CONNECTION, names.COSMOS_CONNECTION):
        if connection in stack.settings:
            yield f"the setting {connection} holds a connection string"


def values(stack: Stack) -> dict[str, str]:
    """The settings as an app would see them; what only Azure knows is made up."""
    return {name: _value(stack, name, text) for name, text in stack.settings.items()}


def _value(stack: Stack, name: str, text: str) -> str:
    literal = re.fullmatch(r"'([^'$]*)'", text)
    if literal:
        return literal[1]
    if name in stack.defaults:
        return stack.defaults[name]
    if name.startswith(("TWILIO_", "WEBHOOK_", "OPERATOR_WEBHOOK_")):
        return ""
    return "https://made.up" if name.endswith(("URL", "Endpoint")) else "made-up"


def of_names(stack: Stack) -> Iterator[str]:
    """Everything outside the process that the code names is there, and nothing beside it."""
    wanted = {
        "hub": {value for name, value in NAMES.items() if name.endswith("_HUB")},
        "consumer group": {
            (NAMES[name.replace("_GROUP", "_HUB")], value) for name, value in NAMES.items() if name.endswith("_GROUP")
        },
        "queue": {value for name, value in NAMES.items() if name.endswith("_QUEUE")},
        "blob container": {value for name, value in NAMES.items() if name.endswith("_BLOBS")} | HOST_BLOBS,
        "database": {names.DATABASE},
    }
    found = (stack.hubs, stack.groups, stack.queues, stack.blobs, stack.databases)
    for (kind, these), there in zip(wanted.items(), found, strict=True):
        yield from (f"there is no {kind} {name}" for name in sorted(these - there))
        yield from (f"nobody names the {kind} {name}" for name in sorted(there - these))


def of_containers(stack: Stack) -> Iterator[str]:
    """Containers have the partition keys, indexed paths and times to live that the adapters count on."""
    wanted = {
        **{spec.name: Container(spec.partition_key, spec.indexed, str(spec.ttl_s or 0)) for spec in CONTAINERS},
    }
    yield from (f"there is no container {name}" for name in sorted(wanted.keys() - stack.containers.keys()))
    yield from (f"nobody names the container {name}" for name in sorted(stack.containers.keys() - wanted.keys()))
    for name in sorted(wanted.keys() & stack.containers.keys()):
        there, want = stack.containers[name], wanted[name]
        if there.partition_key != want.partition_key:
            yield f"the container {name} is partitioned by {there.partition_key}, the adapter by {want.partition_key}"
        if set(there.indexed) != set(want.indexed):
            yield f"the container {name} indexes {there.indexed}, the adapter wants {want.indexed}"
        if name not in TTL_BY_PARAMETER and there.ttl != want.ttl:
            yield f"documents of {name} live {there.ttl} s, the adapter counts on {want.ttl}"
    if "'/*'" not in stack.text or "}/?'" not in stack.text:
        yield "the indexing policy is not the adapters' one"


def of_roles(stack: Stack) -> Iterator[str]:
    """The app has the roles that it needs, each with a reason beside it, and no other."""
    yield from (f"the role {role.role} on {role.scope} is missing" for role in ROLES - stack.roles)
    yield from (f"the role {role.role} on {role.scope} is not needed" for role in stack.roles - ROLES)
    yield from (f"the role {label} has no reason beside it" for label in stack.unexplained)


def of_security(stack: Stack) -> Iterator[str]:
    """What must be in plain sight."""
    for wanted in (*IN_BOTH, *SECURE[stack.language]):
        if wanted not in stack.text:
            yield f"{wanted!r} is not there"


def app_roles(infra: Path = INFRA) -> set[str]:
    """The app roles that people can be given."""
    return {role["value"] for role in json.loads((infra / "app-roles.json").read_text(encoding="utf-8"))}


def code_roles() -> set[str]:
    """The roles that the HTTP interface asks for."""
    return {role.value for role in AppRole}
