"""`%load_ext bearerd`: the line magic `%bearer`."""

from __future__ import annotations

from typing import Any

from . import _login, errors
from ._client import Client

_USAGE = """%bearer login [PROFILE] [--replace]               log in, in this output
%bearer status [PROFILE]                          how the profiles are
%bearer logout [PROFILE] [--all] [--no-revoke]    forget its tokens"""


def load(ipython: Any) -> None:
    """Registers the magic."""
    ipython.register_magic_function(bearer, "line", "bearer")


def unload(ipython: Any) -> None:
    """Takes it away."""
    ipython.magics_manager.magics["line"].pop("bearer", None)


def bearer(line: str) -> None:
    """Log in and out, and see how the profiles are: `%bearer login`, `%bearer status`, `%bearer logout`."""
    from IPython.core.error import UsageError

    words = line.split()
    flags = {word for word in words if word.startswith("-")}
    command, *profiles = [word for word in words if word not in flags] or [""]
    run = _COMMANDS.get(command)
    if run is None or len(profiles) > 1 or flags - run[1]:
        raise UsageError(_USAGE)
    try:
        run[0](profiles[0] if profiles else None, flags)
    except errors.AuthError as error:
        # What the person needs is the sentence, not the way to it.
        raise UsageError(str(error)) from None


def _log_in(profile: str | None, flags: set[str]) -> None:
    screen = _login.screen_here()
    login = _login.log_in(Client(), profile, replace="--replace" in flags, screen=screen)
    if isinstance(screen, _login.Terminal):
        print(_login.printable(f"Logged in{_login.name_of(login)}."))


def _status(profile: str | None, _flags: set[str]) -> None:
    profiles = Client().status()["profiles"]
    if profile is not None:
        profiles = [each for each in profiles if each["profile"] == profile]
        if not profiles:
            raise errors.UnknownProfile(f"there is no profile `{profile}`")
    rows = []
    for each in profiles:
        left = each.get("expires_in")
        wrong = each.get("last_error")
        rows.append(
            (
                each["profile"],
                each["state"],
                each.get("user_email") or each.get("user_id") or "",
                "" if left is None else f"{left} s",
                "" if wrong is None else wrong["message"],
            )
        )
    rows.insert(0, ("PROFILE", "STATE", "USER", "EXPIRES IN", ""))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        padded = (text.ljust(width) for text, width in zip(row, widths, strict=False))
        print(_login.printable("  ".join([*padded, row[4]]).rstrip()))


def _log_out(profile: str | None, flags: set[str]) -> None:
    revoke, everybody = "--no-revoke" not in flags, "--all" in flags
    if everybody and profile is not None:
        raise errors.BadRequest("a profile, or --all: not both")
    for each in Client().logout(profile, revoke=revoke, all_profiles=everybody)["profiles"]:
        message = each.get("message")
        print(_login.printable(f"{each['profile']}: logged out" + (f" ({message})" if message else "")))


_COMMANDS = {
    "login": (_log_in, {"--replace"}),
    "status": (_status, set[str]()),
    "logout": (_log_out, {"--no-revoke", "--all"}),
}
