"""Passwords that AWS has: a token signed here, a secret read there, and what is said when there is none."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from loaders.common.errors import Failure
from loaders.source import aws_passwords, mysql_url

URL = mysql_url.parse("mysql://loader@shop.example.com:3307/order_he?iam=true", "SOURCE_URL")


@pytest.fixture
def session(s3_server, monkeypatch):
    """A boto3 session whose every service is the tests' own server."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server["endpoint_url"])
    keys = {name: value for name, value in s3_server.items() if name != "endpoint_url"}
    return boto3.Session(**keys)


def test_an_iam_token_is_signed_for_host_port_and_user(session):
    token = aws_passwords.completed(URL, session).password
    parts = urlsplit(f"https://{token.revealed()}")
    assert (parts.hostname, parts.port) == ("shop.example.com", 3307)
    query = parse_qs(parts.query)
    assert query["DBUser"] == ["loader"] and query["Action"] == ["connect"] and query["X-Amz-Signature"]


def test_a_secret_gives_user_and_password(session):
    held = json.dumps({"username": "reader", "password": "canary"})
    session.client("secretsmanager").create_secret(Name="shop/reader", SecretString=held)
    url = aws_passwords.completed(replace(URL, iam=False, secret="shop/reader"), session)
    assert (url.user, url.password) == ("reader", "canary")
    assert "canary" not in repr(url)


@pytest.mark.parametrize(
    ("text", "problem"), [(None, "AWS gave no password"), ("plain", "has no username and password")]
)
def test_a_secret_that_is_missing_or_has_another_form_is_named(session, text, problem):
    name = f"shop/{text}"
    if text:
        session.client("secretsmanager").create_secret(Name=name, SecretString=text)
    with pytest.raises(Failure, match=problem):
        aws_passwords.completed(replace(URL, iam=False, secret=name), session)


def test_a_url_with_a_password_of_its_own_is_left_as_it_is(session):
    url = replace(URL, iam=False, password="canary")
    assert aws_passwords.completed(url, session) == url
