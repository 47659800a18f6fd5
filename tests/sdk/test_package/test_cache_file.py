"""The SDK's own cache file, `keycloak.json`, is written by nobody."""

import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "client/python/tests"))

from fake_daemon import FakeDaemon, ok, token

PROFILES = {"profiles": [{"profile": "mine", "auth_type": "sso", "settings": {"keycloak_addr": "https://idp.test"}}]}


def test_nothing_that_the_sdk_does_with_a_token_writes_a_file(light):
    program = """
        import bearerd.wallaroo
        bearerd.wallaroo.install()
        import wallaroo.auth as auth
        made = auth.create("https://idp.test/", "sso")
        print(made.auth_header()["Authorization"], made._access_token().token)
        made._force_reload()
        print(made._bearer_token_str(), made.user_email())
        auth.logout()
    """
    answers = {"/v1/profiles": PROFILES, "/v1/logout": {"profiles": []}}
    daemon = FakeDaemon(
        str(light.folder / "s"),
        lambda _, target, body: ok(answers.get(target, token(user_email="jane@ex.co"))),
    )
    before = {path for path in light.folder.rglob("*") if path.name != "s"}
    said = light.says("-c", textwrap.dedent(program), BEARERD_SOCKET=daemon.path)
    daemon.stop()
    assert said.splitlines() == ["Bearer token-1 token-1", "Bearer token-1 jane@ex.co"]
    assert "/v1/logout" in [target for _, target, _ in daemon.requests]
    assert {path for path in light.folder.rglob("*")} == before
