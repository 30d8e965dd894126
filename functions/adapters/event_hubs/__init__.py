"""Event Hubs: readings in and out, and incidents for the utility's outage management."""
