"""Auth objects with the SDK's methods: for httpx, for requests, and for whoever wants a header."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from ._fetchers import Served
from .auth import TokenRefreshError, _AccessToken

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from functools import partial

    import httpx

    from ._fetchers import TokenFetcher

    _Base = httpx.Auth
else:
    try:
        from httpx import Auth as _Base
    except ImportError:
        _Base = object


class Auth(_Base):
    """What all of them can do."""

    def user_id(self) -> str | None:
        """The claim `sub`."""
        return None

    def user_email(self) -> str | None:
        """The claim `email`."""
        return None

    def _bearer_token_str(self) -> str | None:
        """The value of the header."""
        return None

    def _access_token(self) -> Any:
        raise NotImplementedError

    def _force_reload(self) -> None:
        """Asks for a token with most of its life before it, ahead of a long request."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For httpx: the request as it is."""
        yield request


class NoAuth(Auth):
    """Changes no request."""

    def __init__(self) -> None:
        """Nothing is needed."""

    def __call__(self, request: Any) -> Any:
        """For requests: the request as it is."""
        return request

    def user_email(self) -> str:
        """Nobody's."""
        return "default@ex.co"

    def _bearer_token_str(self) -> str:
        return "no token"

    def _access_token(self) -> Any:
        return _constant()


class TestAuth(Auth):
    """Constants, for unit tests."""

    __test__ = False  # no test, whatever pytest makes of the name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For httpx: the constant as the header's whole value, as the SDK has it."""
        yield self(request)

    def __call__(self, request: Any) -> Any:
        """For requests, the same."""
        request.headers["Authorization"] = self._bearer_token_str()
        return request

    def user_id(self) -> str:
        """Jane's."""
        return "99cace15-e0d4-4bb6-bf14-35efee181b90"

    def user_email(self) -> str:
        """Jane's."""
        return "jane@ex.co"

    def _bearer_token_str(self) -> str:
        return "definitely_a_bearer_token_str"

    def _access_token(self) -> Any:
        return _constant()


class Platform:
    """`Authorization: Bearer …` on each request, and one more try with a newer token after a 401.

    A mixin: `PlatformAuth` below, and the same over the SDK's class. A token goes to the host of the request alone;
    httpx takes the header away where a redirect leads elsewhere.
    """

    fetcher: Any

    def __init__(self, fetcher: TokenFetcher) -> None:
        """`fetcher` gives the tokens."""
        self.fetcher = fetcher

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fetcher!r})"

    def __call__(self, request: Any) -> Any:
        """For requests: sets the header."""
        request.headers.update(self.auth_header())
        return request

    def user_id(self) -> str | None:
        """The claim `sub`."""
        fetcher = self.fetcher
        if isinstance(fetcher, Served):
            return fetcher.current().user_id
        return self._access_token().user_id  # type: ignore[no-any-return]

    def user_email(self) -> str | None:
        """The claim `email`."""
        fetcher = self.fetcher
        if isinstance(fetcher, Served):
            return fetcher.current().user_email
        return self._access_token().user_email  # type: ignore[no-any-return]

    def auth_header(self) -> dict[str, str]:
        """The header as a dictionary."""
        return {"Authorization": self._bearer_token_str()}

    def _bearer_token_str(self) -> str:
        fetcher = self.fetcher
        if isinstance(fetcher, Served):
            return f"Bearer {fetcher.current().token}"
        return f"Bearer {self._access_token().token}"

    def _access_token(self) -> Any:
        fetcher = self.fetcher
        if isinstance(fetcher, Served):
            return fetcher.Fetch()
        try:
            return fetcher.Refresh(fetcher.Fetch())
        except TokenRefreshError:
            fetcher.Reset()
            return fetcher.Fetch()

    def _force_reload(self) -> None:
        fetcher = self.fetcher
        if isinstance(fetcher, Served):
            fetcher.current(fresh=True)
            return
        token = fetcher.Fetch()._replace(expiry=datetime.datetime.now())
        try:
            fetcher.Refresh(token)
        except TokenRefreshError:
            fetcher.Reset()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """For httpx."""
        sent = request.headers["Authorization"] = self._bearer_token_str()
        repeatable = _is_repeatable(request)
        response = yield request
        if repeatable and self._is_refused(response, sent):
            newer = self._instead_of(sent)
            if newer is not None:
                request.headers["Authorization"] = newer
                yield request

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """For httpx's AsyncClient: the event loop does not wait for the daemon."""
        fetcher = self.fetcher
        held = fetcher.in_hand() if isinstance(fetcher, Served) else None
        sent = f"Bearer {held.token}" if held else await _in_thread(self._bearer_token_str)
        request.headers["Authorization"] = sent
        repeatable = _is_repeatable(request)
        response = yield request
        if repeatable and self._is_refused(response, sent):
            from functools import partial

            newer = await _in_thread(partial(self._instead_of, sent))
            if newer is not None:
                request.headers["Authorization"] = newer
                yield request

    def _is_refused(self, response: httpx.Response, sent: str) -> bool:
        """Whether this very token was refused: after a redirect to another host it was not even sent."""
        return (
            response.status_code == 401
            and isinstance(self.fetcher, Served)
            and response.request.headers.get("Authorization") == sent
        )

    def _instead_of(self, sent: str) -> str | None:
        newer = self.fetcher.instead_of(sent.removeprefix("Bearer "))
        return None if newer is None else f"Bearer {newer.token}"


class PlatformAuth(Platform, Auth):
    """An auth object over a fetcher: over one of ours, or anybody's."""


def _is_repeatable(request: httpx.Request) -> bool:
    """Whether the body is at hand, so that it can be sent again: one that is read as it is sent is gone by then."""
    return hasattr(request, "_content")


async def _in_thread(call: partial[Any] | Any) -> Any:
    # httpx brings anyio, under whose loop (asyncio's or trio's) it runs.
    from anyio.to_thread import run_sync

    return await run_sync(call)


def _constant() -> Any:
    now = datetime.datetime.now()
    return _AccessToken("definitely_an_access_token", now, "none", now, "test", "test")
