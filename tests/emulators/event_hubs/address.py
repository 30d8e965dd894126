"""Addresses of links: `amqp://host/HUB[/ConsumerGroups/GROUP][/Partitions/ID]`."""

from typing import NamedTuple
from urllib.parse import urlsplit


class Address(NamedTuple):
    """What a link is attached to."""

    hub: str
    group: str | None
    partition: str | None


def parse_address(text: str) -> Address:
    """Address of a link; a consumer group is the same in any case."""
    path = urlsplit(text).path if "://" in text else text
    hub, *rest = [segment for segment in path.split("/") if segment] or [""]
    named = {name.lower(): value for name, value in zip(rest[::2], rest[1::2], strict=False)}
    group = named.get("consumergroups")
    return Address(hub, None if group is None else group.lower(), named.get("partitions"))
