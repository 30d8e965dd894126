"""What is wrong with a connection to Event Hubs, in one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from functions import names
from functions.domain.errors import SettingError


@contextmanager
def named_setting(setting: str = names.EVENT_HUB_CONNECTION) -> Iterator[None]:
    """Turn an SDK's complaint about a connection string or an address into a `SettingError` that names the setting."""
    try:
        yield
    except ValueError as fault:
        raise SettingError(
            f"{setting} cannot be used ({fault}); copy the connection from the account, key and endpoints included"
        ) from fault
