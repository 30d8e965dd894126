"""Who may call what: roles from the platform's principal header.

Where the platform's authentication is on, it validates the token and sets `X-MS-CLIENT-PRINCIPAL` itself, so a client
cannot. Where it is off, anybody could: then nobody is let in.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from fastapi import Depends, HTTPException, Request

PRINCIPAL_HEADER = "x-ms-client-principal"
ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")


class Role(StrEnum):
    """What a person or program may do."""

    viewer = "viewer"
    operator = "operator"
    inspector = "inspector"


class Access:
    """Dependencies that let a request pass if its principal, where it can be trusted, has one of some roles."""

    def __init__(self, trusted: Callable[[], bool]) -> None:
        self._trusted = trusted

    def of(self, *roles: Role) -> Any:
        """Only principals with one of these roles."""

        def check(request: Request) -> None:
            if not self._trusted():
                raise HTTPException(503, "the platform's authentication is off; turn it on before using this interface")
            held = _roles(request.headers.get(PRINCIPAL_HEADER))
            if held is None:
                raise HTTPException(401, "sign in first: the request carries no principal")
            if not held.intersection(roles):
                raise HTTPException(403, f"this needs the role {' or '.join(roles)}; ask for it in Entra ID")

        return Depends(check)


def _roles(header: str | None) -> set[str] | None:
    if not header:
        return None
    try:
        principal = json.loads(base64.b64decode(header, validate=True))
        return {claim["val"] for claim in principal["claims"] if claim["typ"] in ROLE_CLAIMS}
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
