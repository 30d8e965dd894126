"""HTTP for the SDK of Twilio: many threads at once, bounded in time, and silent.

The SDK's own client keeps the last answer on itself and returns it from there, so that of two threads one may get the
other's answer, and with it the reference of somebody else's message; and it logs addresses with the numbers in them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

from requests import Session
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 15.0
"""Twilio answers in well under a second; what takes longer is not known, and is asked for."""

_SILENT = logging.getLogger("metersentry.twilio.silent")
_SILENT.disabled = True


class PooledHttpClient(HttpClient):  # type: ignore[misc]  # the SDK has no types
    """Requests over up to `connections` connections; `base_url` takes the place of https://api.twilio.com in tests."""

    def __init__(self, connections: int, base_url: str = "", answer_within_s: float = ANSWER_WITHIN_S) -> None:
        super().__init__(_SILENT, is_async=False)
        self._base = urlsplit(base_url)
        self._timeout = (CONNECT_WITHIN_S, answer_within_s)
        self._session = Session()
        for scheme in ("https://", "http://"):
            # No retries below us: a request that may have been heard is not made twice.
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=connections, max_retries=0))

    def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Make one request; raises what `requests` raises."""
        answer = self._session.request(
            method.upper(),
            self._address(uri),
            params=params,  # type: ignore[arg-type]  # the SDK's types are wider than what it hands over
            data=data,
            headers=headers,
            auth=auth,
            timeout=timeout or self._timeout,
            allow_redirects=allow_redirects,
        )
        return Response(answer.status_code, answer.text, answer.headers)

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _address(self, uri: str) -> str:
        if not self._base.netloc:
            return uri
        return urlunsplit(urlsplit(uri)._replace(scheme=self._base.scheme, netloc=self._base.netloc))
