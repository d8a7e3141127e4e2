"""No credential is in a file, a notebook, or the history: the original project committed its database's password."""

import re
from pathlib import Path

import pytest

from loaders.common.settings import ROOT
from tests.git import git

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
PLACEHOLDERS = re.compile(
    r"(?i)^(PASSWORD|…|(what\?)?canary[\w=-]*|wrong|not-set|only-for-this-run|[a-z]{1,4}|hunter-?2)$"
)


def found_in(text: str) -> list[str]:
    return [
        f"{what}: {match[0][:60]}"
        for what, pattern in PATTERNS.items()
        for match in pattern.finditer(text)
        if not PLACEHOLDERS.match(match["secret"])
    ]


def in_files(root: Path) -> list[str]:
    """What looks like a credential in any file that git has or would take."""
    faults = []
    for name in git("ls-files", "-co", "--exclude-standard", root=root).splitlines():
        if name != "tests/test_secrets.py" and (root / name).is_file():
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            faults += [f"{name}: {fault}" for fault in found_in(text)]
    return faults


def in_history(root: Path) -> list[str]:
    """The same in every line that any commit has added, the removed ones too."""
    added = git("log", "-p", "--no-color", "--", ".", ":!tests/test_secrets.py", root=root)
    return found_in("\n".join(line for line in added.splitlines() if line.startswith("+")))


def test_no_file_holds_a_credential():
    assert in_files(ROOT) == []


def test_the_history_holds_none_either():
    assert in_history(ROOT) == []


def test_a_planted_one_is_found_in_a_notebook_and_in_the_history_after_it_was_removed(tmp_path):
    """As the original project had it: in a notebook's cell, and still in the history when the cell was gone."""
    cell = 'engine = create_engine(\\"mysql+pymysql://admin:Xy12!secret@db.example.com:3306/shop\\")'
    author = ("-c", "user.name=x", "-c", "user.email=x@example.com")
    git("init", "-q", root=tmp_path)
    (tmp_path / "load.ipynb").write_text(f'{{"cells": [{{"source": ["{cell}"]}}]}}')
    assert len(in_files(tmp_path)) == 1, "before it is even committed"
    git("add", ".", root=tmp_path)
    git(*author, "commit", "-qm", "load", root=tmp_path)
    (tmp_path / "load.ipynb").write_text("{}")
    git(*author, "commit", "-qam", "remove the password", root=tmp_path)
    assert in_files(tmp_path) == []
    assert len(in_history(tmp_path)) == 1


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
