"""All stores of a deployment in Azure: documents in Cosmos DB, letters and reports in blobs."""

from __future__ import annotations

from dataclasses import dataclass

from functions import names
from functions.adapters.cosmos.announcements import CosmosAnnouncements
from functions.adapters.cosmos.anomalies import CosmosAnomalies
from functions.adapters.cosmos.audit import CosmosAudit
from functions.adapters.cosmos.context import CosmosContext
from functions.adapters.cosmos.customers import CosmosCustomers
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.deliveries import CosmosDeliveries
from functions.adapters.cosmos.expectations import CosmosExpectations
from functions.adapters.cosmos.incidents import CosmosIncidents
from functions.adapters.cosmos.packs import CosmosPacks
from functions.adapters.cosmos.rosters import CosmosRosters
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.letters import BlobLetters
from functions.adapters.storage.reports import BlobReports
from functions.ports import Link, Stores


@dataclass(frozen=True)
class AzureStores:
    """The stores with the connections behind them. Nothing is connected before the first use."""

    stores: Stores
    database: CosmosDatabase
    _blobs: tuple[BlobContainer, ...]

    @classmethod
    def over(cls, cosmos: Link, blobs: Link, name: str = names.DATABASE) -> AzureStores:
        """The stores of one account each."""
        database = CosmosDatabase(cosmos, name)
        letters, reports = BlobContainer(blobs, names.LETTERS_BLOBS), BlobContainer(blobs, names.REPORTS_BLOBS)
        stores = Stores(
            packs=CosmosPacks(database),
            rosters=CosmosRosters(database),
            anomalies=CosmosAnomalies(database),
            incidents=CosmosIncidents(database),
            announcements=CosmosAnnouncements(database),
            context=CosmosContext(database),
            customers=CosmosCustomers(database),
            deliveries=CosmosDeliveries(database),
            letters=BlobLetters(letters),
            reports=BlobReports(reports),
            audit=CosmosAudit(database),
            expectations=CosmosExpectations(database),
        )
        return cls(stores, database, (letters, reports))

    async def provision(self) -> None:
        """Create what is missing: for emulators; in Azure the templates in `infra/` do it."""
        await self.database.provision()
        for container in self._blobs:
            await container.create()

    async def close(self) -> None:
        """Close the connections."""
        await self.database.close()
        for container in self._blobs:
            await container.close()
