"""An SDK whose surface is another one is refused, with what differs."""

import pytest

from conftest import AUTH, PTH, whose

OTHER_VERSIONS = {
    "a parameter more": ("def create(keycloak_addr: str, auth_type", "def create(keycloak_addr: str, realm, auth_type", "`create` is (keycloak_addr, realm, auth_type)"),
    "a method more": ("    def auth_header(self)", "    def api_key(self): ...\n\n    def auth_header(self)", "`_PlatformAuth.api_key` is new"),
    "a method less": ("    def auth_header(self)", "    def header(self)", "`_PlatformAuth.auth_header` is missing"),
    "another field": ("    user_email: str\n\n    def ToDict", "    user_email: str\n    realm: str = ''\n\n    def ToDict", "`_AccessToken._fields` is"),
}


@pytest.mark.parametrize("case", OTHER_VERSIONS)
def test_another_surface_is_refused_with_what_differs_and_what_to_do(light, case):
    old, new, told = OTHER_VERSIONS[case]
    source = AUTH.read_text()
    assert source.count(old) >= 1
    python = light
    (light.folder / "wallaroo/auth.py").write_text(source.replace(old, new, 1))
    install = "import bearerd.wallaroo; bearerd.wallaroo.install()"
    for program in [whose(install), whose("import wallaroo", install)]:
        ended = python("-c", program)
        assert ended.returncode == 1
        last = ended.stderr.strip().splitlines()[-1]
        assert last.startswith("bearerd.wallaroo.UnknownSdk: bearerd can't serve wallaroo"), ended
        assert told in last
        assert "wallaroo==2026.1.3" in last
        assert "disable wallaroo" in last
    ended = python("-m", "bearerd", "enable", "wallaroo")
    assert (ended.returncode, PTH.exists()) == (1, False)
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    ended = python("-m", "bearerd", "run", "-c", whose())
    assert ended.returncode == 1
    assert told in ended.stderr
