"""Redshift Serverless' GetCredentials: a database password for whoever AWS knows, instead of one to keep.

moto has no redshift-serverless, so these few lines answer for it. Who asks is told by the access key; the signature is
not verified.
"""

import json
import re
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECONDS = 900


def serve(users: dict[str, str], keys: dict[str, str], database_port: int) -> int:
    """Answer on a free port of 127.0.0.1, in a thread. users: where a new password is put; keys: access key -> user."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            found = re.search(r"Credential=([^/]+)/", self.headers.get("Authorization", ""))
            code, answer = _answer(operation, keys.get(found[1]) if found else None, users, database_port)
            body = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Nothing: the log would hold who asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def _answer(operation: str, user: str | None, users: dict[str, str], database_port: int) -> tuple[int, dict]:
    if user is None:
        told = "User is not authorized to perform: redshift-serverless:" + operation
        return 403, {"__type": "AccessDeniedException", "message": told}
    if operation == "GetCredentials":
        users[user] = secrets.token_urlsafe(18)
        now = time.time()
        times = {"expiration": now + SECONDS, "nextRefreshTime": now + SECONDS / 2}
        return 200, {"dbUser": user, "dbPassword": users[user], **times}
    if operation == "GetWorkgroup":
        endpoint = {"address": "localhost", "port": database_port}
        return 200, {"workgroup": {"workgroupName": "local", "status": "AVAILABLE", "endpoint": endpoint}}
    return 400, {"__type": "ValidationException", "message": f"{operation} is refused by the stand-in"}
