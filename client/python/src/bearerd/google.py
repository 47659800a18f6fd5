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
        # A 401 is answered in the thread that sent the request: it is about the token that was sent there.
        self._sent = threading.local()

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
        if not self._source.is_for(str(url)):
            return
        token = self._asked(self._source.token)
        self._sent.token = token
        headers.update({name.lower(): value for name, value in token.header().items()})

    def refresh(self, request: Any) -> None:  # noqa: ARG002
        """Called by a transport after a 401, and by programs that want `token` to be there."""
        sent: Token | None = getattr(self._sent, "token", None)
        self._sent.token = None
        if sent is None or sent.token is None:
            self._asked(self._source.token)
        else:
            self._asked(lambda: self._source._blocking.reject(sent))

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
        self._sent = threading.local()
