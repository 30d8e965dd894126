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
from typing import Any, NamedTuple

from fastapi import Depends, HTTPException, Request

PRINCIPAL_HEADER = "x-ms-client-principal"
ROLE_CLAIMS = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")
ID_CLAIMS = (
    *("oid", "http://schemas.microsoft.com/identity/claims/objectidentifier"),
    *("sub", "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"),
)
"""Claims that identify without naming, the directory's own first: names and addresses do not belong in a record."""
UNIDENTIFIED = "unidentified"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Role(StrEnum):
    """What a person or program may do."""

    viewer = "viewer"
    operator = "operator"
    inspector = "inspector"


class Principal(NamedTuple):
    """Who calls."""

    id: str
    roles: frozenset[str]


class Access:
    """Dependencies that let a request pass if its principal, where it can be trusted, has one of some roles."""

    def __init__(self, trusted: Callable[[], bool]) -> None:
        self._trusted = trusted

    def of(self, *roles: Role) -> Any:
        """Only principals with one of these roles; the dependency gives the principal."""

        def check(request: Request) -> Principal:
            if not self._trusted():
                raise HTTPException(503, "the platform's authentication is off; turn it on before using this interface")
            principal = _principal(request.headers.get(PRINCIPAL_HEADER))
            if principal is None:
                raise HTTPException(401, "sign in first: the request carries no principal")
            if not principal.roles.intersection(roles):
                raise HTTPException(403, f"this needs the role {' or '.join(roles)}; ask for it in Entra ID")
            if request.method not in SAFE_METHODS and _from_another_site(request):
                raise HTTPException(403, "the request comes from another site's page; use this one's")
            return principal

        return Depends(check)


def _from_another_site(request: Request) -> bool:
    """Whether a browser was made to send this by a page elsewhere: it brings the person's session along."""
    return request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin")


def _principal(header: str | None) -> Principal | None:
    if not header:
        return None
    try:
        principal = json.loads(base64.b64decode(header, validate=True))
        claims = [(claim["typ"], claim["val"]) for claim in principal["claims"]]
        ids = {name: value for name, value in reversed(claims) if name in ID_CLAIMS and isinstance(value, str)}
        roles = frozenset(value for name, value in claims if name in ROLE_CLAIMS)
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None
    return Principal(next((ids[name] for name in ID_CLAIMS if name in ids), UNIDENTIFIED), roles)
