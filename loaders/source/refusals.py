"""What it means when a server, or what stands in its place, does not let the account in."""

import pymysql
from pymysql.constants import CR, ER

from loaders.common.errors import Exit, Failure
from loaders.source.mysql_url import DatabaseURL
from loaders.source.statements import MUST_CHANGE_PASSWORD, MUST_CHANGE_PASSWORD_LOGIN, code_and_text

# MySQL error 2003 on RDS is nearly always the security group.
REACH = "check host and port; on RDS, let this machine's address in on that port in the security group"


INSTALL = "run `make setup`, which installs what the log-in needs, or give the account another way to log in"


TLS_LOG = "check the server's tls_version and certificate; its log says what it missed"


class TooMany(Failure):
    """The server gives no further connection to anybody, or not to this account."""


_REFUSED = (
    "MySQL at {where} refused user {user}: {said}",
    "check the user and password in {setting}. If both are right, the account may be for other addresses than this "
    "machine's, or demand TLS (add ?ssl_ca=…), or a certificate of yours (REQUIRE X509: add ssl_cert=… and ssl_key=…)",
)
_NO_DATABASE = (
    "MySQL at {where} has no database {database} that user {user} may read",
    "check the name at the end of {setting}, or `grant select on {quoted}.* to` {user}",
)
_MANY = (
    "MySQL at {where} gives user {user} no further connection: {said}",
    "close some, or raise the limit that it names (`alter user … with …`); one of an hour is over within the hour",
)
_PLUGIN = (
    "user {user} of MySQL at {where} logs in by a plug-in that is not known here: {said}",
    "give the account another one: `alter user … identified with caching_sha2_password by …` (MariaDB: `identified via "
    "mysql_native_password using password(…)`)",
)
# Out of reach, or full: it may be otherwise in a while, and nothing has to be mended here.
_PASSES = (
    CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_UNKNOWN_HOST, CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR,
    ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED, ER.SERVER_SHUTDOWN, 3032,
)  # fmt: skip
# Numbers without a name are none of PyMySQL's; of two that mean the same the second is MariaDB's.
_MEANINGS = {
    (ER.ACCESS_DENIED_ERROR,): _REFUSED,
    (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR): _NO_DATABASE,
    (ER.CON_COUNT_ERROR, ER.TOO_MANY_USER_CONNECTIONS, ER.USER_LIMIT_REACHED): _MANY,
    (CR.CR_AUTH_PLUGIN_CANNOT_LOAD, CR.CR_AUTH_PLUGIN_ERR, ER.NOT_SUPPORTED_AUTH_MODE, 1524): _PLUGIN,
    (1698,): (
        "MySQL at {where} knows user {user} by the operating system's user alone: {said}",
        "give the account a password (`alter user … identified by …`), and put it into {setting}",
    ),
    (ER.HOST_IS_BLOCKED,): (
        "MySQL at {where} lets nobody in from this machine any more, after too many connections that broke: {said}",
        "let an administrator run `flush hosts` (MySQL: `truncate performance_schema.host_cache`)",
    ),
    (ER.HOST_NOT_PRIVILEGED,): (
        "MySQL at {where} has no account for this machine's address: {said}",
        "let an administrator make one that is let in from here: `create user 'loader'@'%' …`",
    ),
    (ER.SERVER_SHUTDOWN,): ("MySQL at {where} is shutting down", "run it again when the server is back"),
    (CR.CR_SSL_CONNECTION_ERROR,): (
        "MySQL at {where} has no TLS: {said}",
        "let the server have it: a password would go there for all to read",
    ),
    (3032,): ("MySQL at {where} is in offline mode", "run it again when an administrator has set offline_mode = off"),
    (1184,): (
        "MySQL at {where} ends every connection of user {user}, because its init_connect fails: {said}",
        "let an administrator mend `@@global.init_connect`; the server's log says what is wrong with it",
    ),
    (MUST_CHANGE_PASSWORD, MUST_CHANGE_PASSWORD_LOGIN): (
        "the password of user {user} has expired, says MySQL at {where}",
        "set a new one (`alter user … identified by …`), and put it into {setting}",
    ),
    (3118, 4151): (
        "the account of user {user} is locked, says MySQL at {where}",
        "let an administrator unlock it: `alter user … account unlock`",
    ),
    (3955, 4153): (
        "the account of user {user} is locked after too many wrong passwords, says MySQL at {where}",
        "check the password in {setting}, and let an administrator unlock it: `alter user … account unlock`",
    ),
    (3159,): (
        "MySQL at {where} lets nobody in without TLS",
        "add ?ssl_ca=/path/to/authority.pem to {setting} (and &ssl_mode=verify_ca, if its certificate bears no name)",
    ),
}


def explained(error: pymysql.MySQLError, url: DatabaseURL, setting: str) -> Failure:
    """The failure that an error at log-in is."""
    code, said = code_and_text(error)
    where = url.unix_socket or f"{url.host}:{url.port}"
    ends = Exit.TRY_AGAIN if code in _PASSES else Exit.FAILED
    if "certificate verify failed" in said:
        return _certificate(said, where, setting)
    if "[SSL" in said:
        return Failure(f"MySQL at {where} and this machine found no common TLS: {said}", TLS_LOG)
    if code in (CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, CR.CR_UNKNOWN_HOST):
        hint = "start it with `make up`" if url.unix_socket else REACH
        problem = f"MySQL at {where} cannot be reached ({said})"
        return Failure(problem, f"{hint}; the address comes from {setting}", ends=ends)
    meaning = next((meaning for codes, meaning in _MEANINGS.items() if code in codes), None)
    if meaning is None:
        problem = f"MySQL at {where} ended the connection: {said} ({code})"
        return Failure(problem, f"check {setting} and the server's log", ends=ends)
    quoted = "`" + url.database.replace("`", "``") + "`"
    words = {"where": where, "user": url.user, "database": url.database, "quoted": quoted, "setting": setting}
    problem, fix = (text.format(said=f"{said} ({code})", **words) for text in meaning)
    return (TooMany if meaning is _MANY else Failure)(problem, fix, ends=ends)


def not_proven(url: DatabaseURL, setting: str) -> Failure:
    """The password was asked for by somebody who may be anybody: a tunnel that is down, and another on its port."""
    return Failure(
        f"what answers at {url.host}:{url.port} asks for the password and has not shown that it is your server; it was "
        "not sent",
        f"add to {setting} what shows it, each is in the server's data folder: ?server_public_key=/path/to/"
        "public_key.pem (caching_sha2_password or sha256_password), or ?ssl_mode=verify_ca&ssl_ca=/path/to/ca.pem (any "
        "way to log in); or go by its socket: ?unix_socket=/run/mysqld/mysqld.sock",
    )


def not_mysql(error: Exception, url: DatabaseURL, setting: str) -> Failure:
    """What answered did not keep to the protocol."""
    return Failure(
        f"what answers at {url.unix_socket or f'{url.host}:{url.port}'} does not speak as a MySQL server does "
        f"({type(error).__name__}: {error})",
        f"check host and port in {setting}",
    )


def _certificate(said: str, where: str, setting: str) -> Failure:
    """What OpenSSL said: an unknown authority, or another name."""
    reason = said.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "not verified"
    return Failure(
        f"the certificate of MySQL at {where} is not to be trusted ({reason})",
        f"give {setting} the server's authority: ?ssl_ca=/path/to/authority.pem, and the name in the certificate; if "
        "it bears none, as those that MySQL makes for itself, add &ssl_mode=verify_ca",
    )
