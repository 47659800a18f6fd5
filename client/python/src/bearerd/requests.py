"""A fresh token in each request of `requests`: `session.auth = BearerAuth()`, or `get(url, auth=BearerAuth())`."""

from __future__ import annotations

import requests
import requests.auth
import requests.cookies

from ._auth import TokenSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._client import Client
    from ._token import Token

__all__ = ["BearerAuth"]


class BearerAuth(requests.auth.AuthBase):
    """Sends the current token with each request, and once more with a newer one where the server answers 401.

    A body that can be read only once, such as a file or a generator, is not sent twice: then the 401 is the answer, and
    the next request has the newer token. On a redirect to another host the token is left out. With `origin` it goes to
    that server alone. Where there is no token, the request raises an `AuthError`.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        profile: str | None = None,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
        min_ttl: float | None = None,
        origin: str | None = None,
    ) -> None:
        self._source = TokenSource(
            client, profile=profile, scope=scope, audience=audience, issuer=issuer, min_ttl=min_ttl, origin=origin
        )

    def __repr__(self) -> str:
        return repr(self._source).replace("TokenSource", "BearerAuth")

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Called by `requests` when the request is made ready."""
        if self._source.is_for(request.url or ""):
            token = self._source.token()
            _send_with(request, token)
            request.register_hook("response", _Once(self._source, token))  # type: ignore[no-untyped-call]
        return request


class _Once:
    """Looks at the answers to one request, those of its redirects too, and sends it once more at most."""

    def __init__(self, source: TokenSource, token: Token) -> None:
        self._source = source
        self._token = token
        self._done = False

    def __call__(self, response: requests.Response, **options: Any) -> requests.Response:
        request = response.request
        sent = request.headers.get("Authorization")
        # After a redirect to another host, no token was sent.
        refused = sent is not None and sent == self._token.header().get("Authorization")
        if self._done or response.status_code != 401 or not refused:
            return response
        self._done = True
        newer = self._source.instead(self._token)
        if newer is None or not (request.body is None or isinstance(request.body, (bytes, str))):
            return response
        # The connection is free for the second request when the first answer is read.
        _ = response.content
        response.close()
        again = request.copy()
        jar: Any = getattr(again, "_cookies", None)
        if jar is not None:
            requests.cookies.extract_cookies_to_jar(jar, request, response.raw)  # type: ignore[no-untyped-call]
            again.prepare_cookies(jar)
        _send_with(again, newer)
        answer: requests.Response = response.connection.send(again, **options)
        answer.history.append(response)
        answer.request = again
        return answer


def _send_with(request: requests.PreparedRequest, token: Token) -> None:
    request.headers.pop("Authorization", None)
    request.headers.update(token.header())
