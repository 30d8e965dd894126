"""Request and reply over `$cbs` (tokens) and `$management` (properties of hubs and partitions)."""

from typing import TYPE_CHECKING, Any

from . import amqp_types as amqp
from . import messages
from .errors import AmqpError
from .frames import Frame
from .publishing import IncomingLink

if TYPE_CHECKING:
    from .broker import Broker
    from .session import Session

TOKENS, MANAGEMENT = "$cbs", "$management"
NODES = (TOKENS, MANAGEMENT)
_MESSAGE_ID, _CORRELATION_ID = 0, 5


class ReplyLink:
    """Carries the replies of one node; they leave whatever the credit, which the SDK never renews."""

    def __init__(self, session: "Session", attach: Frame, node: str):
        self.node = node
        self._session = session
        self._handle: int = attach.value(1)

    def send(self, message: bytes) -> None:
        """Queues one reply."""
        self._session.deliver(self._handle, message)

    def close(self) -> None:
        """Nothing is held."""


class RequestLink(IncomingLink):
    """Answers the requests to one node on the reply link of the same session: the SDK names no reply-to."""

    def __init__(self, session: "Session", attach: Frame, node: str):
        super().__init__(session, attach)
        self._node = node

    def receive(self, message: bytes, message_format: int) -> None:
        values = {descriptor: start for descriptor, start, _ in messages.sections(message)}
        request = amqp.decode(message, values[messages.APPLICATION_PROPERTIES])
        properties = amqp.items(message, values[messages.PROPERTIES])
        start, end = properties[_MESSAGE_ID]
        reply = _reply(message[start:end], *self._answer({name: _text(value) for name, value in request.items()}))
        for link in self.session.links.values():
            if isinstance(link, ReplyLink) and link.node == self._node:
                link.send(reply)
                return
        raise AmqpError("amqp:precondition-failed", f"No link receives the replies of '{self._node}'.")

    def _answer(self, request: dict[str, Any]) -> tuple[int, str, dict[bytes, bytes]]:
        """(status, description, body) as HTTP would have it."""
        if self._node == TOKENS:
            return 202, "Accepted", {}
        try:
            return 200, "OK", _properties(self.session.broker, request)
        except AmqpError as error:
            return 404 if error.condition == "amqp:not-found" else 400, error.description, {}


def _properties(broker: "Broker", request: dict[str, Any]) -> dict[bytes, bytes]:
    """Encoded properties of a hub or a partition; raises AmqpError for what does not exist."""
    kind = request.get("type")
    if request.get("operation") != "READ" or kind not in ("com.microsoft:eventhub", "com.microsoft:partition"):
        raise AmqpError("amqp:not-implemented", f"'{request.get('operation')}' of '{kind}' is not supported.")
    hub = broker.hub(request.get("name", ""))
    properties = {"name": amqp.string(hub.name), "type": amqp.string(kind)}
    if kind == "com.microsoft:eventhub":
        properties |= {
            "created_at": amqp.timestamp(hub.created_ms),
            "partition_count": amqp.int32(len(hub.partitions)),
            "partition_ids": amqp.string_array(partition.id for partition in hub.partitions),
        }
    else:
        partition = hub.partition(str(request.get("partition")))
        properties |= {
            "partition": amqp.string(partition.id),
            "begin_sequence_number": amqp.int64(partition.first_sequence),
            "last_enqueued_sequence_number": amqp.int64(partition.last_sequence),
            "last_enqueued_offset": amqp.string(str(partition.last_offset)),
            "last_enqueued_time_utc": amqp.timestamp(partition.last_enqueued_ms),
            "is_partition_empty": amqp.boolean(not partition.messages),
        }
    return {amqp.string(name): value for name, value in properties.items()}


def _reply(message_id: bytes, status: int, description: str, body: dict[bytes, bytes]) -> bytes:
    """Encoded reply; the request's id goes back in the type it came in."""
    application = {
        amqp.string("status-code"): amqp.int32(status),
        amqp.string("status-description"): amqp.string(description),
        amqp.string("statusDescription"): amqp.string(description),  # where the SDK looks when it failed
    }
    fields = [amqp.NULL] * _CORRELATION_ID + [message_id]
    return b"".join((
        amqp.described(messages.PROPERTIES, amqp.amqp_list(fields)),
        amqp.described(messages.APPLICATION_PROPERTIES, amqp.amqp_map(application)),
        amqp.described(messages.VALUE, amqp.amqp_map(body)),
    ))  # fmt: skip


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
