"""`bearerd.auth` against the real daemon and against one whose answers are written here."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import bearerd
from bearerd import _login, auth, errors
from bearerd.auth import AuthType

from .clients import sleeper
from .fake_daemon import Answer, FakeDaemon, ok, token

Fake = Callable[[Answer], FakeDaemon]

PROFILES: dict[str, Any] = {
    "profiles": [{"profile": "mine", "auth_type": "sso", "settings": {"keycloak_addr": "https://idp.test"}}]
}


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (auth.AUTH_PATH, auth.USER_VAR, auth.PASSWORD_VAR, "WALLAROO_SDK_AUTH_ENDPOINT", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def answering(monkeypatch: pytest.MonkeyPatch, fake: Fake, **routes: Any) -> FakeDaemon:
    """A daemon with a profile `mine`, found by `Client()`; `routes` are answers by method and first word."""

    def answer(method: str, target: str, body: dict[str, Any]) -> bytes:
        route = target.removeprefix("/v1/").partition("?")[0]
        given = routes.get(f"{method}_{route.partition('/')[0]}")
        if callable(given):
            given = given(route, body)
        if given is None and route == "profiles":
            given = PROFILES
        if isinstance(given, bytes):
            return given
        return ok(token() if given is None else given)

    daemon = fake(answer)
    monkeypatch.setenv("BEARERD_SOCKET", daemon.path)
    return daemon


def platform_auth(address: str, kind: str) -> auth.PlatformAuth:
    made = auth.create(address, kind)
    assert isinstance(made, auth.PlatformAuth)
    return made


def info(name: str, auth_type: str = "sso", *, run_time: bool = False, **settings: Any) -> Any:
    settings.setdefault("keycloak_addr", "https://idp.test")
    return {"profile": name, "auth_type": auth_type, "settings": settings, "run_time": run_time}


def refusal(code: str, status: str, **more: Any) -> bytes:
    return ok({"code": code, "message": f"said: {code}", "profile": "mine", **more}, status)


# Which type is meant.


@pytest.mark.parametrize("kind", ["none", "NONE", AuthType.NONE, None])
def test_none_is_no_auth_and_asks_no_daemon(kind: Any) -> None:
    made = auth.create("https://idp.test", kind)
    assert isinstance(made, auth.NoAuth)
    assert (made.user_id(), made.user_email(), made._bearer_token_str()) == (None, "default@ex.co", "no token")


@pytest.mark.parametrize("kind", ["test_auth", "Test_Auth", AuthType.TEST_AUTH])
def test_test_auth_is_constants(kind: Any) -> None:
    made = auth.create("https://idp.test", kind)
    assert made.user_id() == "99cace15-e0d4-4bb6-bf14-35efee181b90"
    assert (made.user_email(), made._bearer_token_str()) == ("jane@ex.co", "definitely_a_bearer_token_str")


@pytest.mark.parametrize("kind", ["bogus", "", 7])
def test_another_type_is_both_of_the_sdks_errors(kind: Any) -> None:
    for error in (NotImplementedError, ValueError):
        with pytest.raises(error, match="Unsupported auth type"):
            auth.create("https://idp.test", kind)


def test_credentials_in_the_environment_win_over_what_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from bearerd._create import chosen

    assert chosen(AuthType.SSO) is AuthType.SSO
    assert chosen(None) is AuthType.NONE
    monkeypatch.setenv(auth.USER_VAR, "jane")
    for kind in (None, AuthType.NONE, AuthType.SSO, AuthType.ORCH):
        assert chosen(kind) is AuthType.USER_PASSWORD
    assert chosen("sso") is AuthType.SSO
    assert chosen("none") is AuthType.NONE
    monkeypatch.setenv(auth.AUTH_PATH, "/file")
    assert chosen(AuthType.TOKEN) is AuthType.TOKEN


# What an object does, on a daemon that is written here.


def test_an_object_asks_for_the_profile_and_holds_what_it_got(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = answering(monkeypatch, fake, GET_token=token(user_id="id", user_email="jane@idp.test", profile="mine"))
    made = platform_auth("https://idp.test/", "sso")
    assert made.auth_header() == {"Authorization": "Bearer token-1"}
    assert (made.user_id(), made.user_email()) == ("id", "jane@idp.test")
    assert made._bearer_token_str() == "Bearer token-1"
    access_token = made._access_token()
    assert (access_token.token, access_token.refresh_token, access_token.user_id) == ("token-1", "unknown", "id")
    assert [target for _, target, _ in daemon.requests] == ["/v1/profiles", "/v1/token?profile=mine"]
    assert "token-1" not in repr(made)


def test_a_profile_that_is_not_there_is_added(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    added = lambda route, body: {"profile": route.partition("/")[2], "auth_type": "sso", "settings": body}  # noqa: E731
    daemon = answering(monkeypatch, fake, PUT_profiles=added)
    monkeypatch.setenv("WALLAROO_SDK_AUTH_ENDPOINT", "https://public.test/auth")
    auth.create("https://other.test/", "sso")
    method, target, body = daemon.requests[1]
    assert (method, target.startswith("/v1/profiles/wallaroo-sdk.sso.other.test.")) == ("PUT", True)
    expected = {"auth_type": "sso", "keycloak_addr": "https://other.test", "realm": "master", "client_id": "sdk-client"}
    assert body == {**expected, "public_addr": "https://public.test"}


def test_what_the_daemon_refuses_is_an_error_of_this_module(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([token(expires_in=0, refresh_in=0), *[refusal("idp-unreachable", "503 X", retry_after=4)] * 9])
    answering(monkeypatch, fake, GET_token=lambda *_: next(answers))
    made = platform_auth("https://idp.test", "sso")
    with pytest.raises(auth.TokenRefreshError, match="said: idp-unreachable") as refused:
        made.auth_header()
    assert (refused.value.code, refused.value.retry_after) == ("idp-unreachable", 4)
    assert isinstance(refused.value.__cause__, errors.IdpUnreachable)
    assert isinstance(refused.value, bearerd.AuthError)
    with pytest.raises(auth.TokenFetchError):
        auth.create("https://idp.test", "sso")


def test_an_object_keeps_what_it_holds_until_that_ends(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [token(expires_in=300, refresh_in=0)]
    answering(monkeypatch, fake, GET_token=lambda *_: answers[-1], POST_login=refusal("misconfigured", "500 X"))
    made = platform_auth("https://idp.test", "sso")
    for code in ("login-required", "idp-unreachable", "misconfigured", "unknown-profile"):
        answers.append(refusal(code, "500 X"))
        assert made.auth_header() == {"Authorization": "Bearer token-1"}, code
    # A person who has locked means this one, too.
    answers.append(refusal("locked", "423 X"))
    with pytest.raises(auth.AuthError, match="said: locked"):
        made.auth_header()
    answers.append(refusal("login-required", "401 X"))
    monkeypatch.setattr("bearerd._fetchers.boot_time", lambda: 1e12)
    with pytest.raises(auth.TokenFetchError, match="said: misconfigured"):
        made.auth_header()


def test_what_an_object_keeps_lives_as_long_as_its_token(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = sleeper(monkeypatch)
    gone: list[bytes] = []

    def answer(_method: str, target: str, _body: dict[str, Any]) -> bytes:
        if target == "/v1/profiles":
            return ok({"profiles": [info("mine")]})
        return gone[0] if gone else ok(token(profile="mine", expires_in=300, refresh_in=150))

    daemon = fake(answer)
    monkeypatch.setenv("BEARERD_SOCKET", daemon.path)
    made = platform_auth("https://idp.test", "sso")
    pauses.append(149.0)
    # It is looked at once more while it is held, and counts from when it was asked for all the same.
    left = made._access_token().expiry - datetime.datetime.now()
    assert 150 < left.total_seconds() <= 151
    gone.append(refusal("login-required", "401 X"))
    pauses.append(150.0)
    assert made.auth_header() == {"Authorization": "Bearer token-1"}
    assert "/v1/login" not in [target for _, target, _ in daemon.requests]


def test_a_fresh_token_is_asked_for_only_where_it_can_be_had(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [token(expires_in=100, refresh_in=10), token(2, expires_in=180, refresh_in=90)]
    asked_before: list[str] = []

    def answer(*_: Any) -> Any:
        asked_before.append("once")
        return answers[len(asked_before) > 1]

    daemon = answering(monkeypatch, fake, GET_token=answer)
    made = platform_auth("https://idp.test", "sso")
    made._force_reload()
    assert daemon.requests[-1][1] == "/v1/token?profile=mine&min_ttl=135"
    assert made._bearer_token_str() == "Bearer token-2"
    asked = len(daemon.requests)
    made._force_reload()
    assert len(daemon.requests) == asked, "it has most of its life before it"


def test_a_login_shows_link_and_code_and_waits(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "https://idp.test/auth/realms/master/device?user_code=AB-CD"
    pending = {
        "state": "pending",
        "login_id": "7",
        "profile": "mine",
        "verification_uri": "https://idp.test/auth/realms/master/device",
        "verification_uri_complete": link,
        "user_code": "AB-CD",
        "expires_at": 1790000600,
        "expires_in": 600,
    }
    reads = iter([refusal("login-required", "401 X"), token()])
    looks = iter([pending, refusal("not-found", "404 X"), {"state": "done", "user_email": "jane@idp.test"}])
    daemon = answering(
        monkeypatch,
        fake,
        GET_token=lambda *_: next(reads),
        POST_login=pending,
        GET_login=lambda *_: next(looks),
    )
    monkeypatch.setattr(_login, "_LOOK_SECONDS", 0)
    monkeypatch.setenv("WALLAROO_SDK_AUTH_ENDPOINT", "https://public.test/auth")
    assert platform_auth("https://idp.test", "sso").auth_header() == {"Authorization": "Bearer token-1"}
    said = capsys.readouterr().out
    assert said.count("https://public.test/auth/realms/master/device?user_code=AB-CD") == 1
    assert "https://idp.test" not in said
    assert said.endswith("See that it shows the code AB-CD.\n\nLogin successful!\n")
    assert sum(method == "POST" for method, _, _ in daemon.requests) == 2, "a daemon that was restarted is asked anew"


def test_a_login_that_fails_says_why(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = {"state": "pending", "login_id": "7", "profile": "mine", "expires_at": 1, "expires_in": 600}
    answering(
        monkeypatch,
        fake,
        GET_token=refusal("login-required", "401 X"),
        POST_login=pending,
        GET_login=refusal("login-denied", "403 X"),
    )
    with pytest.raises(auth.TokenFetchError, match="said: login-denied") as denied:
        auth.create("https://idp.test", "sso")
    assert denied.value.code == "login-denied"


def test_logout_forgets_what_was_added_and_what_was_used_and_revokes_nothing(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bearerd._create._USED", set())
    added = info("wallaroo-sdk.sso.x.0", run_time=True)
    others = [info("other"), info("made-by-hand", run_time=True), info("wallaroo-sdk.of-the-file")]
    listed = {"profiles": [*PROFILES["profiles"], added, *others]}
    gone = lambda _, body: {"profiles": [{"profile": body["profile"], "revocation": "skipped"}]}  # noqa: E731
    daemon = answering(monkeypatch, fake, GET_profiles=listed, POST_logout=gone)

    def logged_out() -> list[Any]:
        bodies = [body for method, target, body in daemon.requests if target == "/v1/logout"]
        return sorted((body["profile"], body["revoke"]) for body in bodies)

    auth.logout()
    assert logged_out() == [("wallaroo-sdk.sso.x.0", False)]
    daemon.requests.clear()
    made = platform_auth("https://idp.test", "sso")
    auth.logout()
    assert logged_out() in (
        [("mine", False), ("wallaroo-sdk.sso.x.0", False)],
        [("other", False), ("wallaroo-sdk.sso.x.0", False)],
    )
    assert made.auth_header() == {"Authorization": "Bearer token-1"}


def test_logout_without_a_daemon_has_nothing_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("BEARERD_SOCKET", str(tmp_path / "nobody"))
    auth.logout()


# A token in a file.


def token_file(path: Any, text: str = "file-token", **more: Any) -> str:
    path.write_text(json.dumps({"token": text, "user_email": "jane@ex.co", "user_id": "id", **more}))
    return str(path)


def test_a_token_file_is_read_again_when_it_has_changed(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "token.json"
    monkeypatch.setenv(auth.AUTH_PATH, token_file(path))
    made = platform_auth("https://idp.test", "token")
    assert made._bearer_token_str() == "Bearer file-token"
    assert (made.user_id(), made.user_email()) == ("id", "jane@ex.co")
    token_file(path, "another-token")
    assert made._bearer_token_str() == "Bearer another-token"
    path.write_text("half a fi")
    assert made._bearer_token_str() == "Bearer another-token"
    path.unlink()
    made._force_reload()
    assert made._access_token().token == "another-token"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is no JSON"),
        ("[]", "Token property"),
        ('{"token": "secret"}', "User email property field not in json."),
    ],
)
def test_a_bad_token_file_is_told_without_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, text: str, told: str
) -> None:
    path = tmp_path / "token.json"
    path.write_text(text)
    monkeypatch.setenv(auth.AUTH_PATH, str(path))
    with pytest.raises(auth.TokenFetchError, match=told) as refused:
        auth.create("https://idp.test", "token")
    assert "secret" not in str(refused.value)


def test_without_a_token_file_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    with pytest.raises(auth.TokenFetchError, match="no token provided"):
        auth.create("https://idp.test", "token")
    monkeypatch.setenv(auth.AUTH_PATH, str(tmp_path / "nothing"))
    with pytest.raises(auth.TokenFetchError, match="does not exist"):
        auth.create("https://idp.test", "token")


# Passwords.


@pytest.mark.parametrize(
    ("variables", "text", "told"),
    [
        ({}, None, "WALLAROO_SDK_CREDENTIALS is not set"),
        ({auth.USER_VAR: "jane"}, None, "WALLAROO_PASSWORD is not"),
        ({auth.AUTH_PATH: "nothing"}, None, "does not point to a file"),
        ({auth.AUTH_PATH: "f"}, "{", "it is no JSON"),
        ({auth.AUTH_PATH: "f"}, '{"username": "jane"}', "it has no 'password'"),
    ],
)
def test_credentials_that_are_no_good_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, variables: dict[str, str], text: str | None, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "f").write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(auth.TokenFetchError, match=told):
        auth.create("https://idp.test", "user_password")


def test_another_fetcher_is_used_as_the_sdk_uses_one() -> None:
    import datetime

    class Fetcher(auth.TokenFetcher):
        def __init__(self) -> None:
            self.calls: list[str] = []

        def Fetch(self) -> Any:  # noqa: N802
            self.calls.append("Fetch")
            now = datetime.datetime.now()
            return auth._AccessToken(f"t{len(self.calls)}", now, "r", now, "id", "email")

        def Refresh(self, access_token: Any) -> Any:  # noqa: N802
            self.calls.append("Refresh")
            raise auth.TokenRefreshError("no")

        def Reset(self) -> None:  # noqa: N802
            self.calls.append("Reset")

    fetcher = Fetcher()
    made = auth.PlatformAuth(fetcher)
    assert made._bearer_token_str() == "Bearer t4"
    assert fetcher.calls == ["Fetch", "Refresh", "Reset", "Fetch"]
    fetcher.calls.clear()
    made._force_reload()
    assert fetcher.calls == ["Fetch", "Refresh", "Reset"]


def test_importing_the_module_loads_no_other_package() -> None:
    program = (
        "import sys, bearerd.auth; print([n for n in ('httpx', 'requests', 'IPython', 'socket') if n in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout.strip() == "[]"
