"""All stores of one machine over one file."""

from __future__ import annotations

from pathlib import Path

from functions.adapters.reports.folder import ReportFolder
from functions.adapters.sqlite.announcements import SqliteAnnouncements
from functions.adapters.sqlite.audit import SqliteAudit
from functions.adapters.sqlite.context import SqliteContext
from functions.adapters.sqlite.customers import SqliteCustomers
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.deliveries import SqliteDeliveries
from functions.adapters.sqlite.expectations import SqliteExpectations
from functions.adapters.sqlite.incidents import SqliteIncidents
from functions.adapters.sqlite.letters import SqliteLetters
from functions.adapters.sqlite.packs import SqlitePacks
from functions.adapters.sqlite.stores import (
    SqliteAnomalies,
    SqliteRosters,
)
from functions.ports import Stores


def sqlite_stores(database: Database | Path, reports: Path) -> Stores:
    """Stores over a database, or over a file that is created when missing; reports go to a folder."""
    if isinstance(database, Path):
        database.parent.mkdir(parents=True, exist_ok=True)
        database = Database(database)
    return Stores(
        packs=SqlitePacks(database),
        rosters=SqliteRosters(database),
        anomalies=SqliteAnomalies(database),
        incidents=SqliteIncidents(database),
        announcements=SqliteAnnouncements(database),
        context=SqliteContext(database),
        customers=SqliteCustomers(database),
        deliveries=SqliteDeliveries(database),
        letters=SqliteLetters(database),
        reports=ReportFolder(reports),
        audit=SqliteAudit(database),
        expectations=SqliteExpectations(database),
    )
