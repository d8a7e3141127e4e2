"""A database URL.

mysql://user:password@host:3306/database, with the password percent-encoded, and optionally
?unix_socket=/path (a server on this machine), ?ssl_ca=/path (the authority that signed the server's certificate),
?ssl_mode=verify_ca (its certificate bears no name), ?ssl_cert=/path&ssl_key=/path (ours, for REQUIRE X509),
?server_public_key=/path (to send a password to this server alone where there is no TLS),
?iam=true or ?secret=ID (a password that AWS has; see aws_passwords.py).
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

from loaders.common.errors import Failure
from loaders.common.secret import Secret

EXAMPLE = "mysql://loader:PASSWORD@shop.example.com:3306/order_he"
# The options that are files or words; each is an attribute of DatabaseURL.
OPTIONS = ("unix_socket", "ssl_ca", "ssl_mode", "ssl_cert", "ssl_key", "server_public_key", "secret")


IDENTITY, AUTHORITY = "verify_identity", "verify_ca"
MODES = (IDENTITY, AUTHORITY)


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
    ssl_mode: str | None = None
    ssl_cert: str | None = None
    ssl_key: str | None = None
    server_public_key: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "password", Secret(self.password))

    def __str__(self) -> str:
        return f"mysql://{self.user}@{self.host}:{self.port}/{self.database}"

    def text(self) -> str:
        """The whole URL with its password, to be written to a file only its owner may read."""
        given = [(key, getattr(self, key)) for key in OPTIONS] + [("iam", "true" if self.iam else None)]
        options = "&".join(f"{key}={quote(value, safe='/')}" for key, value in given if value)
        account = f"{quote(self.user, safe='')}:{quote(self.password, safe='')}"
        where = f"{self.host}:{self.port}/{quote(self.database, safe='')}"
        return f"mysql://{account}@{where}" + (f"?{options}" if options else "")


def parse(text: str, setting: str) -> DatabaseURL:
    """Read a URL; `setting` is the name of the setting it came from, for the error message.

    No message shows a part of it: what looks like an option's name may be a part of a password.
    """
    wrong = Failure(
        f"{setting} is not a URL of a MySQL database",
        f"write it as {EXAMPLE}; in user and password write %3F for ?, %2F for /, %23 for #, %40 for @, %25 for %",
    )
    try:
        parts = urlsplit(text.strip())
        port = parts.port or 3306
    except ValueError:
        raise wrong from None
    if parts.scheme not in ("mysql", "mariadb", "mysql+pymysql") or not parts.hostname or not parts.username:
        raise wrong
    database = unquote(parts.path.lstrip("/"))
    if not database:
        raise Failure(f"{setting} names no database", f"put its name at the end: {EXAMPLE}")
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if set(options) - {*OPTIONS, "iam"}:
        raise Failure(
            f"{setting} has an option, behind its ?, that is not known", f"known are {', '.join(OPTIONS)} and iam"
        )
    _check_tls(options, setting)
    iam = options.pop("iam", "") == "true"
    return DatabaseURL(
        unquote(parts.username), parts.hostname, port, database, unquote(parts.password or ""), iam=iam, **options
    )


def _check_tls(options: dict[str, str], setting: str) -> None:
    if options.get("ssl_mode", IDENTITY) not in MODES:
        raise Failure(f"{setting} has an ssl_mode that is not known", f"known are {' (the default) and '.join(MODES)}")
    if "ssl_key" in options and "ssl_cert" not in options:
        raise Failure(f"{setting} has an ssl_key without ssl_cert", "add ssl_cert=/path/to/certificate.pem")
