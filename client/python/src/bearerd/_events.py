"""The events of a daemon, one by one, for a blocking program."""

from __future__ import annotations

from . import _calls
from ._calls import SILENCE_MAX
from ._http import EventReader, MalformedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from ._connection import Connection
    from ._http import Reader
    from .types import Event


class Events:
    """What happens in the daemon, one after the other; to be closed, or used in a `with`."""

    def __init__(self, connection: Connection, reader: Reader) -> None:
        self._connection: Connection | None = connection
        self._reader = reader
        self._events = EventReader()
        self._found: list[Any] = []
        self._data = b""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        while not self._found:
            connection = self._connection
            if connection is None:
                raise StopIteration
            try:
                self._found = self._more(connection)
            except MalformedError as malformed:
                self.close()
                raise _calls.foreign(connection.path, malformed) from None
            except BaseException:
                self.close()
                raise
        event: Event = self._found.pop(0)
        return event

    def _more(self, connection: Connection) -> list[Any]:
        found = self._events.feed(self._reader.more(self._data))
        self._data = b""
        if found:
            return found
        if self._reader.whole:
            raise StopIteration
        try:
            self._data = connection.receive(SILENCE_MAX)
        except BlockingIOError:
            raise _calls.late(connection.path).error from None
        except OSError:
            pass
        if self._data:
            return []
        if self._reader.end():
            raise StopIteration
        raise _calls.broke_off(connection.path).error

    def close(self) -> None:
        """Listens no more."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
