"""Whose token a program gets from the real daemon, by the name and password in its environment."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bearerd import auth

from .real_daemon import Home, Idp


def test_two_users_of_one_machine_never_get_each_others_token(
    homes: Callable[[str], Home], idps: Callable[..., Idp], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, idp = homes(""), idps()
    home.start()
    monkeypatch.setenv("BEARERD_SOCKET", home.socket)
    monkeypatch.delenv(auth.AUTH_PATH, raising=False)

    def made(user: str, password: str) -> auth.PlatformAuth:
        monkeypatch.setenv(auth.USER_VAR, user)
        monkeypatch.setenv(auth.PASSWORD_VAR, password)
        made = auth.create(idp.address, "user_password")
        assert isinstance(made, auth.PlatformAuth)
        return made

    jane, bob = made("jane", "jane-pw"), made("bob", "bob-pw")
    assert (jane.user_email(), bob.user_email()) == ("jane@ex.co", "bob@ex.co")
    assert jane.auth_header() != bob.auth_header()
    # Nor does somebody who does not know the password, by another spelling of the name.
    with pytest.raises(auth.TokenFetchError) as denied:
        made("Jane", "no password of hers")
    assert denied.value.code == "login-denied"
