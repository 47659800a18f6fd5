"""A login in a notebook's output: a link, a QR code, and a state that changes in place."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._token import LoginState


class Output:
    """One output of the cell that logs in; it needs no script in the page."""

    def __init__(self) -> None:
        self._handle: Any = None

    def pending(self, login: LoginState, link: str | None) -> None:
        """Link, code, QR code, and the time that is left."""
        self._show(_pending(login, link))

    def done(self, login: LoginState) -> None:
        """Takes link and QR code away: they are of no use any more."""
        who = login.user_email or login.user_id
        self._show(_state("#1a7f37", "✓", f"Logged in{f' as {who}' if who else ''}."))

    def failed(self, reason: str) -> None:
        """The reason in their place."""
        self._show(_state("#cf222e", "✗", f"Not logged in: {reason}"))

    def _show(self, html: str) -> None:
        from IPython.display import HTML, display

        if self._handle is None:
            self._handle = display(HTML(html), display_id=True)
        else:
            self._handle.update(HTML(html))


def _pending(login: LoginState, link: str | None) -> str:
    parts = [f"<p>To log in to <b>{escape(login.profile or '')}</b>, open</p>"]
    if link is not None and link.startswith(("https://", "http://")):
        shown = escape(link)
        parts.append(f'<p><a href="{shown}" target="_blank" rel="noopener noreferrer">{shown}</a></p>')
    elif link is not None:
        parts.append(f"<p>{escape(link)}</p>")
    if login.user_code:
        word = "and see that it shows" if login.verification_uri_complete else "and type"
        parts.append(f"<p>{word} the code <b>{escape(login.user_code)}</b></p>")
    rows = login.qr_code
    # The daemon's picture is of the daemon's link: another one is not what this person needs.
    if rows and link == (login.verification_uri_complete or login.verification_uri):
        parts.append(qr_picture(rows))
    left = "" if login.expires_in is None else f" {_span(login.expires_in)} left."
    parts.append(_state("#9a6700", "…", f"Waiting for you to log in.{left}"))
    return f'<div class="bearerd-login" data-state="pending">{"".join(parts)}</div>'


def qr_picture(rows: list[str]) -> str:
    """A QR code as an image: dark on light whatever the theme, with the quiet zone that scanners want."""
    size = len(rows) + 2 * _QUIET_MODULES
    dark = "".join(
        f"M{x + _QUIET_MODULES} {y + _QUIET_MODULES}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, module in enumerate(row)
        if module == "1"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="QR code of the link"'
        f' width="{size * _MODULE_PIXELS}" height="{size * _MODULE_PIXELS}"'
        f' viewBox="0 0 {size} {size}" shape-rendering="crispEdges">'
        f'<rect width="{size}" height="{size}" fill="#fff"/><path d="{dark}" fill="#000"/></svg>'
    )


def _state(colour: str, mark: str, words: str) -> str:
    return f'<p style="color:{colour}" role="status"><b>{mark}</b> {escape(words)}</p>'


def _span(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"


_QUIET_MODULES = 4
"""Light modules around a code, on each side (ISO/IEC 18004)."""
_MODULE_PIXELS = 5
