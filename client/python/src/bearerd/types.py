"""The answers that a program gets as plain dictionaries, for type checkers and readers."""

from __future__ import annotations

from typing import Any, TypedDict


class _ProfileInfo(TypedDict):
    profile: str
    auth_type: str
    settings: dict[str, Any]


class ProfileInfo(_ProfileInfo, total=False):
    """What is configured under a name. No secret stands in a configuration, so none stands here."""

    run_time: bool


class _Profiles(TypedDict):
    profiles: list[ProfileInfo]


class Profiles(_Profiles, total=False):
    """What is configured; `default_profile` is the one that is meant where none is named."""

    default_profile: str


class LastError(TypedDict):
    """The last thing that went wrong, until something goes right; `at` is in Unix seconds."""

    code: str
    message: str
    at: int


class _ProfileStatus(TypedDict):
    profile: str
    auth_type: str
    state: str
    saved: bool
    fetches: int


class ProfileStatus(_ProfileStatus, total=False):
    """How one profile is."""

    user_id: str
    user_email: str
    expires_at: int
    expires_in: int
    refresh_at: int
    refresh_in: int
    last_error: LastError
    login: dict[str, Any]
    clock_skew: int
    allow_http: bool


class _Status(TypedDict):
    version: str
    pid: int
    uptime: int
    profiles: list[ProfileStatus]


class Status(_Status, total=False):
    """How the daemon and its profiles are. Never a token."""

    config_error: str


class _LoggedOut(TypedDict):
    profile: str
    revocation: str


class LoggedOut(_LoggedOut, total=False):
    """What became of a profile's refresh token at the identity provider: `revoked`, `failed` or `skipped`."""

    message: str


class LogoutAnswer(TypedDict):
    """One entry for each profile that was asked for."""

    profiles: list[LoggedOut]


class _Event(TypedDict):
    kind: str
    profile: str
    at: int


class Event(_Event, total=False):
    """Something that happened; `at` is in Unix seconds, `message` says why where there is a why."""

    message: str


class Health(TypedDict):
    """`ok`, `degraded` or `locked`."""

    status: str
