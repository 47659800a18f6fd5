"""Our auth objects as the SDK's own classes. Importing this needs `wallaroo.auth`."""

from __future__ import annotations

import sys
from typing import Any

import wallaroo.auth as sdk

from . import _create, auth
from ._fetchers import Served
from ._platform import Platform

# For whoever asks whether a fetcher is one: ours has every method of it.
sdk._TokenFetcher.register(Served)


class SdkAuth(Platform, sdk._PlatformAuth):  # type: ignore[misc]
    """A `_PlatformAuth`, the very class that async inference looks for, over a fetcher that asks the daemon."""


class SdkTokenFetchError(auth.TokenFetchError, sdk.TokenFetchError):  # type: ignore[misc]
    """Caught as either."""


class SdkTokenRefreshError(auth.TokenRefreshError, sdk.TokenRefreshError):  # type: ignore[misc]
    """Caught as either."""


def create(keycloak_addr: str, auth_type: Any) -> Any:
    """As `bearerd.auth.create`, with the SDK's classes."""
    _hide_bearers()
    return _create.create(keycloak_addr, auth_type, KINDS)


def logout() -> None:
    """As `bearerd.auth.logout`, with the SDK's errors."""
    _create.logout(KINDS)


KINDS = _create.Kinds(
    no_auth=sdk._NoAuth,
    test_auth=sdk._TestAuth,
    platform_auth=SdkAuth,
    access_token=sdk._AccessToken,
    fetch_error=SdkTokenFetchError,
    refresh_error=SdkTokenRefreshError,
)


def _hide_bearers() -> None:
    """Has `WALLAROO_DEBUG_HTTPX` print a request without its token."""
    http_utils = sys.modules.get("wallaroo.http_utils")
    log = getattr(http_utils, "_log_httpx_request", None)
    if log is None or hasattr(log, "_bearerd"):
        return

    def log_without_bearer(request: Any) -> None:
        if "Authorization" not in request.headers:
            log(request)
            return
        sent = request.headers["Authorization"]
        request.headers["Authorization"] = "REDACTED"
        try:
            log(request)
        finally:
            request.headers["Authorization"] = sent

    log_without_bearer._bearerd = True  # type: ignore[attr-defined]
    setattr(http_utils, "_log_httpx_request", log_without_bearer)  # noqa: B010 (not ours)
