"""Database URLs: what is read, what is refused, and that a password is never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import mysql_url
from loaders.errors import Failure

text = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


@given(user=text, password=text, database=text)
def test_a_url_is_read_back_whatever_characters_are_in_it(user, password, database):
    url = mysql_url.DatabaseURL(user, "shop.example.com", 3307, database, password, ssl_ca="/etc/ssl/ca.pem")
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
        ("mysql://u:canary@h/d?charset=x", "SOURCE_URL has an unknown option: charset"),
    ],
)
def test_a_wrong_url_is_refused_without_showing_it(given_url, problem):
    with pytest.raises(Failure) as caught:
        mysql_url.parse(given_url, "SOURCE_URL")
    assert caught.value.problem == problem
    assert "canary" not in str(caught.value)


def test_a_host_that_is_not_there_is_explained():
    with pytest.raises(Failure) as caught:
        mysql_url.connect(mysql_url.parse("mysql://u:canary@127.0.0.1:9/d", "SOURCE_URL"), "SOURCE_URL")
    assert "127.0.0.1:9 cannot be reached" in caught.value.problem
    assert "SOURCE_URL" in caught.value.fix
    assert "canary" not in str(caught.value)
