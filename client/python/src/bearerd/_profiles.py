"""Which profile of the daemon is meant by an address, an auth type and a user."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from .auth import KEYCLOAK_CLIENT_NAME, KEYCLOAK_REALM, AuthType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .types import ProfileInfo, Profiles

#: What the names of profiles that are added here begin with: `logout()` knows them by it.
PREFIX = "wallaroo-sdk."


class Place(NamedTuple):
    """Whom a program wants to be, and where."""

    address: str
    auth_type: AuthType
    user: str | None = None
    #: The SDK's JSON file with name and password.
    credentials_file: str | None = None

    def name(self) -> str:
        """The name of the profile that is added for it: the same in every process."""
        from hashlib import sha256

        what = [normalised(self.address), KEYCLOAK_REALM, KEYCLOAK_CLIENT_NAME, self.user or ""]
        digest = sha256("\n".join([self.auth_type.value, *what]).encode()).hexdigest()[:12]
        host = re.sub(r"[^a-z0-9.-]", "-", (urlsplit(self.address).hostname or "").lower())[:_HOST_CHARACTERS]
        return f"{PREFIX}{self.auth_type.value}.{host}.{digest}"

    def settings(self) -> dict[str, Any]:
        """What that profile is."""
        address = self.address.rstrip("/")
        settings: dict[str, Any] = {"auth_type": self.auth_type.value, "keycloak_addr": address}
        settings |= {"realm": KEYCLOAK_REALM, "client_id": KEYCLOAK_CLIENT_NAME}
        if self.auth_type is AuthType.ORCH:
            # Its token is handed over by `POST /v1/import`: a profile made at run time names no file of the person's.
            settings["auth_type"] = AuthType.SSO.value
        if self.auth_type is AuthType.USER_PASSWORD:
            settings["username"] = self.user
        # The daemon wants the address without its path; `shown_link` does the rest.
        public = os.environ.get(_AUTH_ENDPOINT, "").rstrip("/")
        if self.auth_type is AuthType.SSO and public.endswith("/auth"):
            settings["public_addr"] = public[: -len("/auth")]
        return settings


def found(place: Place, profiles: Profiles) -> ProfileInfo | None:
    """The profile that is meant by `place`; of several the default one, else a person's own, else the first by name."""
    default = profiles.get("default_profile")
    fitting = [profile for profile in profiles["profiles"] if fits(place, profile)]
    order = lambda profile: (  # noqa: E731
        profile["profile"] != default,
        bool(profile.get("run_time")),
        profile["profile"],
    )
    return min(fitting, key=order, default=None)


def fits(place: Place, profile: ProfileInfo) -> bool:
    """Whether that profile logs the same user in by the same means at the same place."""
    name, settings = profile["profile"], profile["settings"]
    if name.startswith(f"{PREFIX}{AuthType.ORCH.value}."):
        # Of type `sso` for the daemon, and nobody's but an orchestration's.
        return name == place.name()
    return (
        bool(profile["auth_type"] == place.auth_type.value)
        and _address(settings) == normalised(place.address)
        and bool(settings.get("client_id", KEYCLOAK_CLIENT_NAME) == KEYCLOAK_CLIENT_NAME)
        and _same_user(place, settings)
    )


def normalised(address: str) -> str:
    """An address as it is compared: case of scheme and host, a default port and slashes at the end don't count."""
    try:
        parts = urlsplit(address.strip())
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return address
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != {"http": 80, "https": 443}.get(parts.scheme):
        host = f"{host}:{port}"
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def added_here(profiles: Iterable[ProfileInfo]) -> list[str]:
    """The names of the profiles that `create()` has added, in any process."""
    return [
        profile["profile"] for profile in profiles if profile.get("run_time") and profile["profile"].startswith(PREFIX)
    ]


def shown_link(link: str, address: str) -> str:
    """A link as the person's browser reaches it, by the SDK's own variable."""
    public, internal = os.environ.get(_AUTH_ENDPOINT), f"{address.rstrip('/')}/auth"
    return link.replace(internal, public, 1) if public and link.startswith(internal) else link


def _address(settings: Mapping[str, Any]) -> str | None:
    """The address of the Keycloak that a profile's realm `master` lies at."""
    if "keycloak_addr" in settings:
        in_realm = settings.get("realm", KEYCLOAK_REALM) == KEYCLOAK_REALM
        return normalised(settings["keycloak_addr"]) if in_realm else None
    issuer, realm = normalised(str(settings.get("issuer", ""))), f"/auth/realms/{KEYCLOAK_REALM}"
    return issuer[: -len(realm)] if issuer.endswith(realm) else None


def _same_user(place: Place, settings: Mapping[str, Any]) -> bool:
    if place.auth_type is not AuthType.USER_PASSWORD:
        return True
    file = settings.get("credentials_file")
    if file is not None and place.credentials_file is not None:
        return bool(os.path.realpath(file) == os.path.realpath(place.credentials_file))
    return file is None and bool(settings.get("username") == place.user)


_HOST_CHARACTERS = 24
"""So many fit a profile's name, which has 64 at most."""
_AUTH_ENDPOINT = "WALLAROO_SDK_AUTH_ENDPOINT"
