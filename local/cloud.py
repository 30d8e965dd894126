"""The application over the services of Azure, or over emulators of them, for commands that run outside Functions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from functions import names
from functions.adapters.azure_stores import AzureStores
from functions.adapters.channels import Channels
from functions.adapters.event_hubs.publisher import IncidentPublisher
from functions.adapters.identity import close_credentials
from functions.adapters.onnx_scorer import OnnxScorer
from functions.adapters.open_telemetry import telemetry
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.restoration_model import OnnxRestorationModel
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.queues import StorageQueue
from functions.application import Application
from functions.ports import Clock, Telemetry
from functions.settings import Cloud, Settings


class CloudMachine(NamedTuple):
    """An application with the stores it runs over."""

    application: Application
    azure: AzureStores
    cloud: Cloud


@asynccontextmanager
async def open_cloud(
    settings: Settings,
    cloud: Cloud,
    clock: Clock,
    *,
    telemetry_to: Telemetry | None = None,
) -> AsyncIterator[CloudMachine]:
    """Wire the application; connections are opened at first use and closed at the end."""
    azure = AzureStores.over(cloud.cosmos, cloud.blobs)
    publisher = IncidentPublisher(cloud.event_hubs, names.INCIDENTS_HUB)
    channels = Channels.open(settings.channels, settings.output, clock)
    scorer = OnnxScorer.load()
    application = Application.build(
        settings,
        azure.stores,
        score=scorer,
        prior=scorer.prior,
        alerts_per_window=scorer.alerts_per_window,
        notifiers=channels.notifiers,
        plans=PhoneNumbers(),
        webhooks=channels.webhooks,
        restoration=OnnxRestorationModel(),
        telemetry=telemetry_to or telemetry(os.environ, azure.database.usage.take),
        clock=clock,
        publish=publisher.publish,
    )
    try:
        yield CloudMachine(application, azure, cloud)
    finally:
        channels.close()
        await publisher.close()
        await azure.close()
        await close_credentials()


async def provision(cloud: Cloud) -> list[str]:
    """Create database, containers and queue where they are missing; returns what there is now, by name."""
    azure = AzureStores.over(cloud.cosmos, cloud.blobs)
    checkpoints = BlobContainer(cloud.blobs, names.CHECKPOINTS_BLOBS)
    queue = StorageQueue(cloud.queues, names.NOTIFICATIONS_QUEUE)
    try:
        await azure.provision()
        await checkpoints.create()
        await queue.create()
    finally:
        await azure.close()
        await checkpoints.close()
        await queue.close()
        await close_credentials()
    return [f"database {names.DATABASE}", f"queue {names.NOTIFICATIONS_QUEUE}", "containers of blobs"]
