"""TLS to the source: who is trusted, whether the name in the certificate counts, and the certificate shown by us."""

import ssl
from pathlib import Path

from loaders.common.errors import Failure
from loaders.source.mysql_url import AUTHORITY, DatabaseURL


def context(url: DatabaseURL, setting: str) -> ssl.SSLContext:
    """TLS that checks the authority and, but for ssl_mode=verify_ca, the name.

    (PyMySQL given only an authority's file would accept any authority.)
    """
    secure = _trusting(url.ssl_ca, setting)
    if url.ssl_mode == AUTHORITY:
        if not url.ssl_ca:
            raise Failure(
                f"{setting} has ssl_mode=verify_ca without ssl_ca: any certificate of a public authority would do",
                "name the server's own authority: ?ssl_mode=verify_ca&ssl_ca=/path/to/ca.pem (MySQL's own: its ca.pem)",
            )
        secure.check_hostname = False
    if url.ssl_cert:
        _show(secure, url.ssl_cert, url.ssl_key, setting)
    return secure


def read_file(path: str, option: str, setting: str) -> bytes:
    """A file that an option of the URL names."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise Failure(
            f"the file {path} of {setting} (its {option}) cannot be read ({error.strerror or error})",
            f"give {option} the path of a PEM file that this user may read",
        ) from None


def _trusting(ssl_ca: str | None, setting: str) -> ssl.SSLContext:
    if ssl_ca:
        read_file(ssl_ca, "ssl_ca", setting)
    try:
        secure = ssl.create_default_context(cafile=ssl_ca)
    except ssl.SSLError:
        raise Failure(
            f"the file {ssl_ca} of {setting} (its ssl_ca) holds no certificate",
            "give ssl_ca the path of a PEM file; for RDS it is Amazon's global-bundle.pem",
        ) from None
    # Python 3.13 asks more of an authority's certificate than MySQL puts into those it makes for itself.
    secure.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return secure


def _show(secure: ssl.SSLContext, ssl_cert: str, ssl_key: str | None, setting: str) -> None:
    """The certificate by which an account with REQUIRE X509 is known."""
    read_file(ssl_cert, "ssl_cert", setting)
    if ssl_key:
        read_file(ssl_key, "ssl_key", setting)
    try:
        # An encrypted key would be asked for on the terminal.
        secure.load_cert_chain(ssl_cert, ssl_key, password="")
    except (ssl.SSLError, ValueError):
        raise Failure(
            f"ssl_cert {ssl_cert} and ssl_key {ssl_key} of {setting} are not a certificate and its key",
            "give both as PEM, the key without a passphrase (`openssl rsa -in key.pem -out plain.pem`)",
        ) from None
