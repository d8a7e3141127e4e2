"""A shop full of canaries, every command on it, and many that fail: no log, page, file or artifact has one of them.

As a CI runs it. Where rows belong, in the lake and the warehouse, they are; the password is nowhere.
"""

import re

import pytest

from tests import commands, small_shop
from tests.forked_dbt import dbt

PERSONAL = {
    "name": "canaryname", "email": "canary@mail.example", "phone": "0800-canary", "address": "Canary 1",
    "request": "canaryrequest",
}  # fmt: skip
AWS = "canaryawssecret"
LAKE_KEY = "canary-of-the-lakes-key-0123456789"
EVERY = {
    "extract": ["loaders", "extract"],
    "extract --full": ["loaders", "extract", "--full", "--parallel", "2"],
    "status": ["loaders", "status"],
    "plan": ["loaders", "plan", "--sql"],
    "verify": ["loaders", "verify"],
    "verify --deep": ["loaders", "verify", "--deep"],
    "doctor": ["loaders", "doctor"],
    "discover": ["loaders", "discover"],
    "replay": ["loaders", "replay"],
    "load": ["loaders", "load"],
    "prune": ["loaders", "prune", "--keep-days", "0", "--dry-run"],
    "page": ["dashboard", "page", "--out", "page.html"],
    "docs": ["dashboard", "docs", "--out", "docs.html"],
    "export": ["dashboard", "export", "--out", "exported"],
}
CHANGED = "update raw.customer set name = 'other', email = 'other' where customer_id = 1"
# What was done to the shop or to raw before, and the command that then fails.
FAILING = {
    "a value that was changed in raw": (None, CHANGED, ["loaders", "verify", "--deep"]),
    "a row that raw lacks": (None, "delete from raw.customer where customer_id = 1", ["loaders", "verify"]),
    "a person who is still at the source": (None, None, ["loaders", "erase", "--table", "customer", "--key", "1"]),
    "a lake that has no signature any more": (None, None, ["loaders", "sign", "--remove"]),
    "a key that is none": (None, None, ["loaders", "erase", "--table", "customer", "--key", "canaryname"]),
    "a date that has no home": (
        "update customer set created_at = '0000-00-00' where customer_id = 1", None, ["loaders", "extract"],
    ),
}  # fmt: skip


@pytest.fixture
def ci(own):
    """A way to run a command on a shop of canaries, as in a CI: (exit code, what it printed)."""
    small_shop.create(own)
    own.write(
        *(small_shop.customer(number, "KR", "2024-01-01") for number in (1, 2)),
        small_shop.product(1, "P", "1.00", "2024-01-01"),
        *(small_shop.order(number, number, 1, "2024-02-01 10:00:00") for number in (1, 2)),
        *(f"update customer set {name} = '{text}'" for name, text in PERSONAL.items() if name != "request"),
        f"update `order` set request = '{PERSONAL['request']}'",
    )
    places = ("page.html", "docs.html", "exported")

    def run(module: str, *arguments: str) -> tuple[int, str]:
        placed = [str(own.folder / each) if each in places else each for each in arguments]
        done = commands.python(own, module, *placed, CI="true", AWS_SECRET_ACCESS_KEY=AWS, LAKE_KEY=LAKE_KEY)
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


def test_no_canary_leaves_the_lake_and_the_warehouse(own, ci):
    password = re.search(r"://[^:]+:([^@]+)@", own.source_url)[1]
    settings = {"CI": "true", "AWS_SECRET_ACCESS_KEY": AWS, "LAKE_KEY": LAKE_KEY}
    code, told = ci(*EVERY["extract"])
    assert code == 0, told
    printed = {"dbt build": dbt(own, "build", **settings), "dbt docs": dbt(own, "docs", "generate", **settings)}
    for what, words in EVERY.items():
        code, printed[what] = ci(*words)
        assert code == 0, f"{what}: {printed[what]}"
    for what, (at_source, in_raw, words) in FAILING.items():
        if at_source:
            own.write("set sql_mode = ''", at_source)
        if in_raw:
            with own.opened("raw") as warehouse:
                warehouse.connection.execute(in_raw)
        code, printed[what] = ci(*words)
        assert code == (3 if what == "a date that has no home" else 1), f"{what}: {printed[what]}"
    with own.opened("raw") as warehouse:
        warehouse.connection.execute("insert into raw.customer select * from raw.customer where customer_id = 2")
    printed["dbt test fails"] = dbt(own, "build", fails=True, **settings)

    theirs = (f"{own.folder}/lake/", str(own.warehouse_path))  # where rows belong
    artifacts = [file for file in own.folder.rglob("*") if file.is_file() and not str(file).startswith(theirs)]
    secrets = [*PERSONAL.values(), password, AWS, LAKE_KEY]
    shown = {f"what `{what}` printed": text.encode() for what, text in printed.items()}
    shown |= {str(file.relative_to(own.folder)): file.read_bytes() for file in artifacts}
    assert {"target/manifest.json", "target/run_results.json", "logs/dbt.log", "page.html", "docs.html"} < set(shown)
    assert sum(name.startswith("exported/") for name in shown) > 10
    found = [
        f"{secret} in {name}" for name, content in shown.items() for secret in secrets if secret.encode() in content
    ]
    assert found == []
    kept = [file.read_bytes() for file in own.folder.rglob("*") if file.is_file() and str(file).startswith(theirs)]
    assert any(b'"signature": "' in content for content in kept)
    assert not any(LAKE_KEY.encode() in content for content in kept), "nor is the lake's key in the lake"


def test_a_canary_that_is_not_hidden_would_be_found(own, ci):
    """The same, where values are shown: so the search finds what it looks for."""
    assert ci(*EVERY["extract"])[0] == 0
    assert PERSONAL["name"].encode() in own.warehouse_path.read_bytes()
    with own.opened("raw") as warehouse:
        warehouse.connection.execute(CHANGED)
    _code, told = ci("loaders", "verify", "--deep", "--values")
    assert PERSONAL["name"] in told and PERSONAL["email"] in told
