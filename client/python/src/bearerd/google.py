"""A fresh token for what is built on `google.auth`: its `AuthorizedSession`, gRPC channels and client libraries."""

from __future__ import annotations

import threading

from google.auth import credentials, exceptions

from ._auth import TokenSource
from .errors import AuthError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._client import Client
    from ._token import Token

__all__ = ["Credentials"]


class Credentials(credentials.Credentials):
    """Credentials that ask bearerd for each request, and for a newer token where a server answers 401.

    Where there is no token, a request raises `google.auth.exceptions.RefreshError`; its `__cause__` is the `AuthError`.
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
        super().__init__()  # type: ignore[no-untyped-call]
        self._source = TokenSource(
            client, profile=profile, scope=scope, audience=audience, issuer=issuer, min_ttl=min_ttl, origin=origin
        )
        self._sent = _Sent()

    @property
    def expired(self) -> bool:
        """Never: each request asks for a token that is valid."""
        return False

    @property
    def valid(self) -> bool:
        """Whether a token was asked for already."""
        return self.token is not None

    @property
    def token_state(self) -> credentials.TokenState:
        """The same in the newer word."""
        return credentials.TokenState.FRESH if self.valid else credentials.TokenState.INVALID

    def before_request(self, request: Any, method: Any, url: Any, headers: Any) -> None:  # noqa: ARG002
        """Called by a transport before each request."""
        sent = self._sent
        sent.token, sent.is_again, sent.is_refused = None, sent.is_refused, False
        if not self._source.is_for(str(url)):
            return
        token = sent.token = self._asked(self._source.token)
        headers.update({name.lower(): value for name, value in token.header().items()})

    def refresh(self, request: Any) -> None:  # noqa: ARG002
        """Called by a transport after a 401, and by programs that want `token` to be there."""
        sent = self._sent
        token, sent.token = sent.token, None
        if token is None or token.token is None:
            self._asked(self._source.token)
            return
        sent.is_refused = True
        # A second 401 is handed on, and so is one for which there is no newer token: a transport sends it once more.
        newer = None if sent.is_again else self._source.instead(token)
        if newer is not None:
            self.token = newer.token

    def _asked(self, ask: Any) -> Token:
        try:
            token: Token = ask()
        except AuthError as error:
            again = error.retry_after is not None
            raise exceptions.RefreshError(str(error), retryable=again) from error  # type: ignore[no-untyped-call]
        self.token = token.token
        return token

    def __getstate__(self) -> dict[str, Any]:
        # The token stays here: who has these asks for its own.
        return {name: value for name, value in self.__dict__.items() if name != "_sent"} | {"token": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._sent = _Sent()


class _Sent(threading.local):
    """What this thread sent last: a 401 is answered in the thread that sent the request."""

    token: Token | None = None
    is_again = False
    """Whether that was the same request once more."""
    is_refused = False
    """Whether it got a 401."""
