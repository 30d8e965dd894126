"""The one error of the emulator: a request that Cosmos DB would refuse, with what it would answer."""

from __future__ import annotations


class Refused(Exception):
    """A request is answered with `status` and `code`; `substatus` and `retry_after_ms` go into headers."""

    def __init__(self, status: int, code: str, message: str, substatus: int = 0, retry_after_ms: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.substatus = substatus
        self.retry_after_ms = retry_after_ms


OWNER_NOT_FOUND = 1003
PARTITION_KEY_MISMATCH = 1001
CONTAINER_RECREATED = 1024
"""The SDK reads the container's properties again and repeats the request."""


def bad_request(message: str, substatus: int = 0) -> Refused:
    """The request is malformed, or beyond what the emulator covers."""
    return Refused(400, "BadRequest", message, substatus)


def not_found(what: str, substatus: int = 0) -> Refused:
    """There is no such resource."""
    return Refused(404, "NotFound", f"{what} does not exist; check its id and its partition key.", substatus)


def conflict(what: str) -> Refused:
    """A resource of that id is already there."""
    return Refused(409, "Conflict", f"{what} exists already; choose another id or upsert.")


def precondition_failed(what: str) -> Refused:
    """An ETag or a condition did not hold."""
    return Refused(412, "PreconditionFailed", f"{what} is not as the request's condition demands; read it again.")


def too_large(what: str, size: int, limit: int) -> Refused:
    """A document or a batch is above Cosmos DB's limit; sizes in bytes."""
    return Refused(413, "RequestEntityTooLarge", f"{what} has {size} bytes, at most {limit} are allowed; split it.")
