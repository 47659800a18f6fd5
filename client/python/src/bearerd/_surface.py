"""What of `wallaroo.auth` this package takes over or builds on, and how another module differs from it."""

from __future__ import annotations

import inspect
from typing import Any


def differences(module: Any) -> list[str]:
    """Each a few words; none where the module has the known surface."""
    found = surface(module)
    told = []
    for name in sorted({*KNOWN, *found}):
        known, seen = KNOWN.get(name), found.get(name)
        if seen is None:
            told.append(f"`{name}` is missing")
        elif known is None:
            told.append(f"`{name}` is new")
        elif known != seen:
            told.append(f"`{name}` is {seen}, not {known}")
    return told


def surface(module: Any) -> dict[str, str]:
    """Every function of a module, and of its classes every member, each with its shape."""
    found: dict[str, str] = {}
    for name, value in vars(module).items():
        if getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value):
            found[name] = _bases(value)
            found.update(_members(name, value))
        elif inspect.isfunction(value):
            found[name] = _shape(value)
    return {name: shape for name, shape in found.items() if not _is_internal(name)}


def _members(name: str, kind: type) -> dict[str, str]:
    if issubclass(kind, tuple):
        return {f"{name}._fields": ", ".join(getattr(kind, "_fields", ()))}
    if hasattr(kind, "__members__"):
        return {f"{name}.{each.name}": repr(each.value) for each in kind}  # type: ignore[attr-defined]
    found = {}
    for member, value in vars(kind).items():
        function = getattr(value, "__func__", value)
        if inspect.isfunction(function) and (not member.startswith("__") or member == "__init__"):
            found[f"{name}.{member}"] = _shape(function)
    return found


def _bases(kind: type) -> str:
    return f"class({', '.join(base.__name__ for base in kind.__bases__)})"


def _shape(function: Any) -> str:
    """Names, kinds and defaults of the parameters: annotations read otherwise in every version of Python."""
    parameters = inspect.signature(function).parameters.values()
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return str(inspect.Signature(bare))


def _is_internal(name: str) -> bool:
    """What no code outside of `wallaroo.auth` uses, and our `create` does not call."""
    return name.partition(".")[0] in _INTERNAL


_INTERNAL = {
    "_CachedTokenFetcher",
    "_GetUserPasswordCreds",
    "_KeycloakTokenFetcher",
    "_OfflineAccessTokenFetcher",
    "_PasswordTokenFetcher",
    "_RawTokenFetcher",
    "_get_token_from_file",
}

#: Of wallaroo 2026.1.3. A test makes it anew from the real package and compares.
KNOWN: dict[str, str] = {
    "AuthType": "class(Enum)",
    "AuthType.NONE": "'none'",
    "AuthType.SSO": "'sso'",
    "AuthType.USER_PASSWORD": "'user_password'",
    "AuthType.TEST_AUTH": "'test_auth'",
    "AuthType.TOKEN": "'token'",
    "AuthType.ORCH": "'orch'",
    "TokenData": "class(tuple)",
    "TokenData._fields": "token, user_email, user_id",
    "_WallarooAuth": "class(Auth)",
    "_WallarooAuth.user_id": "(self)",
    "_WallarooAuth.user_email": "(self)",
    "_WallarooAuth._bearer_token_str": "(self)",
    "_WallarooAuth._access_token": "(self)",
    "_WallarooAuth._force_reload": "(self)",
    "_WallarooAuth.auth_flow": "(self, request)",
    "create": "(keycloak_addr, auth_type)",
    "logout": "()",
    "AuthError": "class(Exception)",
    "AuthError.__init__": "(self, message, code=None)",
    "TokenFetchError": "class(AuthError)",
    "TokenRefreshError": "class(AuthError)",
    "_AccessToken": "class(tuple)",
    "_AccessToken._fields": "token, expiry, refresh_token, refresh_token_expiry, user_id, user_email",
    "_TokenFetcher": "class(ABC)",
    "_TokenFetcher.Fetch": "(self)",
    "_TokenFetcher.Refresh": "(self, access_token)",
    "_TokenFetcher.Reset": "(self)",
    "_NoAuth": "class(_WallarooAuth)",
    "_NoAuth.__init__": "(self)",
    "_NoAuth.auth_flow": "(self, request)",
    "_NoAuth.user_id": "(self)",
    "_NoAuth.user_email": "(self)",
    "_NoAuth._bearer_token_str": "(self)",
    "_NoAuth._access_token": "(self)",
    "_NoAuth._force_reload": "(self)",
    "_PlatformAuth": "class(_WallarooAuth)",
    "_PlatformAuth.__init__": "(self, fetcher)",
    "_PlatformAuth.auth_flow": "(self, request)",
    "_PlatformAuth.auth_header": "(self)",
    "_PlatformAuth._bearer_token_str": "(self)",
    "_PlatformAuth._access_token": "(self)",
    "_PlatformAuth._force_reload": "(self)",
    "_PlatformAuth.user_id": "(self)",
    "_PlatformAuth.user_email": "(self)",
    "_TestAuth": "class(_WallarooAuth)",
    "_TestAuth.auth_flow": "(self, request)",
    "_TestAuth.user_id": "(self)",
    "_TestAuth.user_email": "(self)",
    "_TestAuth._bearer_token_str": "(self)",
    "_TestAuth._access_token": "(self)",
    "_TestAuth._force_reload": "(self)",
}
