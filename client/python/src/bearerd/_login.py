"""A login that needs a person: shows where to go, and waits for the outcome."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from . import errors

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from ._client import Client
    from ._token import LoginState

    class Screen(Protocol):
        """Where a login is shown."""

        def pending(self, login: LoginState, link: str | None) -> None:
            """A person has something to do; called again and again while they have."""

        def done(self, login: LoginState) -> None:
            """The session is there."""

        def failed(self, reason: str) -> None:
            """There is none, and why."""


def log_in(
    client: Client,
    profile: str | None,
    *,
    replace: bool = False,
    link: Callable[[str], str] = str,
    screen: Screen | None = None,
) -> LoginState:
    """Starts a login or joins the one under way, and waits until it is over; `link` is how a person reaches a link."""
    screen = screen or screen_here()
    login = client.login(profile, replace=replace)
    starts_left, needs_person = _STARTS_MOST, False
    try:
        while not login.done:
            needs_person = True
            url = login.verification_uri_complete or login.verification_uri
            url = url or login.authorization_url
            screen.pending(login, link(url) if url else None)
            try:
                login = client.follow_login(str(login.login_id), wait=_LOOK_SECONDS)
            except errors.NotFound:
                # It lived in the daemon's memory, and the daemon was restarted.
                starts_left -= 1
                if not starts_left:
                    raise
                login = client.login(profile, replace=replace)
    except errors.AuthError as error:
        screen.failed(str(error))
        raise
    except KeyboardInterrupt:
        screen.failed("Not waited for any longer. The link stays good until its time is up.")
        raise
    if needs_person:
        screen.done(login)
    return login


def screen_here() -> Screen:
    """The notebook's output where this is one, else stdout."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is not None and getattr(shell, "kernel", None) is not None:
        from ._notebook import Output

        return Output()
    return Terminal()


def name_of(login: LoginState) -> str:
    """Who is logged in, with a word before."""
    who = login.user_email or login.user_id
    return f" as {who}" if who else ""


def printable(text: str) -> str:
    """Texts of an identity provider may hold sequences that a terminal obeys: none gets through."""
    return "".join("\N{REPLACEMENT CHARACTER}" if each < " " or "\x7f" <= each <= "\x9f" else each for each in text)


class Terminal:
    """Lines on stdout, in the SDK's words."""

    def __init__(self) -> None:
        self._shown: str | None = None

    def pending(self, login: LoginState, link: str | None) -> None:
        """Shows each login once."""
        if login.login_id == self._shown:
            return
        self._shown = login.login_id
        shown = printable(str(link))
        print(f"Please log into the following URL in a web browser:\n\n\t{shown}\n", flush=True)
        if login.user_code:
            word = "See that it shows" if login.verification_uri_complete else "Type"
            print(f"{word} the code {printable(login.user_code)}.\n", flush=True)

    def done(self, login: LoginState) -> None:  # noqa: ARG002 (the SDK names nobody)
        """One line."""
        print("Login successful!", flush=True)

    def failed(self, reason: str) -> None:
        """The error says it."""


_LOOK_SECONDS = 5
"""The outcome comes at once; this is how often a screen that counts down is brought up to date."""
_STARTS_MOST = 5
"""Each start is one at the identity provider too."""
