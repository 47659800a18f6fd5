"""A fresh token in each request of `aiohttp` (3.12 or newer): `ClientSession(middlewares=[BearerAuth(origin)])`."""

from __future__ import annotations

from aiohttp import payload

from ._auth import TokenSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

    from ._async_client import AsyncClient
    from ._token import Token

__all__ = ["BearerAuth"]


class BearerAuth:
    """Sends the current token with each request, and once more with a newer one where the server answers 401.

    The token goes to `origin` alone, such as `https://api.example.com`: a middleware sees the requests of redirects
    too, and can't tell them from others. A body that can be read only once, such as a file or a generator, is not sent
    twice: then the 401 is the answer, and the next request has the newer token. Where there is no token, the request
    raises an `AuthError`.
    """

    def __init__(
        self,
        origin: str,
        client: AsyncClient | None = None,
        *,
        profile: str | None = None,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
        min_ttl: float | None = None,
    ) -> None:
        self._source = TokenSource(
            client, profile=profile, scope=scope, audience=audience, issuer=issuer, min_ttl=min_ttl, origin=origin
        )

    def __repr__(self) -> str:
        return repr(self._source).replace("TokenSource", "BearerAuth")

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Called by `aiohttp` for each request."""
        if not self._source.is_for(str(request.url)):
            return await handler(request)
        token = await self._source.token_async()
        _send_with(request, token)
        response = await handler(request)
        if response.status != 401 or token.token is None:
            return response
        newer = await self._source.instead_async(token)
        if newer is None or not _may_be_sent_again(request):
            return response
        response.release()
        _send_with(request, newer)
        return await handler(request)


def _send_with(request: ClientRequest, token: Token) -> None:
    request.headers.pop("Authorization", None)
    request.headers.update(token.header())


def _may_be_sent_again(request: ClientRequest) -> bool:
    # Texts, bytes and JSON are in memory; a form's parts and files may be used up.
    return not request.body or isinstance(request.body, payload.BytesPayload)
