"""A fresh token in each request of `httpx`: `httpx.Client(auth=BearerAuth())`, and the same for `AsyncClient`."""

from __future__ import annotations

import asyncio

import httpx

from ._auth import TokenSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from typing import Any

    from ._async_client import AsyncClient
    from ._client import Client
    from ._token import Token

__all__ = ["BearerAuth"]


class BearerAuth(httpx.Auth):
    """Sends the current token with each request, and once more with a newer one where the server answers 401.

    A body that can be read only once, such as a generator, is not sent twice: then the 401 is the answer, and the next
    request has the newer token. On a redirect to another host the token is left out. With `origin` it goes to that
    server alone. Where there is no token, the request raises an `AuthError`.
    """

    def __init__(
        self,
        client: Client | AsyncClient | None = None,
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

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """The request, and what follows from its answer."""
        if not self._source.is_for(str(request.url)):
            yield request
            return
        token = self._source.token()
        _send_with(request, token)
        response = yield request
        if _refused(response, token):
            newer = self._source.instead(token)
            if newer is not None and _may_be_sent_again(request):
                _send_with(request, newer)
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The same for `httpx.AsyncClient`, on asyncio or trio."""
        if not self._source.is_for(str(request.url)):
            yield request
            return
        token: Token = await self._call("token")
        _send_with(request, token)
        response = yield request
        if _refused(response, token):
            newer: Token | None = await self._call("instead", token)
            if newer is not None and _may_be_sent_again(request):
                _send_with(request, newer)
                yield request

    async def _call(self, name: str, *given: Any) -> Any:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            # Another event loop: the blocking client waits in a thread. `anyio` comes with `httpx`.
            import anyio

            return await anyio.to_thread.run_sync(getattr(self._source, name), *given)
        return await getattr(self._source, f"{name}_async")(*given)


def _send_with(request: httpx.Request, token: Token) -> None:
    request.headers.pop("Authorization", None)
    request.headers.update(token.header())


def _refused(response: httpx.Response, token: Token) -> bool:
    """Whether this very token got a 401: after a redirect to another host, none was sent."""
    sent = response.request.headers.get("Authorization")
    return response.status_code == 401 and sent is not None and sent == token.header().get("Authorization")


def _may_be_sent_again(request: httpx.Request) -> bool:
    try:
        # Only a body that is in memory can be had so.
        _ = request.content
    except httpx.RequestNotRead:
        return False
    return True
