"""`bearerd.auth` beside the real `wallaroo.auth`: names, signatures, values, by introspection of the real one."""

import inspect

import bearerd.auth as ours
import httpx
import pytest
import wallaroo.auth as theirs
from bearerd import _surface

#: Names of modules that a module imports are no part of its surface.
PUBLIC = sorted(
    name
    for name, value in vars(theirs).items()
    if not name.startswith("_")
    and not inspect.ismodule(value)
    and getattr(value, "__module__", theirs.__name__) in (theirs.__name__, None, "builtins")
    or name == "lock"
)
CLASSES = ["_WallarooAuth", "_NoAuth", "_PlatformAuth", "_TestAuth", "_TokenFetcher"]


def shape(function):
    parameters = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in parameters]


def test_the_surface_that_is_looked_for_is_that_of_the_real_package():
    assert _surface.surface(theirs) == _surface.KNOWN
    assert _surface.differences(theirs) == []


def test_the_names_are_those_of_the_documentation():
    for name in ["AuthType", "TokenData", "create", "logout", "AuthError", "TokenFetchError"]:
        assert name in PUBLIC
    for name in ["NoAuth", "PlatformAuth"]:
        # The documentation's names; in the code they have an underscore.
        assert name in theirs.__doc__
        assert getattr(ours, name) is getattr(ours, f"_{name}")


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there_and_of_the_same_shape(name):
    their, our = getattr(theirs, name), getattr(ours, name)
    if inspect.isfunction(their):
        assert shape(our) == shape(their)
    elif inspect.isclass(their):
        assert our.__name__ == their.__name__
        if issubclass(their, tuple):
            assert our._fields == their._fields
        elif hasattr(their, "__members__"):
            assert [(e.name, e.value) for e in our] == [(e.name, e.value) for e in their]
        else:
            bases = [base.__name__ for base in their.__mro__]
            # Ours has one base more, of the same name: that of all errors of the package.
            assert list(dict.fromkeys(b.__name__ for b in our.__mro__ if b.__name__ in bases)) == bases
            assert shape(our.__init__) == shape(their.__init__)
    elif isinstance(their, str):
        assert our == their
    else:
        assert type(our) is type(their)


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_of_an_auth_object_is_there_and_of_the_same_shape(name):
    their, our = getattr(theirs, name), getattr(ours, name)
    for member, function in vars(their).items():
        if inspect.isfunction(function) and (not member.startswith("__") or member == "__init__"):
            assert shape(getattr(our, member)) == shape(function), member
    if issubclass(their, httpx.Auth):
        assert issubclass(our, httpx.Auth)


def test_an_access_token_has_the_same_fields_and_comes_through_a_file_the_same():
    their, our = theirs._AccessToken, ours._AccessToken
    assert our._fields == their._fields
    import datetime

    now = datetime.datetime(2026, 11, 27, 12)
    fields = ["token", now, "refresh", now, "id", "email"]
    assert our(*fields).ToDict() == their(*fields).ToDict()
    assert tuple(our.FromDict(our(*fields).ToDict())) == tuple(their.FromDict(their(*fields).ToDict()))


@pytest.mark.parametrize("name", ["AuthError", "TokenFetchError", "TokenRefreshError"])
def test_an_error_has_the_same_text(name):
    their, our = getattr(theirs, name), getattr(ours, name)
    for arguments in [("m",), ("m", None), ("m", 0), ("m", 502)]:
        assert str(our(*arguments)) == str(their(*arguments))
    assert our("m", 502).code == 502
    assert our("m").code is None
    assert issubclass(our, ours.AuthError) == issubclass(their, theirs.AuthError)


@pytest.mark.parametrize("kind", ["_NoAuth", "_TestAuth"])
def test_constants_are_the_same(kind):
    their, our = getattr(theirs, kind)(), getattr(ours, kind)()
    for method in ["user_id", "user_email", "_bearer_token_str"]:
        assert getattr(our, method)() == getattr(their, method)()
    assert our._access_token().token == their._access_token().token
    request = httpx.Request("GET", "http://platform.test/")
    headers = [next(auth.auth_flow(request)).headers.get("Authorization") for auth in (our, their)]
    assert headers[0] == headers[1]
    assert our._force_reload() is None
