"""docs/aws.md: each command bears the mark of what judged it, and what judged it does so here."""

import json
import re
import secrets
import shlex
from contextlib import closing
from typing import Any, NamedTuple

import boto3
import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.validate import validate_parameters

from infra import aws
from loaders.common.settings import ROOT
from loaders.source import log_in, mysql_url
from stand_in_fixtures import ask, redshift, s3, schema  # noqa: F401 (fixtures)

PAGE = (ROOT / "docs/aws.md").read_text("utf-8")
MARKS = {"ran", "moto", "form", "read"}
MARK = re.compile(r"^(?:#|--) \[(\w+)\]\n", re.MULTILINE)
# What the AWS CLI has over its API.
OF_THE_CLI = {("ec2", "authorize-security-group-ingress"): {"protocol", "port", "cidr"}}
OF_EVERY_CALL = {"region", "query", "output"}


class Entry(NamedTuple):
    mark: str
    text: str


def entries(page: str = PAGE) -> list[Entry]:
    """What stands in the page's blocks, after one mark up to the next."""
    found = []
    for before, kind, block in re.findall(r"([^\n]*)\n+```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        if kind == "json":  # which has no comments
            found += [Entry(mark, block) for mark in re.findall(r"`\[(\w+)\]`", before)]
            assert len(re.findall(r"`\[(\w+)\]`", before)) == 1, f"no mark before {block}"
        else:
            first, *rest = MARK.split(block)
            assert not first, f"no mark before {first}"
            found += [Entry(*pair) for pair in zip(rest[::2], rest[1::2], strict=True)]
    return found


def commands(text: str) -> list[list[str]]:
    """The words of each call of `aws`."""
    lexer = shlex.shlex(text.replace("\\\n", " ").replace("\n    ", " "), posix=True, punctuation_chars="&;>\n")
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    found, open_call = [], False
    for word in lexer:
        if word == "aws":
            found.append([])
        elif set(word) <= set("&;>\n"):
            open_call = False
            continue
        if found and (open_call or word == "aws"):
            open_call = True
            found[-1].append(word)
    return [words[1:] for words in found]


CALLS = [(entry.mark, words) for entry in entries() for words in commands(entry.text)]
SESSION = botocore.session.get_session()


def model(words: list[str]) -> Any:
    """AWS's description of an operation."""
    service = SESSION.get_service_model({"s3api": "s3"}.get(words[0], words[0]))
    return service.operation_model({xform_name(name, "-"): name for name in service.operation_names}[words[1]])


def value(shape: Any, words: list[str]) -> Any:
    """As the AWS CLI reads an option: JSON, its shorthand K=V,K=V, or a scalar."""
    text = " ".join(words)
    if shape.type_name in ("structure", "list", "map"):
        if text[0] in "[{":
            return json.loads(text)
        if shape.type_name == "list":
            return [value(shape.member, [word]) for word in words]
        pairs = [pair.split("=", 1) for pair in text.split(",")]
        return {key: value(shape.members[key], [given]) for key, given in pairs}
    return {"integer": int, "long": int, "boolean": "true".__eq__}.get(shape.type_name, str)(text)


def call(words: list[str]) -> dict[str, Any]:
    """The parameters of the operation that a call of the AWS CLI asks for; KeyError for an option that it has not."""
    members = {xform_name(name, "-"): (name, shape) for name, shape in model(words).input_shape.members.items()}
    parameters = {}
    for option in re.split(r"\0?--", "\0".join(words[2:]))[1:]:
        name, *given = option.split("\0")
        if name in OF_THE_CLI.get((words[0], words[1]), set()) | OF_EVERY_CALL:
            parameters[f"cli:{name}"] = given
        elif given:
            parameters[members[name][0]] = value(members[name][1], given)
        else:
            on = name in members
            parameters[members[name if on else name.removeprefix("no-")][0]] = on
    return parameters


def filled(words: list[str], names: dict[str, str]) -> list[str]:
    return [re.sub(rf"\b({'|'.join(names)})\b", lambda found: names[found[0]], word) for word in words]


def test_every_command_has_a_mark_and_the_page_says_what_each_means():
    explained = set(re.findall(r"^\| `\[(\w+)\]` \|", PAGE, re.MULTILINE))
    assert explained == MARKS == {entry.mark for entry in entries()}
    assert len(entries()) > 20
    for mark, words in CALLS:
        assert mark == "read" or words[0] != "s3", f"the API has no operation for `aws {' '.join(words)}`"
        assert mark != "ran", "nobody has run it on AWS"


def test_a_block_without_a_mark_is_seen():
    with pytest.raises(AssertionError, match="no mark before aws x"):
        entries("see:\n\n```text\naws x\n```\n")
    with pytest.raises(AssertionError, match="no mark before"):
        entries("see:\n\n```json\n{}\n```\n")


@pytest.mark.parametrize("words", [words for mark, words in CALLS if mark in ("moto", "form")], ids=lambda w: w[1])
def test_the_options_are_those_of_awss_own_description(words):
    words = filled(words, {"ACCOUNT": "123456789012"})
    given = {name: each for name, each in call(words).items() if not name.startswith("cli:")}
    assert not (wrong := validate_parameters(given, model(words).input_shape)), wrong
    for name, each in given.items():
        allowed = getattr(model(words).input_shape.members[name], "enum", [])
        assert not allowed or each in allowed, f"{name} is one of {allowed}"


def test_an_option_that_aws_does_not_know_is_seen():
    with pytest.raises(KeyError):
        call(["s3api", "create-bucket", "--bukket", "x"])
    assert call(["rds", "modify-db-parameter-group", "--parameters", "ParameterName=a,ApplyMethod=immediate"]) == {
        "Parameters": [{"ParameterName": "a", "ApplyMethod": "immediate"}]
    }


def test_moto_takes_the_calls_in_the_pages_order(s3_server):
    mine = secrets.token_hex(6)

    def client(service: str) -> Any:
        return boto3.client({"s3api": "s3"}.get(service, service), **s3_server | {"region_name": "eu-west-1"})

    group = client("ec2").create_security_group(GroupName=mine, Description="x")["GroupId"]
    names = {
        "ACCOUNT": "123456789012", "REGION": "eu-west-1", "BUCKET": f"b-{mine}", "INSTANCE": f"i-{mine}",
        "GROUP": group, "ADDRESS": "198.51.100.7", "order-he": f"order-he-{mine}", "YOU@EXAMPLE.COM": "you@example.com",
    }  # fmt: skip
    _loaders, above = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    sent = 0
    for mark, words in CALLS:
        if mark == "moto":
            words = [above if word == "file://the-policy-above.json" else word for word in words]
            parameters = call(filled(words, names))
            if "cli:port" in parameters:
                (protocol,), (port,), (cidr,) = (parameters.pop(f"cli:{name}") for name in ("protocol", "port", "cidr"))
                parameters |= {"IpProtocol": protocol, "FromPort": int(port), "ToPort": int(port), "CidrIp": cidr}
            parameters.pop("cli:region", None)
            getattr(client(words[0]), xform_name(model(words).name))(**parameters)
            sent += 1
    assert sent >= 12
    assert client("iam").list_roles()["Roles"] == []


def test_the_settings_are_those_that_are_read():
    known = (ROOT / ".env.example").read_text() + (ROOT / "profiles.example.yml").read_text()
    lines = [line for entry in entries() for line in re.findall(r"^[A-Z_]+=.*", entry.text, re.MULTILINE)]
    lines = [line for line in lines if not line.startswith(("MAILTO", "SHOP_URL"))]
    assert len(lines) == 10
    for line in lines:
        name, _, said = line.partition("=")
        assert re.search(rf"\b{name}\b", known), name
        if name == "SOURCE_URL":
            mysql_url.parse(said, name)


def test_mysqls_statements_run(mysql_server, database):
    (said,) = [entry.text for entry in entries() if "identified by" in entry.text]
    user = f"l{secrets.token_hex(6)}"
    administrator = mysql_url.parse(mysql_server.url("root", "mysql"), "the server's URL")
    with closing(log_in.connect(administrator, "x")) as connection, connection.cursor() as cursor:
        try:
            for statement in said.replace("'loader'", f"'{user}'").replace("order_he.", f"`{database}`.").splitlines():
                cursor.execute(statement.partition(";")[0])
            cursor.execute(f"show grants for '{user}'@'%'")
            assert "LOCK TABLES" in str(cursor.fetchall())
        finally:
            cursor.execute(f"drop user '{user}'@'%'")


def test_what_make_is_asked_for_is_there():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = set(re.findall(r"\bmake ([a-z-]+)", "\n".join(entry.text for entry in entries())))
    assert asked and asked <= targets


def test_the_workflows_are_yaml():
    found = re.findall(r"```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert [yaml.safe_load(found[0])["name"]] == ["nightly"]


def test_the_workflow_of_pull_requests_asks_what_aws_knows_of_what_the_stacks_put_out():
    (text,) = re.findall(r"```yaml\n(.*?)^```$", (ROOT / "infra/README.md").read_text(), re.MULTILINE | re.DOTALL)
    step = yaml.safe_load(text)["jobs"]["build"]["steps"][-1]
    calls = {words[1]: words for words in commands(step["run"])}
    assert calls.keys() == {"get-login-password", "run-task", "wait", "describe-tasks"}
    for name in ("run-task", "describe-tasks"):
        given = {key: each for key, each in call(calls[name]).items() if not key.startswith("cli:")}
        assert not validate_parameters(given, model(calls[name]).input_shape)
    known = {
        re.sub("(?<=[a-z])(?=[A-Z])", "_", each).upper()
        for stack in aws.ORDER
        for each in aws.template(stack)[1]["Outputs"]
    }
    assert {name for name in step["env"] if name != "NUMBER"} <= known
    assert set(re.findall(r"vars\.(\w+)", text)) - {"AWS_REGION"} <= known


def test_redshifts_statements_run(ask, schema):  # noqa: F811
    """Twice: those of the administrator, and those as order_he, after the first load."""
    (said,) = [entry.text for entry in entries() if "create user order_he" in entry.text]
    mine = secrets.token_hex(4)
    users = {"order_he": f"o{mine}", "bi_reader": f"b{mine}"}
    names = users | {"developers": f"d{mine}", "raw": schema, "…": "Abcdefg1"}
    said = re.sub(r"\b(order_he|bi_reader|developers|raw)\b|…", lambda found: names[found[0]], said)
    statements = [line.partition(";")[0] for line in said.splitlines() if ";" in line]
    assert len(statements) == 7
    ask(f"create table {schema}.t (id int)")
    try:
        for statement in statements:
            ask(statement)
        ((granted,),) = ask(f"select count(*) from pg_default_acl where defaclacl::text like '%d{mine}%'")
        assert granted == 1
    finally:
        ask(f"alter default privileges for user o{mine} in schema {schema} revoke select on tables from group d{mine}")
        ask(f"revoke all on all tables in schema {schema} from group d{mine}")
        ask(f"revoke usage on schema {schema} from group d{mine}")
        ask(f"revoke create on database dev from o{mine}")
        ask(f"drop user o{mine}")
        ask(f"drop user b{mine}")
        ask(f"drop group d{mine}")
