"""A fresh OAuth access token in microseconds, from the `bearerd` of this machine.

`Client` is for programs, `AsyncClient` for those that run on asyncio; `bearerd.httpx`, `bearerd.requests`,
`bearerd.aiohttp` and `bearerd.google` put the token into the requests of those packages. What fails is an `AuthError`;
`bearerd.errors` has one class for each reason.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import aiohttp as aiohttp
    from . import auth as auth
    from . import errors as errors
    from . import google as google
    from . import httpx as httpx
    from . import requests as requests
    from . import types as types
    from . import wallaroo as wallaroo
    from ._async_client import AsyncClient as AsyncClient
    from ._client import Client as Client
    from ._token import LoginState as LoginState
    from ._token import Token as Token
    from .errors import AuthError as AuthError

__version__ = "0.1.0"

__all__ = ["AsyncClient", "AuthError", "Client", "LoginState", "Token"]

_HOMES = {
    "AsyncClient": "_async_client",
    "AuthError": "errors",
    "Client": "_client",
    "LoginState": "_token",
    "Token": "_token",
}


_MODULES = {"aiohttp", "auth", "errors", "google", "httpx", "requests", "types", "wallaroo"}


def __getattr__(name: str) -> object:
    # What is not used is not loaded: a start of an interpreter pays for its import of this package.
    if name in _MODULES:
        return __import__(f"{__name__}.{name}", fromlist=[name])
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(__import__(f"{__name__}.{home}", fromlist=[name]), name)
    globals()[name] = value
    return value


def load_ipython_extension(ipython: object) -> None:
    """For IPython's `%load_ext bearerd`: `%bearer login`, `%bearer status`, `%bearer logout`."""
    from . import _ipython

    _ipython.load(ipython)


def unload_ipython_extension(ipython: object) -> None:
    """For IPython's `%unload_ext bearerd`."""
    from . import _ipython

    _ipython.unload(ipython)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
