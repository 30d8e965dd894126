"""A connection to Event Hubs that cannot be used is named before anything is sent."""

from __future__ import annotations

import pytest
from emulators.azurite import ACCOUNT, KEY

from functions.adapters.event_hubs.consumer import HubConsumer
from functions.adapters.event_hubs.publisher import IncidentPublisher
from functions.domain.errors import SettingError
from functions.ports import Link

STORAGE = Link(connection=f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT};AccountKey={KEY}")


@pytest.mark.parametrize("connection", ["nonsense", "Endpoint=;SharedAccessKeyName=a;SharedAccessKey=b"])
async def test_a_connection_string_at_fault_is_a_setting_at_fault(connection: str) -> None:
    with pytest.raises(SettingError, match=r"^EventHubConnection cannot be used"):
        IncidentPublisher(Link(connection=connection), "grid-incidents")
    with pytest.raises(SettingError, match=r"^EventHubConnection cannot be used"):
        HubConsumer(Link(connection=connection), "meter-readings", "score", blobs=STORAGE, container="c", handle=print)


async def test_a_storage_account_at_fault_is_named_as_such() -> None:
    hub = Link(connection="Endpoint=sb://127.0.0.1;SharedAccessKeyName=a;SharedAccessKey=b")
    with pytest.raises(SettingError, match=r"^AzureWebJobsStorage cannot be used"):
        HubConsumer(hub, "meter-readings", "score", blobs=Link(connection="nonsense"), container="c", handle=print)
