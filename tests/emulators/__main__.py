"""Run a command with emulators of Event Hubs, Cosmos DB and Storage beside it: `python -m emulators COMMAND …`.

The command finds them in the settings that it would find Azure in. When it ends, so do they, with all they held.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from emulators.azurite import MISSING, PROGRAM, Azurite
from emulators.cosmos.process import CosmosServer
from emulators.event_hubs.process import EventHubsBroker

HUBS = {"meter-readings": 4, "work-orders": 1, "grid-incidents": 2}


def main() -> int:
    """Start the emulators, run the command, and return its exit code."""
    command = sys.argv[1:]
    if not command:
        sys.exit("name a command to run with the emulators, as in: python -m emulators python -m local demo-cloud")
    if not Path(PROGRAM).exists():
        sys.exit(MISSING)
    with Azurite() as azurite, CosmosServer() as cosmos, EventHubsBroker(HUBS) as broker:
        settings = {
            "METERSENTRY_STORE": "cosmos",
            "COSMOS": f"AccountEndpoint={cosmos.url}/;AccountKey={cosmos.key};",
            "EventHubConnection": broker.connection_string,
            "AzureWebJobsStorage": azurite.connection_string,
        }
        try:
            return subprocess.run(command, env={**os.environ, **settings}, check=False).returncode
        except KeyboardInterrupt:
            return 130


if __name__ == "__main__":
    sys.exit(main())
