"""The stand-in's doors: open to programs of this machine that can sign, closed to web pages and everybody else."""

import http.client
import os
import pwd
from contextlib import closing
from urllib.parse import urlsplit

import boto3
import psycopg2
import pytest
from botocore.exceptions import ClientError

from redshift_stand_in.names import REGION, WORKGROUP
from stand_in_fixtures import connection_to


def code(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
    """What the server answers to just this request."""
    parts = urlsplit(url)
    with closing(http.client.HTTPConnection(parts.netloc)) as connection:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, headers)
        return connection.getresponse().status


def unsigned(key: str) -> dict[str, str]:
    """Headers of somebody who knows the access key, and not its secret."""
    scope = f"{key}/20260101/{REGION}/s3/aws4_request"
    signature = f"Credential={scope}, SignedHeaders=host;x-amz-date, Signature=x"
    return {"Authorization": f"AWS4-HMAC-SHA256 {signature}", "X-Amz-Date": "20260101T000000Z"}


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("moto-api/data.json", "GET"),
        ("moto-api/", "GET"),
        ("moto-api/reset", "POST"),
        ("moto-api/reset-auth", "POST"),
        ("{bucket}?list-type=2", "GET"),
        ("", "POST"),
    ],
)
def test_what_has_no_key_is_answered_nothing(redshift, s3, path, method):
    """moto's own pages show every secret key, and empty the lake."""
    s3.put_object(Bucket=redshift.bucket, Key=f"{redshift.prefix}/kept", Body=b"x")
    url = f"{redshift.endpoint}/{path.format(bucket=redshift.bucket)}"
    assert code(url, method) == 403
    assert code(url, method, **unsigned(redshift.access_key)) in (400, 403)
    assert s3.get_object(Bucket=redshift.bucket, Key=f"{redshift.prefix}/kept")["Body"].read() == b"x"


def signed(redshift, url: str, service: str, body: bytes = b"") -> dict[str, str]:
    """Headers with a signature that is right."""
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest("POST" if body else "GET", url, {"Host": urlsplit(url).netloc}, body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials(redshift.access_key, redshift.secret_key), service, REGION).add_auth(request)
    return dict(request.headers)


def test_a_web_page_is_refused_even_with_a_signature_that_is_right(redshift):
    url = f"{redshift.endpoint}/{redshift.bucket}?list-type=2"
    headers = signed(redshift, url, "s3")
    assert code(url, **headers) == 200
    assert code(url, **headers, Origin="http://page.example") == 403
    assert code(url, **headers | {"Host": f"page.example:{urlsplit(url).port}"}) == 403


ASKED = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "RedshiftServerless.GetCredentials"}


def test_a_password_is_given_to_whoever_signs_and_to_nobody_who_only_knows_the_access_key(redshift):
    body = b'{"workgroupName": "local"}'
    right = signed(redshift, redshift.credentials + "/", "redshift-serverless", body) | ASKED

    def ask(data: bytes = body, **changes: str) -> int:
        return code(redshift.credentials + "/", "POST", data, **right | changes)

    assert ask() == 200
    assert ask(**unsigned(redshift.access_key)) == 403
    assert ask(Authorization=right["Authorization"][:-1] + "x") == 403
    assert ask(Authorization="") == 403
    assert ask(data=b'{"workgroupName": "another"}') == 403
    assert ask(Origin="http://page.example") == 403
    assert ask(Host="page.example") == 403


def test_a_secret_key_that_is_wrong_is_refused_by_every_service(redshift):
    for service, operation, arguments in (
        ("s3", "list_objects_v2", {"Bucket": redshift.bucket}),
        ("redshift-serverless", "get_credentials", {"workgroupName": WORKGROUP}),
        ("iam", "list_users", {}),
    ):
        endpoint = redshift.credentials if service == "redshift-serverless" else redshift.endpoint
        client = boto3.client(
            service, endpoint_url=endpoint, region_name=REGION,
            aws_access_key_id=redshift.access_key, aws_secret_access_key="wrong",
        )  # fmt: skip
        with pytest.raises(ClientError, match=r"403|Forbidden|SignatureDoesNotMatch|AccessDenied"):
            getattr(client, operation)(**arguments)


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another user")
def test_another_user_of_this_machine_does_not_get_into_postgresql_by_its_socket(redshift):
    folder = f"{redshift.folder}/data"
    psycopg2.connect(host=folder, user="admin", dbname="dev").close()
    (another, password) = pwd.getpwnam("nobody").pw_uid, redshift.passwords["admin"]
    os.seteuid(another)  # the account that PostgreSQL's own files belong to, when root runs the stack
    try:
        with pytest.raises(psycopg2.OperationalError, match="Peer authentication failed"):
            psycopg2.connect(host=folder, user="admin", dbname="dev", password=password)
    finally:
        os.seteuid(0)
    connection_to(redshift).close()
