"""Key authorization: the signature every request carries."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from emulators.cosmos.errors import Refused

KEY = base64.b64encode(hashlib.sha512(b"the key of the loopback Cosmos DB").digest()).decode()
"""The account's only key; no secret, as the server listens on the loopback address."""

_SECRET = base64.b64decode(KEY)


def check_authorization(method: str, parts: Sequence[str], headers: Mapping[str, str]) -> None:
    """Refuse (401) a request whose signature is not that of `KEY`; `parts` are the decoded segments of its path."""
    named = len(parts) % 2 == 0
    kind = parts[-2 if named else -1] if parts else ""
    link = "/".join(parts if named else parts[:-1])
    text = f"{method.lower()}\n{kind}\n{link}\n{headers.get('x-ms-date', '').lower()}\n\n"
    signature = base64.b64encode(hmac.digest(_SECRET, text.encode(), "sha256")).decode()
    given = unquote(headers.get("authorization", ""))
    if not hmac.compare_digest(given.encode(), f"type=master&ver=1.0&sig={signature}".encode()):
        raise Refused(
            401, "Unauthorized", f"The authorization of {method} {link!r} is not signed with the key of this account."
        )
