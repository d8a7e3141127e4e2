"""Database URLs: what is read, what is refused, and that a password is never shown."""

from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.source import log_in, mysql_url
from redshift_stand_in import tls

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(user=text, password=text, database=text)
def test_a_url_is_read_back_whatever_characters_are_in_it(user, password, database):
    url = mysql_url.DatabaseURL(
        user, "shop.example.com", 3307, database, password, ssl_ca="/etc/ssl/ca.pem", ssl_mode="verify_ca"
    )
    assert mysql_url.parse(url.text(), "SOURCE_URL") == url


def test_the_port_defaults_to_mysqls():
    assert mysql_url.parse("mysql://u:p@h/d", "SOURCE_URL").port == 3306


def test_neither_text_nor_repr_shows_the_password():
    url = mysql_url.parse("mysql://u:canary@h/d", "SOURCE_URL")
    assert "canary" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    ("given_url", "problem"),
    [
        ("canary", "SOURCE_URL is not a URL of a MySQL database"),
        ("postgres://u:canary@h/d", "SOURCE_URL is not a URL of a MySQL database"),
        ("mysql://u:canary@h:port/d", "SOURCE_URL is not a URL of a MySQL database"),
        ("mysql://u:canary@h", "SOURCE_URL names no database"),
        ("mysql://u:canary@h/d?charset=x", "SOURCE_URL has an option, behind its ?, that is not known"),
        ("mysql://u:what?canary=1@h/d", "SOURCE_URL is not a URL of a MySQL database"),
        ("mysql://u@corp:12/d?canary=1@h/d", "SOURCE_URL has an option, behind its ?, that is not known"),
        ("mysql://u:canary@h/d?ssl_mode=canary", "SOURCE_URL has an ssl_mode that is not known"),
        ("mysql://u:canary@h/d?ssl_key=canary", "SOURCE_URL has an ssl_key without ssl_cert"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(given_url, problem):
    with pytest.raises(Failure) as caught:
        mysql_url.parse(given_url, "SOURCE_URL")
    assert caught.value.problem == problem
    assert "canary" not in str(caught.value)


def test_a_host_that_is_not_there_is_explained():
    with pytest.raises(Failure) as caught:
        log_in.connect(mysql_url.parse("mysql://u:canary@127.0.0.1:9/d", "SOURCE_URL"), "SOURCE_URL")
    assert "127.0.0.1:9 cannot be reached" in caught.value.problem
    assert "SOURCE_URL" in caught.value.fix
    assert "canary" not in str(caught.value)


@pytest.fixture(scope="module")
def secured(tls_server):
    return tls_server.url, tls_server.authority


def encrypted(url) -> bool:
    with closing(log_in.connect(url, "SOURCE_URL")) as connection, connection.cursor() as cursor:
        cursor.execute("show status like 'ssl_cipher'")
        return bool(cursor.fetchone()[1])


def test_the_right_authority_and_name_give_an_encrypted_connection(secured):
    url, authority = secured
    assert encrypted(replace(url, ssl_ca=str(authority)))
    assert encrypted(replace(url, ssl_ca=str(authority), host="localhost"))


def test_another_authority_is_refused(secured, tmp_path):
    url, _authority = secured
    other, _certificate, _key = tls.make(tmp_path)
    with pytest.raises(Failure, match="is not to be trusted") as caught:
        encrypted(replace(url, ssl_ca=str(other)))
    assert "ssl_ca" in caught.value.fix and url.password not in str(caught.value)


def test_another_name_is_refused(secured):
    url, authority = secured
    with pytest.raises(Failure, match="is not to be trusted"):
        encrypted(replace(url, ssl_ca=str(authority), host="127.0.0.2"))


def test_anything_but_this_machine_is_verified_without_being_asked(secured):
    """127.0.0.2 stands for another host: no option at all, and its unknown authority is refused."""
    url, _authority = secured
    with pytest.raises(Failure, match="is not to be trusted"):
        encrypted(replace(url, host="127.0.0.2"))


def test_an_authoritys_file_that_is_not_there_is_named(secured, tmp_path):
    with pytest.raises(Failure, match=r"nowhere\.pem of SOURCE_URL \(its ssl_ca\) cannot be read"):
        encrypted(replace(secured[0], ssl_ca=str(tmp_path / "nowhere.pem")))
