"""A loopback Event Hubs broker for tests: AMQP 1.0 on 127.0.0.1, standard library only.

The unmodified azure-eventhub SDK talks to it, synchronous or not, through a connection string with
`UseDevelopmentEmulator=true` (exactly so: it turns TLS off and lets the port count).

Covered: hubs of any number of partitions; sending single events and batches up to 1 MB, by partition key,
to a partition, or in turn; receiving from the start, the end, an offset, a sequence number or a time,
inclusive or not; any consumer group; epochs, where a higher or equal one displaces its rivals; properties
of hubs and partitions; runtime metrics for consumers that track the last enqueued event; credit, session
windows, deliveries of many frames, idle timeouts; and, by the control port, faults: connections cut or
refused, slow deliveries, gaps in the sequence numbers, sends stored but never acknowledged.

Not covered: TLS, WebSockets, Kafka, Capture, geo-replication and schemas; authorization (every token is
accepted); retention and durability (events live in memory, without limit, until the broker ends); quotas,
throttling and throughput units; transactions, link recovery and idempotent producers; creating hubs while
it runs; serial numbers that wrap at 2**32.
"""

from .process import BrokerFailed, EventHubsBroker

__all__ = ["BrokerFailed", "EventHubsBroker"]
