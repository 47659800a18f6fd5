"""What the auth objects of all packages share: whose token, for which server, and what a 401 means."""

from __future__ import annotations

from urllib.parse import urlsplit

from ._async_client import AsyncClient
from ._client import Client
from .errors import AuthError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._token import Token


class TokenSource:
    """Gives the token of one kind of request. See `bearerd.Client.token` for `profile` to `min_ttl`."""

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
        """`client` is the one to ask, where a program has one; `origin` the one server that may see the token."""
        if client is None:
            client = Client()
        self._blocking = client if isinstance(client, Client) else client._twin(Client)
        self._async = client if isinstance(client, AsyncClient) else client._twin(AsyncClient)
        self._which: dict[str, Any] = {"scope": scope, "audience": audience, "issuer": issuer, "min_ttl": min_ttl}
        self._profile = profile
        self._origin = None if origin is None else origin_of(origin)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(profile={self._profile or self._blocking.profile!r})"

    def is_for(self, url: str) -> bool:
        """Whether a request to `url` gets the token."""
        return self._origin is None or origin_of(url) == self._origin

    def token(self) -> Token:
        """The token for the next request."""
        return self._blocking.token(self._profile, **self._which)

    async def token_async(self) -> Token:
        """The same on asyncio."""
        return await self._async.token(self._profile, **self._which)

    def instead(self, token: Token) -> Token | None:
        """A newer one than that which got a 401. None where there is none: then the 401 stands."""
        try:
            return self._blocking.reject(token)
        except AuthError:
            return None

    async def instead_async(self, token: Token) -> Token | None:
        """The same on asyncio."""
        try:
            return await self._async.reject(token)
        except AuthError:
            return None


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454 §4)."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        raise ValueError(f"`{url}` names no server: write it as `https://api.example.com`")
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (parts.scheme, parts.hostname, parts.port or default)
