"""A stand-in for the platform: Keycloak behind `/auth`, and the routes that the SDK's program calls.

Each bearer is checked by introspection at Keycloak, and each call is a line of the log: who came with what, and whether it
was active. A token itself is never written down.

    stand_in.py LOG KEYCLOAK INTROSPECTION_SERVER CLIENT_ID CLIENT_SECRET
"""

import base64
import hashlib
import http.client
import json
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import graphql

SCHEMA = graphql.build_schema(
    """
    scalar timestamptz
    enum order_by { asc desc }
    input tag_order_by { id: order_by }
    input String_comparison_exp { _eq: String }
    input user_default_workspace_bool_exp { user_id: String_comparison_exp }
    type model { id: Int, model_id: String, models_pk_id: Int, model_version: String, name: String }
    type model_tag { model: model }
    type pipeline_version { id: Int, version: String }
    type pipeline { id: Int, pipeline_id: String, pipeline_versions: [pipeline_version] }
    type pipeline_tag { pipeline: pipeline }
    type tag { id: Int, tag: String, model_tags: [model_tag], pipeline_tags: [pipeline_tag] }
    type workspace_user { user_id: String }
    type model_class { id: Int, name: String, updated_at: timestamptz, models: [model] }
    type workspace {
        id: Int, name: String, archived: Boolean, created_at: timestamptz, created_by: String,
        users: [workspace_user], pipelines: [pipeline], models: [model_class]
    }
    type user_default_workspace { workspace: workspace }
    type Query {
        tag(order_by: tag_order_by): [tag]
        user_default_workspace(where: user_default_workspace_bool_exp): [user_default_workspace]
    }
    """
)
WORKSPACE = {
    "id": 1,
    "name": "jane's",
    "archived": False,
    "created_at": "2026-01-01T00:00:00+00:00",
    "created_by": "jane",
    "users": [],
    "pipelines": [],
    "models": [],
}
DATA = {
    "tag": [{"id": 7, "tag": "seven", "model_tags": [], "pipeline_tags": []}],
    "user_default_workspace": [{"workspace": WORKSPACE}],
}
MODEL_VERSION = {"id": 3, "name": "m", "model_id": "m", "model_version": "v", "models_pk_id": 2}
ANSWERS = {
    "/v1/api/workspaces/list": {"workspaces": [WORKSPACE]},
    "/v1/api/models/upload": {"insert_models": {"returning": [{"models": [MODEL_VERSION]}]}},
    "/v1/api/models/get_version_by_id": {
        "model_version": {"model_version": MODEL_VERSION, "config": {"id": 5}}
    },
    "/v1/api/ping": {"ping": "pong"},
    "/v1/api/config": {"deployment": "test", "default_arch": "x86"},
}

log_path, keycloak, introspection, client_id, client_secret = sys.argv[1:]
log_lock = threading.Lock()
keys = {}


def call(server, method, path, headers, body):
    connection = http.client.HTTPConnection(server, timeout=90)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        connection.close()


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(token):
    return json.loads(decoded(token.split(".")[1]))


def activity(token):
    """`active`, `inactive`; or, where Keycloak is away, `signed` by it and not expired, or `unknown`."""
    try:
        claimed = claims(token)
        issuer = urllib.parse.urlsplit(claimed["iss"])
        body = urllib.parse.urlencode({"token": token}).encode()
        basic = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        headers = [
            ("Host", issuer.netloc),
            ("Authorization", f"Basic {basic}"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", str(len(body))),
        ]
        path = f"{issuer.path}/protocol/openid-connect"
        status, _, answer = call(introspection, "POST", f"{path}/token/introspect", headers, body)
        if status != 200:
            return "inactive"
        if not keys:
            got = call(introspection, "GET", f"{path}/certs", [("Host", issuer.netloc)], None)
            keys.update({key["kid"]: key for key in json.loads(got[2])["keys"]})
        return "active" if json.loads(answer)["active"] else "inactive"
    except (OSError, http.client.HTTPException):
        return "signed" if claimed["exp"] > time.time() and is_signed(token) else "unknown"
    except (ValueError, KeyError, IndexError):
        return "inactive"


def is_signed(token):
    """RS256 (RFC 8017 section 8.2.2), by the keys that Keycloak gave while it was there."""
    signed, _, signature = token.rpartition(".")
    head = json.loads(decoded(token.split(".")[0]))
    key = keys.get(head["kid"], {})
    if head["alg"] != "RS256" or key.get("alg") != "RS256":
        return False
    modulus, exponent = (int.from_bytes(decoded(key[name]), "big") for name in ("n", "e"))
    size = (modulus.bit_length() + 7) // 8
    opened = pow(int.from_bytes(decoded(signature), "big"), exponent, modulus).to_bytes(size, "big")
    digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(signed.encode()).digest()
    return opened == b"\x00\x01" + b"\xff" * (size - 3 - len(digest)) + b"\x00" + digest


class Platform(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = self.read_chunks()
        else:
            body = self.rfile.read(length)
        path = self.path.partition("?")[0]
        if path.startswith("/auth/"):
            self.pass_on(body)
        elif path == "/v1/api/config":
            self.answer(200, ANSWERS[path])
        else:
            self.serve(path, body)

    do_POST = do_PUT = do_DELETE = do_GET

    def serve(self, path, body):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        state = activity(token) if kind == "Bearer" and token else "missing"
        line = {
            "at": time.time(),
            "path": path,
            "state": state,
            "agent": self.headers.get("User-Agent", ""),
            "token": hashlib.sha256(token.encode()).hexdigest()[:12] if token else None,
        }
        with log_lock, open(log_path, "a") as log:
            log.write(json.dumps(line) + "\n")
        if state not in ("active", "signed"):
            self.answer(401, {"error": state})
        elif path == "/v1/graphql":
            self.answer(200, self.graphql(json.loads(body)))
        elif path.startswith("/v1/api/pipelines/infer/"):
            self.answer(200, [{"time": 0, "out": {"y": [1.0]}}])
        elif path in ANSWERS:
            self.answer(200, ANSWERS[path])
        else:
            self.answer(404, {"error": "no such route"})

    def graphql(self, request):
        result = graphql.graphql_sync(
            SCHEMA, request["query"], DATA, variable_values=request.get("variables")
        )
        return result.formatted

    def pass_on(self, body):
        names = ("connection", "transfer-encoding", "content-length", "keep-alive")
        headers = [(n, v) for n, v in self.headers.items() if n.lower() not in names]
        headers += [("Connection", "close"), ("Content-Length", str(len(body)))]
        try:
            status, answered, content = call(keycloak, self.command, self.path, headers, body)
        except (OSError, http.client.HTTPException):
            # As the proxy of a platform whose Keycloak is away.
            self.answer(503, {"error": "no Keycloak"})
            return
        self.send_response_only(status)
        for name, value in answered:
            if name.lower() not in names:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def answer(self, status, value):
        content = json.dumps(value).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def read_chunks(self):
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


server = Server(("127.0.0.1", 0), Platform)
print(server.server_address[1], flush=True)
server.serve_forever()
