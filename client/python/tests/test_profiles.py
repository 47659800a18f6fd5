"""Which profile of the daemon an address, an auth type and a user mean."""

from __future__ import annotations

from typing import Any

import pytest

from bearerd import _profiles
from bearerd.auth import AuthType


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://idp.test", "https://IDP.test:443/"),
        ("HTTP://idp.test:80", "http://idp.test//"),
        ("https://idp.test/base/", "https://idp.test/base"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_addresses_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    assert _profiles.normalised(one) == _profiles.normalised(other)
    places = [_profiles.Place(address, AuthType.SSO) for address in (one, other)]
    assert places[0].name() == places[1].name()


def info(name: str, auth_type: str = "sso", *, run_time: bool = False, **settings: Any) -> Any:
    settings.setdefault("keycloak_addr", "https://idp.test")
    return {"profile": name, "auth_type": auth_type, "settings": settings, "run_time": run_time}


@pytest.mark.parametrize(
    ("profile", "fits"),
    [
        (info("a"), True),
        (info("a", realm="master", client_id="sdk-client"), True),
        (info("a", keycloak_addr="https://IDP.test:443"), True),
        (info("a", keycloak_addr="https://other.test"), False),
        (info("a", realm="other"), False),
        (info("a", client_id="other"), False),
        (info("a", "user_password"), False),
        ({"profile": "a", "auth_type": "sso", "settings": {"issuer": "https://idp.test/auth/realms/master"}}, True),
        ({"profile": "a", "auth_type": "sso", "settings": {"issuer": "https://idp.test/auth/realms/x"}}, False),
        ({"profile": "a", "auth_type": "none", "settings": {}}, False),
        (info("wallaroo-sdk.orch.idp.test.0", run_time=True), False),
    ],
)
def test_a_profile_fits_by_address_realm_client_and_type(profile: Any, fits: bool) -> None:
    assert _profiles.fits(_profiles.Place("https://idp.test", AuthType.SSO), profile) is fits


def test_a_profile_of_a_password_fits_by_its_user_or_by_its_file() -> None:
    by_name = _profiles.Place("https://idp.test", AuthType.USER_PASSWORD, "jane")
    by_file = by_name._replace(credentials_file="/etc/jane.json")
    named = info("a", "user_password", username="jane")
    other = info("a", "user_password", username="bob")
    filed = info("a", "user_password", credentials_file="/etc/../etc/jane.json")
    assert [_profiles.fits(by_name, each) for each in (named, other, filed)] == [True, False, False]
    assert [_profiles.fits(by_file, each) for each in (named, other, filed)] == [True, False, True]


def test_of_several_the_default_is_meant_then_a_persons_own() -> None:
    place = _profiles.Place("https://idp.test", AuthType.SSO)
    several: Any = {"profiles": [info("a", run_time=True), info("c"), info("b")]}
    found = _profiles.found(place, several)
    assert found is not None
    assert found["profile"] == "b"
    found = _profiles.found(place, several | {"default_profile": "c"})
    assert found is not None
    assert found["profile"] == "c"
    assert _profiles.found(place, {"profiles": []}) is None


def test_a_name_that_is_added_is_one_and_differs_by_each_part() -> None:
    place = _profiles.Place(
        "https://a-very-long-host.of-a-very-long-domain.example.test:8443/x", AuthType.USER_PASSWORD, "é"
    )
    names = {
        each.name()
        for each in (
            place,
            place._replace(user="e"),
            place._replace(address="https://b"),
            place._replace(auth_type=AuthType.ORCH),
        )
    }
    assert len(names) == 4
    assert all(len(name) <= 64 and name.isascii() for name in names)
