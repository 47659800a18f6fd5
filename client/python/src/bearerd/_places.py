"""Where the daemon's socket may be: the one place of this package that reads the environment for it."""

from __future__ import annotations

import os


def socket_places() -> list[str]:
    """The places in the order in which they are tried; a variable that is empty counts as one that is not set."""
    read = os.environ.get
    socket = read("BEARERD_SOCKET")
    if socket:
        return [socket]
    folders = (_absolute(read("XDG_RUNTIME_DIR")), own_run_user())
    places = [f"{folder}/bearerd.sock" for folder in folders if folder is not None]
    state = state_folder()
    if state is not None:
        places.append(f"{state}/bearerd-{os.uname().nodename}.sock")
    return list(dict.fromkeys(places))


def state_folder() -> str | None:
    """The folder of the daemon's state, where the environment and the system name one."""
    read = os.environ.get
    state = read("BEARERD_STATE")
    if state:
        return state
    state_home = _absolute(read("XDG_STATE_HOME"))
    if state_home is None:
        home = _absolute(read("HOME") or _home_of_the_system())
        if home is None:
            return None
        state_home = f"{home}/.local/state"
    return f"{state_home}/bearerd"


def own_run_user() -> str | None:
    """`/run/user/$UID`, where it is a folder of our own: another user could wait behind a socket elsewhere."""
    uid = os.geteuid()
    folder = f"/run/user/{uid}"
    try:
        found = os.lstat(folder)
    except OSError:
        return None
    is_folder = found.st_mode & 0o170000 == 0o040000
    return folder if is_folder and found.st_uid == uid else None


def _absolute(path: str | None) -> str | None:
    """The XDG Base Directory Specification has relative paths ignored."""
    return path.rstrip("/") or "/" if path and path.startswith("/") else None


def _home_of_the_system() -> str | None:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None
