"""What holds a token or a password does not show it, nor take it along into another process."""

from __future__ import annotations

import datetime
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from bearerd import auth

from .fake_daemon import Answer, FakeDaemon, ok, token
from .test_auth import info, platform_auth, refusal

Fake = Callable[[Answer], FakeDaemon]


def test_what_holds_a_token_does_not_show_it() -> None:
    from bearerd._fetchers import Identity

    now = datetime.datetime.now()
    for made in (
        auth.TokenData("secret", "jane@idp.test", "id"),
        auth._AccessToken("secret", now, "secret", now, "id", "jane@idp.test"),
        Identity("secret", "id", "jane@idp.test", None),
    ):
        assert "secret" not in f"{made} {made!r} {[made]}"
        assert "jane@idp.test" in repr(made)


def test_an_object_goes_to_another_process_without_its_secrets(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(method: str, target: str, body: dict[str, Any]) -> bytes:
        if target == "/v1/profiles":
            return ok({"profiles": [info("mine", "user_password", username="jane")]})
        if target == "/v1/login":
            logins.append((body["username"], body["password"]))
            return ok({"state": "done"})
        return ok(token(profile="mine")) if logins else refusal("login-required", "401 X")

    logins: list[Any] = []
    daemon = fake(answer)
    monkeypatch.setenv("BEARERD_SOCKET", daemon.path)
    monkeypatch.setenv(auth.USER_VAR, "jane")
    monkeypatch.setenv(auth.PASSWORD_VAR, "secret-word")
    made = platform_auth("https://idp.test", "user_password")
    assert made.auth_header() == {"Authorization": "Bearer token-1"}
    written = pickle.dumps(made)
    assert b"secret-word" not in written
    assert b"token-1" not in written
    # Where there is no session any more, the environment over there has the password, or has not.
    logins.clear()
    assert pickle.loads(written).auth_header() == {"Authorization": "Bearer token-1"}
    assert logins == [("jane", "secret-word")]
    logins.clear()
    monkeypatch.setenv(auth.USER_VAR, "bob")
    with pytest.raises(auth.TokenFetchError, match="no password of `jane`"):
        pickle.loads(written).auth_header()
    assert logins == []


def test_an_object_over_a_file_goes_without_its_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "token.json"
    path.write_text(json.dumps({"token": "file-token", "user_email": "jane@idp.test", "user_id": "id"}))
    monkeypatch.delenv(auth.USER_VAR, raising=False)
    monkeypatch.setenv(auth.AUTH_PATH, str(path))
    written = pickle.dumps(auth.create("https://idp.test", "token"))
    assert b"file-token" not in written
    assert pickle.loads(written)._bearer_token_str() == "Bearer file-token"
