"""A database URL, and a connection from it.

mysql://user:password@host:3306/database, with the password percent-encoded, and optionally
?unix_socket=/path (a server on this machine), ?ssl_ca=/path (the authority that signed the server's certificate),
?iam=true or ?secret=ID (a password that AWS has; see aws_passwords.py).
"""

import ssl
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pymysql
from pymysql.constants import CR, ER

from loaders.errors import Failure
from loaders.secret import Secret

EXAMPLE = "mysql://loader:PASSWORD@shop.example.com:3306/order_he"
CONNECT_SECONDS = 10
# A connection that never leaves this machine need not be encrypted; every other is, and the server proves who it is.
# MySQL error 2003 on RDS is nearly always the security group.
REACH = "check host and port; on RDS, let this machine's address in on that port in the security group"
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
# A server may think long before the first row (a full scan); a dead network must still end the run.
READ_SECONDS = 600


@dataclass(frozen=True)
class DatabaseURL:
    """Where a database is and who asks. Neither its text nor its repr shows the password."""

    user: str
    host: str
    port: int
    database: str
    password: str
    unix_socket: str | None = None
    ssl_ca: str | None = None
    secret: str | None = None
    iam: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "password", Secret(self.password))

    def __str__(self) -> str:
        return f"mysql://{self.user}@{self.host}:{self.port}/{self.database}"

    def text(self) -> str:
        """The whole URL with its password, to be written to a file only its owner may read."""
        options = "&".join(
            f"{key}={quote(value, safe='/')}"
            for key, value in (("unix_socket", self.unix_socket), ("ssl_ca", self.ssl_ca))
            if value
        )
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        where = f"{self.host}:{self.port}/{quote(self.database, safe='')}"
        return f"mysql://{account}@{where}" + (f"?{options}" if options else "")


def parse(text: str, setting: str) -> DatabaseURL:
    """Read a URL; `setting` is the name of the setting it came from, for the error message."""
    wrong = Failure(f"{setting} is not a URL of a MySQL database", f"write it as {EXAMPLE}")
    try:
        parts = urlsplit(text.strip())
        port = parts.port or 3306
    except ValueError:
        raise wrong from None
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    database = unquote(parts.path.lstrip("/"))
    unknown = sorted(set(options) - {"unix_socket", "ssl_ca", "secret", "iam"})
    if unknown:
        known = "known are unix_socket, ssl_ca, secret and iam"
        raise Failure(f"{setting} has an unknown option: {', '.join(unknown)}", known)
    iam = options.pop("iam", "") == "true"
    if parts.scheme not in ("mysql", "mariadb", "mysql+pymysql") or not parts.hostname or not parts.username:
        raise wrong
    if not database:
        raise Failure(f"{setting} names no database", f"put its name at the end: {EXAMPLE}")
    return DatabaseURL(
        unquote(parts.username), parts.hostname, port, database, unquote(parts.password or ""), iam=iam, **options
    )


def connect(url: DatabaseURL, setting: str, **options) -> pymysql.Connection:
    """Open a connection; `options` go to PyMySQL. A failure tells apart the link that broke and names `setting`."""
    address = {"unix_socket": url.unix_socket} if url.unix_socket else {"host": url.host, "port": url.port}
    secure = {"ssl": _verifying(url, setting)} if url.ssl_ca or not _on_this_machine(url) else {}
    settings = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": READ_SECONDS,
        "write_timeout": READ_SECONDS,
    }
    try:
        return pymysql.connect(
            user=url.user, password=url.password, database=url.database, **address, **secure, **{**settings, **options}
        )
    except pymysql.MySQLError as error:
        raise _explained(error, url, setting) from None


def _on_this_machine(url: DatabaseURL) -> bool:
    return url.unix_socket is not None or url.host in THIS_MACHINE


def _verifying(url: DatabaseURL, setting: str) -> ssl.SSLContext:
    """TLS that checks authority and name. (PyMySQL given only an authority's file would accept any authority.)"""
    try:
        return ssl.create_default_context(cafile=url.ssl_ca)
    except OSError as error:
        raise Failure(
            f"the authority's file {url.ssl_ca} of {setting} cannot be read ({error.strerror or error})",
            "give ssl_ca the path of a PEM file; for RDS it is Amazon's global-bundle.pem",
        ) from None


def _explained(error: pymysql.MySQLError, url: DatabaseURL, setting: str) -> Failure:
    code = error.args[0] if error.args else 0
    where = url.unix_socket or f"{url.host}:{url.port}"
    if code == ER.ACCESS_DENIED_ERROR:
        return Failure(f"MySQL at {where} refused user {url.user}", f"check the user and password in {setting}")
    if code in (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR):
        return Failure(
            f"MySQL at {where} has no database {url.database} that user {url.user} may read",
            f"check the name at the end of {setting}, or grant select on it to {url.user}",
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error) or "certificate verify failed" in str(error):
        return Failure(
            f"the certificate of MySQL at {where} is not to be trusted ({_reason(error)})",
            f"give {setting} the server's authority: ?ssl_ca=/path/to/authority.pem, and the name in the certificate",
        )
    if code in (CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_UNKNOWN_HOST):
        cause = error.args[1] if len(error.args) > 1 else error
        hint = "start it with `make up`" if url.unix_socket else REACH
        return Failure(f"MySQL at {where} cannot be reached ({cause})", f"{hint}; the address comes from {setting}")
    return Failure(f"MySQL at {where} ended the connection: {error}", f"check {setting} and the server's log")


def _reason(error: pymysql.MySQLError) -> str:
    """What OpenSSL said: an unknown authority, or another name."""
    return str(error).partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "not verified"
