"""A loopback Cosmos DB for tests: the unmodified `azure-cosmos` SDK talks to it over HTTP, everything is in memory.

Covered: databases and containers (partition key of one path, indexing policy, default TTL); items by create, upsert,
read, replace, delete and patch with ETags; transactional batches; `read_items`; queries in the subset of SQL that
`sql` lists; the change feed in latest version mode; TTL; request units; key authorization; faults by order.

Stricter than Cosmos DB, on purpose:

- A query that filters or sorts by a path outside the container's indexing policy gets a 400. Cosmos DB would scan and
  send the bill; here the test fails that would have found it.
- What is not understood (SQL, a header, a resource) gets a 400 that names it, never a guess.

Different from Cosmos DB: one physical partition, so cross-partition queries need no plan and see one order; each
write is visible at once whatever the session token; request units follow the rule in `request_units` and no budget of
them is enforced (throttling is a fault one orders); a refused request costs 1 RU.

Not covered: hierarchical partition keys, change feed of one partition key, of all versions and deletes, or from a
split range; stored procedures, triggers, user-defined functions, conflicts, users, offers and throughput; composite,
spatial and vector indexes; unique keys; multiple regions; tokens of Microsoft Entra ID (the SDK sends them over TLS
only); chunked request bodies.

Beside Cosmos DB's own paths the server answers `/_emulator/faults`, `/usage`, `/reset` and `/clock`; see `control`.
"""

from emulators.cosmos.authorization import KEY
from emulators.cosmos.process import CosmosServer

__all__ = ["KEY", "CosmosServer"]
