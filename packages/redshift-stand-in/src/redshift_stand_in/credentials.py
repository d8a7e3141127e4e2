"""Redshift Serverless' own API: a database password for whoever AWS knows, and whether the workgroup is public.

moto has no redshift-serverless, so these few lines answer for it. Who asks is told by the access key, and the signature
is verified.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from redshift_stand_in import guard
from redshift_stand_in.door import Door
from redshift_stand_in.names import WORKGROUP
from redshift_stand_in.world import World

SECONDS = 900


@dataclass(frozen=True)
class Workgroup:
    """administrator: whose key may open and close. identity: access key -> the database's user, and the secret."""

    door: Door
    world: World
    administrator: str
    identity: Callable[[str], tuple[str, str] | None]


def serve(workgroup: Workgroup) -> int:
    """Answer on a free port of 127.0.0.1, in a thread; returns the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            code, answer = _answer(operation, self._key(body), json.loads(body or b"{}"), workgroup)
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _key(self, body: bytes) -> str:
            """The access key of who asks; empty for whoever cannot show that it is theirs."""
            key = guard.credential(self.headers)
            _user, secret = workgroup.identity(key) or ("", "")
            ours = secret and guard.from_this_machine(self.headers, server.server_port)
            return key if ours and guard.is_signed(self.path, self.headers, body, secret) else ""

        def log_message(self, *_arguments: object) -> None:
            """Nothing: the log would hold who asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _answer(operation: str, key: str, request: dict[str, Any], workgroup: Workgroup) -> tuple[int, dict[str, Any]]:
    user, _secret = workgroup.identity(key) or ("", "")
    administrator = key == workgroup.administrator
    if operation == "GetCredentials" and user:
        workgroup.world.ask("select rs_let_in(%s)", (user,))
        workgroup.world.users[user] = secrets.token_urlsafe(18)
        now = time.time()
        times = {"expiration": now + SECONDS, "nextRefreshTime": now + SECONDS / 2}
        return 200, {"dbUser": user, "dbPassword": workgroup.world.users[user], **times}
    if operation == "GetWorkgroup" and (user or administrator):
        return 200, _described(workgroup.door)
    if operation == "UpdateWorkgroup" and administrator:
        workgroup.door.set_public(request["publiclyAccessible"])
        return 200, _described(workgroup.door)
    if operation != "UpdateWorkgroup" and (user or administrator):
        return 400, {"__type": "ValidationException", "message": f"{operation} is refused by the stand-in"}
    told = "User is not authorized to perform: redshift-serverless:" + operation
    return 403, {"__type": "AccessDeniedException", "message": told}


def _described(door: Door) -> dict[str, Any]:
    endpoint = {"address": "localhost", "port": door.port}
    state = {"workgroupName": WORKGROUP, "status": "AVAILABLE", "publiclyAccessible": door.is_public}
    return {"workgroup": state | {"endpoint": endpoint}}
