"""Every error MeterSentry raises on purpose.

MeterSentryError
├── SettingError          a setting is missing or unreadable; the process must not start
├── InputError            a file, a column or a document a person gave us is at fault
│   └── RejectedDocument  one document of a request (a work order, a roster row), with its field
├── ModelMismatch         a model file is not the one its manifest describes
├── NotSent               a channel did not take a message; sending it again is right, unless it is `permanent`
├── Unknown               nobody knows whether a channel took a message; ask the channel before sending again
├── StoreError            a store answered wrongly
│   ├── Conflict          somebody else wrote first: read again, apply again
│   └── TransientFault    throttled or unreachable: the host retries, the checkpoint waits
└── HostError             a trigger is declared in a way that Azure's worker would refuse

A message is one sentence that names the thing at fault and the way out.
"""

from __future__ import annotations


class MeterSentryError(Exception):
    """Root of the tree."""


class SettingError(MeterSentryError):
    """A setting is missing or unreadable."""


class InputError(MeterSentryError):
    """Something a person handed in cannot be used."""


class RejectedDocument(InputError):
    """One document of a request is at fault; `field` names the part of it, `position` (from 0) which one it is."""

    def __init__(self, field: str, reason: str, position: int | None = None) -> None:
        super().__init__(f"{field}: {reason}" if position is None else f"number {position + 1}, {field}: {reason}")
        self.field = field
        self.reason = reason
        self.position = position

    def at(self, position: int) -> RejectedDocument:
        """The same fault of the document at a position."""
        return RejectedDocument(self.field, self.reason, position)


class ModelMismatch(MeterSentryError):
    """A model file and its manifest do not belong together."""


class NotSent(MeterSentryError):
    """A channel did not take a message, for certain: sending it again is right, unless it is `permanent`.

    `retry_after_s` is how long to wait at least, `code` the provider's own name of the fault ("21610": opted out).
    """

    def __init__(self, reason: str, *, retry_after_s: int = 0, permanent: bool = False, code: str = "") -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.permanent = permanent
        self.code = code


class Unknown(MeterSentryError):
    """Nobody knows whether a channel took a message: ask it before sending again."""


class StoreError(MeterSentryError):
    """A store answered wrongly."""


class Conflict(StoreError):
    """The document changed, or exists already."""


class TransientFault(StoreError):
    """The store is throttled or out of reach; trying again is right."""


class HostError(MeterSentryError):
    """A trigger is declared in a way Azure's worker refuses."""
