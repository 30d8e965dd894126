"""The application over a store that a person names, for commands that look after what is running."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from functions.adapters.clocks import SystemClock
from functions.application import Application
from functions.domain.errors import InputError
from functions.settings import Settings, cloud
from local.machine import Machine


@asynccontextmanager
async def open_application(store: str, out: Path) -> AsyncIterator[Application]:
    """The application over an existing store, on the real clock; messages that it sends are written to `out`.

    `cosmos` is the store of the deployment that the environment names. Raises `SettingError` for a store of another
    kind, `InputError` for one that is not there.
    """
    settings = msgspec.structs.replace(Settings.of(), store=store, output=out)
    if settings.in_cloud:
        from local.cloud import open_cloud

        async with open_cloud(settings, cloud(), SystemClock()) as deployed:
            yield deployed.application
        return
    path = settings.sqlite_path
    if not path.exists():
        raise InputError(f"there is no store at {path}; name one with --store, or make one with `local serve`")
    machine = Machine.start(path, out, SystemClock())
    try:
        yield machine.application
    finally:
        machine.database.close()
