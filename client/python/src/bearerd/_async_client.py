"""`AsyncClient`: the same calls for programs that run on asyncio."""

from __future__ import annotations

import asyncio
from copy import copy

from . import _calls
from ._async_caller import AsyncCaller, received
from ._calls import PATIENCE, SILENCE_MAX, Attempts
from ._clock import boot_time
from ._http import EventReader, MalformedError
from ._token import LoginState, Token
from .errors import AuthError, DaemonUnreachable, Overloaded, ShuttingDown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from typing import Any, TypeVar

    from ._held import Held, Key
    from .types import Event, LoggedOut, LogoutAnswer, ProfileInfo, Profiles, Status

    T = TypeVar("T")


class AsyncClient(AsyncCaller):
    """A client of this user's daemon whose calls are coroutines; what `Client` promises, it promises too.

    One for a whole program will do, also over several event loops. Tasks that need the same token at once share one
    request; a task that is cancelled cancels none of the others.
    """

    async def token(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> Token:
        """As `Client.token`."""
        held = await self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.token

    async def header(
        self,
        profile: str | None = None,
        *,
        min_ttl: float | None = None,
        strict: bool = False,
        scope: str | None = None,
        audience: str | None = None,
        issuer: str | None = None,
    ) -> dict[str, str]:
        """As `Client.header`."""
        held = await self._current(profile, min_ttl, strict, scope, audience, issuer)
        return held.read.header.copy()

    async def reject(self, token: Token | str, profile: str | None = None) -> Token:
        """As `Client.reject`."""
        if isinstance(token, Token):
            profile, token = profile or token.profile, token.token or ""
        else:
            profile = profile or self.profile
        asked = boot_time()
        try:
            answer = await self._ask(_calls.reject(token, profile))
        except BaseException:
            self._drop(token)
            raise
        return self._hold_instead(token, answer, asked)

    async def login(
        self,
        profile: str | None = None,
        *,
        username: str | None = None,
        password: str | None = None,
        replace: bool = False,
        lifetime: float | None = None,
    ) -> LoginState:
        """As `Client.login`."""
        call = _calls.login(profile or self.profile, username, password, replace, lifetime)
        return self._changed(LoginState._of(await self._ask(call)))

    async def follow_login(self, login_id: str, wait: float = 60.0) -> LoginState:
        """As `Client.follow_login`."""
        deadline = boot_time() + wait
        while True:
            left = deadline - boot_time()
            state = LoginState._of(await self._ask(_calls.login_state(login_id, left)))
            if state.done:
                return self._changed(state)
            if deadline - boot_time() < 1.0:
                return state

    async def cancel_login(self, login_id: str) -> None:
        """As `Client.cancel_login`."""
        await self._ask(_calls.cancel_login(login_id))

    async def logout(
        self, profile: str | None = None, *, revoke: bool = True, all_profiles: bool = False
    ) -> LogoutAnswer:
        """As `Client.logout`."""
        named = None
        if not all_profiles:
            named = profile or self.profile
            if named is None:
                named = _calls.default_profile(await self._ask(_calls.PROFILES))
        answer: LogoutAnswer = await self._ask(_calls.logout(named, revoke))
        return self._changed(answer)

    async def import_token(self, refresh_token: str, profile: str | None = None, replace: bool = False) -> LoginState:
        """As `Client.import_token`."""
        call = _calls.import_token(refresh_token, profile or self.profile, replace)
        return self._changed(LoginState._of(await self._ask(call)))

    async def profiles(self) -> Profiles:
        """As `Client.profiles`."""
        answer: Profiles = await self._ask(_calls.PROFILES)
        return answer

    async def put_profile(self, name: str, settings: Mapping[str, Any]) -> ProfileInfo:
        """As `Client.put_profile`."""
        answer: ProfileInfo = await self._ask(_calls.put_profile(name, settings))
        return self._changed(answer)

    async def delete_profile(self, name: str) -> LoggedOut:
        """As `Client.delete_profile`."""
        answer: LoggedOut = await self._ask(_calls.delete_profile(name))
        return self._changed(answer)

    async def status(self) -> Status:
        """As `Client.status`."""
        answer: Status = await self._ask(_calls.STATUS)
        return answer

    async def health(self) -> str:
        """As `Client.health`."""
        return str((await self._ask(_calls.HEALTH)).get("status"))

    async def events(self) -> AsyncGenerator[Event, None]:
        """As `Client.events`, for `async for`; the stream is opened at the first step."""
        attempts = Attempts(_calls.EVENTS, PATIENCE)
        connection, reader = await self._patiently(attempts, self._open_stream)
        events = EventReader()
        data = b""
        try:
            while True:
                found: list[Any] = events.feed(reader.more(data))
                for event in found:
                    yield event
                if reader.whole:
                    return
                try:
                    data = await received(connection, SILENCE_MAX)
                except (TimeoutError, asyncio.TimeoutError):
                    raise _calls.late(connection.path).error from None
                except OSError:
                    data = b""
                if not data:
                    if reader.end():
                        return
                    raise _calls.broke_off(connection.path).error
        except MalformedError as malformed:
            raise _calls.foreign(connection.path, malformed) from None
        finally:
            connection.close()

    def _changed(self, answer: T) -> T:
        """After a change of sessions or profiles the tokens in hand may be another's."""
        self._held.clear()
        return answer

    async def _current(
        self,
        profile: str | None,
        min_ttl: float | None,
        strict: bool,
        scope: str | None,
        audience: str | None,
        issuer: str | None,
    ) -> Held:
        key = self._key(profile, scope, audience, issuer)
        held = self._in_hand(key, min_ttl)
        if held is not None:
            return held
        loop = asyncio.get_running_loop()
        shared = (id(loop), key, min_ttl, strict)
        task = self._asking.get(shared)
        # A task of a loop that is gone, or of a fork's parent, is never done.
        if task is None or task.get_loop() is not loop:
            task = asyncio.ensure_future(self._renewed(key, min_ttl, strict))
            self._asking[shared] = task
            task.add_done_callback(lambda done: self._asked(shared, done))
        try:
            return await asyncio.shield(task)
        except AuthError as error:
            # An exception belongs to one caller: raised in several it would gather the tracebacks of all.
            raise copy(error) from None

    def _asked(self, shared: tuple[int, Key, float | None, bool], task: asyncio.Task[Held]) -> None:
        if self._asking.get(shared) is task:
            del self._asking[shared]
        if not task.cancelled():
            # Where every caller was cancelled, nobody has looked at it.
            task.exception()

    async def _renewed(self, key: Key, min_ttl: float | None, strict: bool) -> Held:
        started = boot_time()
        held = self._valid(key)
        call = self._call(key, min_ttl, strict)
        try:
            # With a valid token in hand nobody waits for a daemon that is away.
            attempts = Attempts(call, PATIENCE if held is None or strict else 0.0)
            asked, answer = await self._patiently(attempts, self._exchange)
        except (DaemonUnreachable, Overloaded, ShuttingDown) as error:
            return self._instead(key, held, started, error, min_ttl if strict else None)
        return self._hold(key, answer, asked)
