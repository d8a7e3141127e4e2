"""What the stack's HTTP servers ask of a request before anything else looks at it: that no web page can have sent it.

A page in this machine's browser reaches 127.0.0.1 too: under a name of its own that leads here (Host tells), or with
its Origin. Neither can sign.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

Headers = Mapping[str, str] | Message
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
NAMES = ("127.0.0.1", "localhost")
ALGORITHM = "AWS4-HMAC-SHA256 "


def from_this_machine(headers: Headers, port: int) -> bool:
    """Whether the request names this server as programs of this machine do, and comes from no web page."""
    return headers.get("Host") in [f"{name}:{port}" for name in NAMES] and "Origin" not in headers


def credential(headers: Headers) -> str:
    """The access key that a request says it is signed with; empty for one without a signature."""
    authorization = headers.get("Authorization", "")
    return _part(authorization, "Credential").partition("/")[0] if authorization.startswith(ALGORITHM) else ""


def is_signed(path: str, headers: Headers, body: bytes, secret: str) -> bool:
    """Whether the signature of a POST (AWS's version 4) was made with this secret, over this body."""
    authorization = headers.get("Authorization", "")
    scope, signed = _part(authorization, "Credential").split("/"), _part(authorization, "SignedHeaders").split(";")
    if len(scope) != 5 or not {"host", "x-amz-date"} <= set(signed):
        return False
    key, _day, region, service, _end = scope
    request = AWSRequest("POST", path, {name: headers[name] for name in signed if name in headers}, body)
    request.context["timestamp"] = headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials(key, secret), service, region)
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return hmac.compare_digest(expected, _part(authorization, "Signature"))


def _part(authorization: str, name: str) -> str:
    return authorization.partition(f"{name}=")[2].partition(",")[0]


class Guarded:
    """moto's application behind a door: no administrator's pages, nobody but programs here, nothing without a key.

    only: the one access key that is let in; None: any, whose signature moto then verifies.
    """

    def __init__(self, application: Application, only: str):
        self.application = application
        self.only: str | None = only

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        sent = {"Host": "HTTP_HOST", "Origin": "HTTP_ORIGIN", "Authorization": "HTTP_AUTHORIZATION"}
        headers = {name: environ[key] for name, key in sent.items() if key in environ}
        key = credential(headers)
        known = bool(key) and self.only in (None, key)
        ours = from_this_machine(headers, environ["SERVER_PORT"]) and not environ["PATH_INFO"].startswith("/moto-api")
        if known and ours:
            return self.application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", "0")])
        return [b""]
