"""What the SDK's own `auth_header()` costs with a valid token in hand: prints microseconds, the least of the rounds.

Its Keycloak is a stand-in on loopback that approves every device login. What is measured is what a user pays for each
call from then on: the stand-in must see none of them. Runs where `wallaroo` is installed; `ratios.py` starts it.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import sys
import tempfile
import threading
import time
from typing import Any

ROUNDS = 40
CALLS = 500
LIFETIME = 3600


def main() -> None:
    """Logs in, measures, and sees that nothing else was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keycloak)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        for name in ("WALLAROO_USER", "WALLAROO_SDK_CREDENTIALS"):
            os.environ.pop(name, None)
        import wallaroo.auth

        # It says where to log in, and that it has.
        with contextlib.redirect_stdout(sys.stderr):
            auth = wallaroo.auth.create(f"http://127.0.0.1:{server.server_port}", "sso")
        expected = {"Authorization": f"Bearer {TOKEN}"}
        assert auth.auth_header() == expected
        asked = Keycloak.asked
        least = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            for _ in range(CALLS):
                auth.auth_header()
            least = min(least, (time.perf_counter() - start) / CALLS)
        assert auth.auth_header() == expected
        assert Keycloak.asked == asked
    print(least * 1e6)


class Keycloak(http.server.BaseHTTPRequestHandler):
    """The two endpoints of a device login."""

    asked = 0

    def do_POST(self) -> None:
        """Approves."""
        Keycloak.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        text = json.dumps(LOGIN if self.path.endswith("/auth/device") else TOKENS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def jwt(claims: dict[str, Any]) -> str:
    """An access token with these claims, as long as Keycloak's are; nobody looks at its signature."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in [*parts, bytes(256)])


LOGIN = {
    "device_code": "code",
    "user_code": "AB-CD",
    "verification_uri_complete": "http://127.0.0.1/auth/realms/master/device?user_code=AB-CD",
    "interval": 1,
    "expires_in": 600,
}
TOKEN = jwt({"sub": "jane", "email": "jane@ex.co", "scope": "email profile", "roles": "r" * 600})
TOKENS = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "expires_in": LIFETIME,
    "refresh_token": "refresh",
    "refresh_expires_in": LIFETIME,
}

if __name__ == "__main__":
    main()
