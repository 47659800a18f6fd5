"""`Client`: a blocking client of this user's daemon, shared by threads and safe across forks."""

from __future__ import annotations

from . import _calls
from ._caller import Caller
from ._calls import ANSWER_SECONDS, IMPATIENT_SECONDS, PATIENCE, Attempts
from ._clock import boot_time
from ._held import Held
from ._token import LoginState, Token
from .errors import DaemonUnreachable, Overloaded, ShuttingDown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeVar

    from ._events import Events
    from ._held import Key
    from .types import LoggedOut, LogoutAnswer, ProfileInfo, Profiles, Status

    T = TypeVar("T")


class Client(Caller):
    """A client of this user's daemon. One for a whole program will do: threads and forked children may share it.

    A token is held, and given without a call, until the daemon means to renew it. A request is sent again on a new
    connection, within 12 s, where the daemon closed before an answer began, is going down or has just been there and
    restarts. While no daemon answers, the token in hand is given as long as it is valid. Every call ends: an answer is
    waited for 15 s, a login's its `wait` longer. Every call raises a subclass of `bearerd.errors.AuthError` where it
    fails.
    """

    def token(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> Token:
        """A valid token. It never starts a login.

        `min_ttl` is the time, in seconds, that it should live on: a wish, and with `strict` a condition. `scope` and
        `audience` are those of the wanted token; `issuer` names the one profile of that issuer.
        """
        if profile is None and issuer is None:
            profile = self.profile
        key = (profile, scope, audience, issuer)
        held = self._held.get(key)
        if held is None or min_ttl is not None or boot_time() >= held.refresh_at:
            held = self._current(key, held, min_ttl, strict)
        return held.token

    def header(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> dict[str, str]:
        """The header to send a request with, `{"Authorization": "Bearer …"}`; empty for a profile that sends none."""
        if profile is None and issuer is None:
            profile = self.profile
        key = (profile, scope, audience, issuer)
        held = self._held.get(key)
        if held is None or min_ttl is not None or boot_time() >= held.refresh_at:
            held = self._current(key, held, min_ttl, strict)
        return held.read.header.copy()

    def reject(self, token: Token | str, profile: str | None = None) -> Token:
        """A newer token than this one, for which a resource server answered 401; never the same."""
        if isinstance(token, Token):
            profile, token = profile or token.profile, token.token or ""
        else:
            profile = profile or self.profile
        asked = boot_time()
        try:
            answer = self._ask(_calls.reject(token, profile))
        except BaseException:
            self._drop(token)
            raise
        return self._hold_instead(token, answer, asked)

    def login(
        self,
        profile: str | None = None,
        *,
        username: str | None = None,
        password: str | None = None,
        replace: bool = False,
        lifetime: float | None = None,
    ) -> LoginState:
        """Starts a login, or joins the one under way; a `pending` one is for `follow_login`.

        A password is kept in the daemon's memory alone, and sent to a process of our own user alone. `replace` lets
        another person take the profile over. After `lifetime` seconds the session is forgotten.
        """
        call = _calls.login(profile or self.profile, username, password, replace, lifetime)
        return self._changed(LoginState._of(self._ask(call)))

    def follow_login(self, login_id: str, wait: float = 60.0) -> LoginState:
        """How a login is doing, as soon as it is over or `wait` seconds have passed.

        Raises `LoginExpired` or `LoginDenied` where it failed.
        """
        deadline = boot_time() + wait
        while True:
            left = deadline - boot_time()
            state = LoginState._of(self._ask(_calls.login_state(login_id, left)))
            if state.done:
                return self._changed(state)
            # The daemon counts whole seconds.
            if deadline - boot_time() < 1.0:
                return state

    def cancel_login(self, login_id: str) -> None:
        """Gives a login up, for everybody who joined it."""
        self._ask(_calls.cancel_login(login_id))

    def logout(self, profile: str | None = None, *, revoke: bool = True, all_profiles: bool = False) -> LogoutAnswer:
        """Forgets the tokens of one profile, or of all; `revoke` also takes the session back at its provider."""
        named = None
        if not all_profiles:
            named = profile or self.profile or _calls.default_profile(self._ask(_calls.PROFILES))
        answer: LogoutAnswer = self._ask(_calls.logout(named, revoke))
        return self._changed(answer)

    def import_token(self, refresh_token: str, profile: str | None = None, replace: bool = False) -> LoginState:
        """Has the daemon take over a refresh token, which from now on is its alone.

        It is sent to a process of our own user alone, and once: where no answer comes, it may be in use or not.
        `replace` lets it take the place of a live session.
        """
        call = _calls.import_token(refresh_token, profile or self.profile, replace)
        return self._changed(LoginState._of(self._ask(call)))

    def profiles(self) -> Profiles:
        """What is configured."""
        answer: Profiles = self._ask(_calls.PROFILES)
        return answer

    def put_profile(self, name: str, settings: Mapping[str, Any]) -> ProfileInfo:
        """Adds a profile, or changes one so added; `settings` has its keys as the configuration file has them."""
        answer: ProfileInfo = self._ask(_calls.put_profile(name, settings))
        return self._changed(answer)

    def delete_profile(self, name: str) -> LoggedOut:
        """Removes a profile so added, with its session."""
        answer: LoggedOut = self._ask(_calls.delete_profile(name))
        return self._changed(answer)

    def status(self) -> Status:
        """How the daemon and its profiles are; never a token."""
        answer: Status = self._ask(_calls.STATUS)
        return answer

    def health(self) -> str:
        """`ok`, `degraded` or `locked`."""
        return str(self._ask(_calls.HEALTH).get("status"))

    def events(self) -> Events:
        """What happens in the daemon from the call on, for a `for` loop; ends when the daemon ends the stream.

        Raises `DaemonUnreachable` where the connection breaks. What happened before does not come again: ask for the
        status after calling this.
        """
        from ._events import Events

        attempts = Attempts(_calls.EVENTS, PATIENCE)
        return Events(*self._patiently(attempts, self._open_stream))

    def _changed(self, answer: T) -> T:
        """After a change of sessions or profiles the tokens in hand may be another's."""
        self._held.clear()
        return answer

    def _current(self, key: Key, held: Held | None, min_ttl: float | None, strict: bool) -> Held:
        """What to give where the token in hand, if any, is to be renewed or was wished to live longer."""
        started = boot_time()
        if held is not None:
            if min_ttl is not None and started < held.refresh_at and held.expires_at - started >= min_ttl:
                return held
            if held.expires_at <= started:
                held = None
        call = self._requests.get(key) if min_ttl is None else None
        if call is None:
            call = self._call(key, min_ttl, strict)
        # With a valid token in hand nobody waits for a daemon that is away.
        patient = held is None or strict
        begun = self._begin(call.request, ANSWER_SECONDS if patient else IMPATIENT_SECONDS, started)
        if begun is not None:
            connection, _, data = begun
            bytes_read, read = self._read
            # A daemon says the same until a second has passed: what was read once is not read again.
            if data == bytes_read and data:
                self._idle.append(connection)
                again = self._held[key] = Held(read, started)
                return again
        attempts = Attempts(call, PATIENCE if patient else 0.0)
        attempts.begun = begun
        try:
            asked, answer, whole = self._patiently(attempts, self._exchange)
        except (DaemonUnreachable, Overloaded, ShuttingDown) as error:
            return self._instead(key, held, started, error, min_ttl if strict else None)
        held = self._hold(key, answer, asked)
        if whole:
            self._read = (whole, held.read)
        return held
