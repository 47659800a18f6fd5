"""The golden messages of the protocol, which the Rust tests read too."""

from __future__ import annotations

import json
import os
import urllib.parse
from typing import Any

import pytest

from bearerd import AuthError, LoginState, Token, _calls, _http, errors, types

FOLDER = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../../proto/golden"))
CLASSES = [error for error in AuthError.__subclasses__() if error.__module__ == "bearerd.errors"]
NAMES = sorted(name for name in os.listdir(FOLDER) if name.endswith(".json"))


def golden(name: str) -> dict[str, Any]:
    with open(f"{FOLDER}/{name}", encoding="utf-8") as file:
        message: dict[str, Any] = json.load(file)
    return message


def names(message: str) -> list[str]:
    found = [name for name in NAMES if name.split(".")[0] == message]
    assert found, message
    return found


def known(message: dict[str, Any]) -> dict[str, Any]:
    """What this version knows of a message."""
    return {name: value for name, value in message.items() if not name.startswith("newer_")}


def body_of(request: bytes) -> Any:
    return json.loads(request.partition(b"\r\n\r\n")[2])


def test_every_message_is_read_by_a_test_of_this_file() -> None:
    read = {
        *("error", "event", "health", "import-request", "login-answer", "login-cancelled", "login-request"),
        *("logout-answer", "logout-request", "profile-info", "profile-removed", "profile-settings", "profiles"),
        *("reject-request", "status", "token-answer", "token-query"),
    }
    assert {name.split(".")[0] for name in NAMES} == read


@pytest.mark.parametrize("name", names("token-answer"))
def test_a_token_comes_out_as_it_went_in(name: str) -> None:
    message = golden(name)
    token = Token._of(message)
    fields = {field: getattr(token, field) for field in Token._fields}
    assert {field: value for field, value in fields.items() if value is not None} == known(message)
    assert message.get("token", "header.payload") not in repr(token)
    if message["token_type"] == "newer-word":
        with pytest.raises(errors.ProtocolError):
            token.header()
    else:
        assert token.to_dict() == message
        bearer = {"Authorization": f"Bearer {message.get('token')}"}
        assert token.header() == (bearer if "token" in message else {})


@pytest.mark.parametrize("name", names("login-answer"))
def test_a_login_comes_out_as_it_went_in(name: str) -> None:
    message = golden(name)
    state = LoginState._of(message)
    fields = {field: getattr(state, field) for field in LoginState._fields}
    assert {field: value for field, value in fields.items() if value is not None} == known(message)


@pytest.mark.parametrize("name", names("error"))
def test_an_error_has_its_class_and_keeps_its_words(name: str) -> None:
    message = golden(name)
    error = errors.from_answer(message)
    assert type(error) is AuthError if name == "error.newer.json" else type(error)._code == message["code"]
    said: dict[str, Any] = {"code": error.code, "message": str(error), "profile": error.profile}
    said |= {"retry_after": error.retry_after, "login_hint": error.hint}
    assert {field: value for field, value in said.items() if value is not None} == known(message)


def test_each_code_has_a_class_of_its_own() -> None:
    codes = {golden(name)["code"] for name in names("error")} - {"newer-word"}
    classes = [error for error in CLASSES if error._code is not None]
    assert sorted(error._code or "" for error in classes) == sorted(codes)
    assert {error.__name__ for error in CLASSES} < set(errors.__all__)


@pytest.mark.parametrize("name", names("token-query"))
def test_a_query_says_what_was_asked_for(name: str) -> None:
    message = known(golden(name))
    request = _http.token_request(**{"profile": None, **message})
    target = request.split(b" ")[1].decode()
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
    assert query == {name: "true" if value is True else str(value) for name, value in message.items()}


def test_requests_are_the_golden_ones() -> None:
    token = golden("reject-request.plain.json")["token"]
    password = golden("login-request.password.json")["password"]
    cases = {
        "reject-request.plain.json": _calls.reject(token, "wallaroo"),
        "reject-request.default-profile.json": _calls.reject(token, None),
        "login-request.default-profile.json": _calls.login(None, None, None, False, None),
        "login-request.password.json": _calls.login("batch", "jane", password, False, None),
        "login-request.replace.json": _calls.login("wallaroo", None, None, True, None),
        "login-request.lifetime.json": _calls.login("wallaroo", None, None, False, 28800.0),
        "logout-request.all.json": _calls.logout(None, True),
        "logout-request.one.json": _calls.logout("wallaroo", True),
        "logout-request.without-revocation.json": _calls.logout("wallaroo", False),
        "import-request.plain.json": _calls.import_token(token, "wallaroo", False),
        "import-request.default-profile.json": _calls.import_token(token, None, False),
        "import-request.replace.json": _calls.import_token(token, "wallaroo", True),
    }
    for name, call in cases.items():
        assert body_of(call.request) == golden(name), name
    # The flow is the profile's own: this client never names one.
    asked = {name for name in NAMES if "-request." in name and not name.startswith("error.") and ".newer." not in name}
    assert asked - set(cases) == {"login-request.device.json"}


@pytest.mark.parametrize("name", names("profile-settings"))
def test_settings_are_data(name: str) -> None:
    assert body_of(_calls.put_profile("batch", golden(name)).request) == golden(name)


ANSWERS: dict[str, Any] = {
    "status": types.Status,
    "profiles": types.Profiles,
    "profile-info": types.ProfileInfo,
    "profile-removed": types.LoggedOut,
    "logout-answer": types.LogoutAnswer,
    "health": types.Health,
    "event": types.Event,
}


@pytest.mark.parametrize("message", ANSWERS)
def test_the_types_of_plain_answers_name_each_field(message: str) -> None:
    expected = ANSWERS[message]
    for name in names(message):
        fields = set(known(golden(name)))
        assert expected.__required_keys__ <= fields <= set(expected.__annotations__), name
    for name in names("status"):
        for profile in golden(name)["profiles"]:
            assert types.ProfileStatus.__required_keys__ <= set(known(profile)), name
            assert set(known(profile)) <= set(types.ProfileStatus.__annotations__), name


@pytest.mark.parametrize("name", names("event"))
def test_an_event_is_read_from_its_stream(name: str) -> None:
    text = json.dumps(golden(name)).encode()
    stream = b": alive\n\nevent: x\ndata: " + text + b"\n\n"
    for ends in (b"\n", b"\r\n"):
        reader = _http.EventReader()
        assert reader.feed(stream.replace(b"\n", ends)) == [golden(name)]


def test_a_cancelled_login_has_nothing_to_say() -> None:
    assert known(golden("login-cancelled.plain.json")) == known(golden("login-cancelled.newer.json")) == {}
