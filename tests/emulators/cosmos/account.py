"""The account: its databases and their containers."""

from __future__ import annotations

import itertools
import time
from typing import Any

from emulators.cosmos.container import Clock, Container
from emulators.cosmos.errors import OWNER_NOT_FOUND, bad_request, conflict, not_found
from emulators.cosmos.messages import Route

_database_numbers = itertools.count(1)

Answer = tuple[int, dict[str, Any] | None]
"""A status and a JSON body."""


class Database:
    """A database: containers by id."""

    def __init__(self, database_id: str) -> None:
        self.id = database_id
        self.containers: dict[str, Container] = {}
        rid = f"{next(_database_numbers):08x}"
        self.properties = {"id": database_id, "_rid": rid, "_self": f"dbs/{rid}/", "_etag": f'"{rid}"', "_ts": _now()}


class Account:
    """Everything the server holds, and what is asked about databases and containers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._databases: dict[str, Database] = {}

    def clear(self) -> None:
        """Forget every database."""
        self._databases.clear()

    def container(self, route: Route, substatus: int = OWNER_NOT_FOUND) -> Container:
        """The container a request names; raises Refused (404)."""
        found = self._database(route, OWNER_NOT_FOUND).containers.get(route.container)
        if found is None:
            raise not_found(f"Container {route.container!r} of database {route.database!r}", substatus)
        return found

    def answer(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        """Answer a request about the account, a database or a container; `settings` is the request's body."""
        answer: Answer = getattr(self, f"_{route.operation}")(route, settings, host)
        return answer

    def _account(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        location = [{"name": "Loopback", "databaseAccountEndpoint": f"http://{host}/"}]
        return 200, {
            "id": "loopback",
            "_rid": "loopback",
            "_self": "",
            "writableLocations": location,
            "readableLocations": location,
            "enableMultipleWriteLocations": False,
            "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        }

    def _list_databases(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        found = [database.properties for database in self._databases.values()]
        return 200, {"_rid": "", "Databases": found, "_count": len(found)}

    def _create_database(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        database_id = _id_of(settings, "database")
        if database_id in self._databases:
            raise conflict(f"Database {database_id!r}")
        self._databases[database_id] = Database(database_id)
        return 201, self._databases[database_id].properties

    def _read_database(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        return 200, self._database(route).properties

    def _delete_database(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        del self._databases[self._database(route).id]
        return 204, None

    def _list_containers(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        database = self._database(route, OWNER_NOT_FOUND)
        found = [container.properties for container in database.containers.values()]
        return 200, {"_rid": database.properties["_rid"], "DocumentCollections": found, "_count": len(found)}

    def _create_container(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        database, container_id = self._database(route, OWNER_NOT_FOUND), _id_of(settings, "container")
        if container_id in database.containers:
            raise conflict(f"Container {container_id!r} of database {database.id!r}")
        container = Container(settings, f"dbs/{database.id}/colls/{container_id}", self._clock)
        database.containers[container_id] = container
        return 201, container.properties

    def _read_container(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        return 200, self.container(route, substatus=0).properties

    def _replace_container(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        container = self.container(route, substatus=0)
        if settings.get("partitionKey", {}).get("paths") != container.properties["partitionKey"]["paths"]:
            raise bad_request(f"The partition key of container {container.id!r} cannot change; create a new container.")
        container.configure(settings)
        return 200, container.properties

    def _delete_container(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        container = self.container(route, substatus=0)
        del self._databases[route.database].containers[container.id]
        return 204, None

    def _pkranges(self, route: Route, settings: dict[str, Any], host: str) -> Answer:
        container = self.container(route)
        whole = {"id": "0", "_rid": container.rid, "minInclusive": "", "maxExclusive": "FF", "parents": []}
        return 200, {"_rid": container.rid, "PartitionKeyRanges": [whole], "_count": 1}

    def _database(self, route: Route, substatus: int = 0) -> Database:
        found = self._databases.get(route.database)
        if found is None:
            raise not_found(f"Database {route.database!r}", substatus)
        return found


def _id_of(settings: dict[str, Any], what: str) -> str:
    found = settings.get("id")
    if not isinstance(found, str) or not found:
        raise bad_request(f"The id {found!r} of the {what} must be a string that is not empty.")
    return found


def _now() -> int:
    return int(time.time())
