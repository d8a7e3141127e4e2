"""No credential is in a file, a notebook, or the history: the original project committed its database's password."""

import re
import subprocess

import pytest

from loaders.settings import ROOT

# What a credential looks like; the names say what was found.
PATTERNS = {
    "a password in a URL": re.compile(
        r"[a-z][a-z0-9+]*://[^\s/:@\"'<>{}]+:(?P<secret>[^\s/@\"'<>{}]+)@(?P<host>[\w.-]+)"
    ),
    "a password in an assignment": re.compile(
        r"(?i)\b(password|passwd|pwd)[\"']?\s*[=:]\s*[\"'](?P<secret>[^\"'{}\s]{6,})[\"']"
    ),
    "an AWS access key": re.compile(r"\b(?P<secret>(AKIA|ASIA)[A-Z0-9]{16})\b"),
    "a private key": re.compile(r"-----BEGIN (?P<secret>[A-Z ]*PRIVATE KEY)-----"),
    "a database's address": re.compile(
        r"\b(?P<secret>[a-z0-9-]+\.[a-z0-9.-]+\.(rds|redshift|redshift-serverless)\.amazonaws\.com)\b"
    ),
}
# Words that stand for a password in documents and tests, and never were one.
PLACEHOLDERS = re.compile(r"(?i)^(PASSWORD|canary[\w-]*|wrong|not-set|only-for-this-run|[a-z]{1,4}|hunter-?2)$")


def found_in(text: str) -> list[str]:
    return [
        f"{what}: {match[0][:60]}"
        for what, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
        if not PLACEHOLDERS.match(match["secret"])
    ]


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, errors="replace", check=True
    ).stdout


def test_no_file_holds_a_credential():
    faults = []
    for name in git("ls-files", "-co", "--exclude-standard").splitlines():
        if name != "tests/test_secrets.py" and (ROOT / name).is_file():
            text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
            faults += [f"{name}: {fault}" for fault in found_in(text)]
    assert faults == []


def test_the_history_holds_none_either():
    added = git("log", "-p", "--no-color", "--", ".", ":!tests/test_secrets.py")
    assert found_in("\n".join(line for line in added.splitlines() if line.startswith("+"))) == []


@pytest.mark.parametrize(
    "planted",
    [
        'create_engine("mysql+pymysql://admin:Xy12!secret@shop-db.example.com:3306/order_he")',
        '{"source": ["conn = connect(password=\\"Xy12!secret\\")"]}'.replace('\\"', "'"),
        "password: 'Xy12!secret'",
        "aws_access_key_id = AKIA" + "ABCDEFGHIJKLMNOP",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "host = shop.abc123.ap-northeast-2.rds.amazonaws.com",
    ],
)
def test_a_planted_credential_is_found(planted):
    assert found_in(planted)
