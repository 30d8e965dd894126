"""Both kinds of template give what the code counts on, and seeded mistakes are seen."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from promises import app_roles, code_roles, faults
from stacks import INFRA, ROOT, bicep, terraform


def test_the_templates_give_what_the_code_counts_on() -> None:
    assert faults() == []


def test_both_set_the_same_settings() -> None:
    assert bicep().settings.keys() == terraform().settings.keys()
    assert bicep().defaults == terraform().defaults


def test_both_describe_the_same_containers() -> None:
    def of(stack: object) -> dict[str, object]:
        containers = stack.containers  # type: ignore[attr-defined]
        return {name: (each.partition_key, each.indexed) for name, each in containers.items()}

    assert of(bicep()) == of(terraform())


def test_people_can_be_given_the_roles_that_the_interface_asks_for() -> None:
    assert app_roles() == code_roles()


APP, DOCUMENTS, EVENTS, STORAGE = (f"bicep/modules/{name}.bicep" for name in ("app", "documents", "events", "storage"))
BLOB_OWNER = '''resource "azurerm_role_assignment" "blob_owner" {
  scope                = azurerm_storage_account.this.id
  role_definition_name = "Storage Blob Data Owner"'''
COSMOS_ENDPOINT = '{ name = "COSMOS__accountEndpoint", value = azurerm_cosmosdb_account.this.endpoint },'
PLAIN_STORAGE = '\n{ name = "AzureWebJobsStorage", value = azurerm_storage_account.this.primary_connection_string },'

MISTAKES = {
    "a removed role, Bicep": (EVENTS, "2b629674-e913-4c01-ae53-ef4638d8f975", "a638d3c7-ab3a-418d-83e6-5f17a39d4fde"),
    "a removed role, Terraform": ("terraform/storage.tf", BLOB_OWNER, BLOB_OWNER.replace("Owner", "Reader")),
    "a renamed container, Bicep": (DOCUMENTS, "name: 'anomalies'", "name: 'anomaly'"),
    "a renamed container, Terraform": ("terraform/documents.tf", 'name = "packs"', 'name = "pack"'),
    "a partition key, Bicep": (DOCUMENTS, "'/scope'", "'/feeder_id'"),
    "a time to live, Terraform": ("terraform/documents.tf", "10368000", "864000"),
    "an index, Bicep": (DOCUMENTS, ", '/release_at'", ""),
    "a plain connection string, Bicep": (APP, "{ name: 'COSMOS__accountEndpoint'", "{ name: 'COSMOS'"),
    "a plain connection string, Terraform": (
        "terraform/app.tf",
        COSMOS_ENDPOINT,
        COSMOS_ENDPOINT + PLAIN_STORAGE,
    ),
    "a renamed queue, Bicep": (STORAGE, "'notifications-poison'", "'notifications-dead'"),
    "a renamed hub, Terraform": ("terraform/events.tf", '"grid-incidents"', '"incidents"'),
    "a renamed consumer group, Bicep": (EVENTS, "name: 'score'", "name: 'scoring'"),
    "a setting left out, Bicep": (APP, "{ name: 'METERSENTRY_STORE', value: 'cosmos' }", ""),
    "a setting nobody reads, Terraform": (
        "terraform/app.tf",
        COSMOS_ENDPOINT,
        COSMOS_ENDPOINT + '\n{ name = "COSMOS_NAME", value = "x" },',
    ),
    "a secret in plain sight, Terraform": (
        "terraform/app.tf",
        '"@Microsoft.KeyVault(SecretUri=${azurerm_key_vault.this.vault_uri}secrets/webhook-secret)"',
        '"hunter2"',
    ),
    "open to everybody, Bicep": (APP, "requireAuthentication: true", "requireAuthentication: false"),
    "one more open path, Terraform": ("terraform/app.tf", '["/api/twilio/status"', '["/api", "/api/twilio/status"'),
    "account keys, Bicep": (STORAGE, "allowSharedKeyAccess: false", "allowSharedKeyAccess: true"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_seeded_mistake_is_seen(mistake: str, tmp_path: Path) -> None:
    assert [fault for fault in faults(seeded(mistake, tmp_path)) if mistake.rpartition(", ")[2] in fault]


def seeded(mistake: str, folder: Path) -> Path:
    """A copy of the templates with one mistake."""
    file, right, wrong = MISTAKES[mistake]
    infra = folder / "infra"
    shutil.copytree(INFRA, infra)
    text = (infra / file).read_text(encoding="utf-8")
    assert right in text, f"{file} has changed: seed another mistake"
    (infra / file).write_text(text.replace(right, wrong), encoding="utf-8")
    return infra


CHECKER = os.environ.get("INFRA_CHECK", "")
needs_the_checker = pytest.mark.skipif(
    not CHECKER or not (ROOT / CHECKER).exists(), reason="INFRA_CHECK names no checker of templates"
)


def checked(infra: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([ROOT / CHECKER, infra, *options], capture_output=True, text=True, check=False)


@needs_the_checker
@pytest.mark.parametrize("values", ["dev", "prod"])
def test_the_checker_finds_nothing_and_the_two_describe_the_same(values: str) -> None:
    run = checked(INFRA, "--var-file", str(INFRA / "terraform" / f"{values}.tfvars"))
    assert (run.returncode, run.stdout.splitlines()[-1]) == (0, "infra-check: 0 findings"), run.stdout + run.stderr


@needs_the_checker
@pytest.mark.parametrize(
    "mistake",
    ["a removed role, Bicep", "a renamed queue, Bicep", "a renamed hub, Terraform", "account keys, Bicep",
     "a plain connection string, Terraform", "a renamed container, Bicep"],
)  # fmt: skip
def test_the_checker_sees_it_too(mistake: str, tmp_path: Path) -> None:
    assert checked(seeded(mistake, tmp_path)).returncode == 1


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda capital: f"_{capital[0].lower()}", name)


def parameters() -> tuple[dict[str, str], dict[str, str]]:
    """Parameters of both, by Terraform's names, with their defaults; those without one have an empty text."""
    main = (INFRA / "bicep" / "main.bicep").read_text(encoding="utf-8").replace("'", '"')
    ours = {snake(name): text for name, text in re.findall(r"^param (\w+) \w+(?: = (.*))?$", main, re.MULTILINE)}
    variables = (INFRA / "terraform" / "variables.tf").read_text(encoding="utf-8")
    blocks = re.findall(r'^variable "(\w+)" \{(.*?)^\}', variables, re.MULTILINE | re.DOTALL)
    defaults = {name: re.search(r"^  default +=(.*)$", block, re.MULTILINE) for name, block in blocks}
    return ours, {name: found[1].strip() if found else "" for name, found in defaults.items()}


def test_both_take_the_same_values_with_the_same_defaults() -> None:
    ours, theirs = parameters()
    assert theirs.pop("subscription_id") == "null"
    assert ours == theirs


def test_five_values_have_to_be_given_and_both_parameter_files_give_them() -> None:
    wanted = {"environment_name", "location", "meters", "alert_email", "auth_client_id"}
    assert {name for name, default in parameters()[0].items() if not default} == wanted
    for environment in ("dev", "prod"):
        bicep_text = (INFRA / "bicep" / f"{environment}.bicepparam").read_text(encoding="utf-8")
        terraform_text = (INFRA / "terraform" / f"{environment}.tfvars").read_text(encoding="utf-8")
        given = dict(re.findall(r"^param (\w+) = (.*)$", bicep_text.replace("'", '"'), re.MULTILINE))
        given = {snake(name): value for name, value in given.items()}
        assert given == dict(re.findall(r"^(\w+) += (.*)$", terraform_text, re.MULTILINE))
        assert given.keys() >= wanted | {"interval_minutes"}


def test_azd_gives_both_the_same_values() -> None:
    ours = (INFRA / "bicep" / "main.bicepparam").read_text(encoding="utf-8")
    given = {
        snake(name): value for name, value in re.findall(r"^param (\w+) = .*?Variable\('(\w+)'", ours, re.MULTILINE)
    }
    theirs = json.loads((INFRA / "terraform" / "main.tfvars.json").read_text(encoding="utf-8"))
    assert theirs.pop("subscription_id") == "${AZURE_SUBSCRIPTION_ID}"
    assert given == {name: re.sub(r"^\$\{(\w+).*", r"\1", value) for name, value in theirs.items()}


def test_the_app_waits_for_every_role_it_has() -> None:
    text = terraform().text
    roles = set(re.findall(r"^resource '?\"?(azurerm_\w*role_assignment)'?\"? '?\"?(\w+)", text, re.MULTILINE))
    assert len(roles) == len(terraform().roles)
    waits = re.search(r"depends_on: \[(.*?)\]", text, re.DOTALL)
    assert waits
    assert {f"{kind}.{label}" for kind, label in roles} <= set(re.findall(r"[\w.]+", waits[1]))


def test_both_tell_the_same_names_afterwards() -> None:
    ours = re.findall(r"^output (\w+) ", (INFRA / "bicep" / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    theirs = re.findall(
        r'^output "(\w+)"', (INFRA / "terraform" / "outputs.tf").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert [snake(name) for name in ours] == theirs


@pytest.mark.parametrize("page", ["deploy", "runbook"])
def test_a_page_asks_for_names_that_are_told(page: str) -> None:
    told = re.findall(r"^output (\w+) ", (INFRA / "bicep" / "main.bicep").read_text(encoding="utf-8"), re.MULTILINE)
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\(value (\w+)", text))
    assert asked
    assert asked <= set(told)
