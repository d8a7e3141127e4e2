"""Every command as another user, elsewhere, stopped by hand, on a full disk, into a closed pipe, in another locale.

Whatever becomes of it, it ends with an exit code and, where that is not 0, a sentence; and the next command works.
"""

import os
import re
import shlex
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from local_stack import redshift
from redshift_stand_in import stack
from tests import commands, odds
from tests.odds import Odd
from tests.own_database import OwnDatabase

COMMANDS = {
    "loaders.cli": (
        "status", "plan --sql", "extract", "extract --full --no-load", "load", "verify", "replay",
        "prune --keep-days 0", "withdraw 99", "erase --table 주문 --key 1", "doctor", "discover", "nonsense",
    ),
    "dashboard.cli": ("page", "export", "sql", "sql 'select 1'", "sql 'select nonsense'"),
    "seeds_generator.cli": ("day", "fill --fresh --orders 40 --customers 9 --products 5", "load {folder}/nothing.py"),
    "local_stack.cli": ("status --home {folder}/server", "down --home {folder}/server"),
    "exercises.__main__": ("check 5", "check"),
}  # fmt: skip
CALLS = [(program, call) for program, calls in COMMANDS.items() for call in calls]
# Into the dbt project itself: for who may not write there.
WRITING = [("loaders.cli", "discover --write odd_one"), ("loaders.cli", "dbt build")]
ELSEWHERE = Odd(folder="/", encoding="ascii")
# A file may have so many bytes as Python needs to find a folder for temporary ones.
CLOSED, FULL = Odd(output="closed"), Odd(output="/dev/full", file_bytes=100)
NOBODY = Odd(user="nobody", folder="/", encoding="ascii")


@pytest.fixture(scope="module", autouse=True)
def nothing_runs_on():
    """A check starts this checkout's stand-in and leaves it to the learner, who may have begun already."""
    before = stack.described(redshift.HOME)
    yield
    if not (before and stack.answers(before)):
        stack.down(redshift.HOME)


@pytest.fixture(scope="module")
def forker():
    with odds.started() as started:
        yield started


@pytest.fixture(scope="module")
def shop(module_own: OwnDatabase, forker):
    """A small shop, a table whose name no ASCII has, and a run in raw, in a folder into which others may look."""
    with tempfile.TemporaryDirectory(prefix="order-he-odds-") as name:
        Path(name).chmod(0o755)
        yield filled(replace(module_own, folder=Path(name)), forker)


def filled(own: OwnDatabase, forker) -> OwnDatabase:
    done = run(forker, own, "seeds_generator.cli", "fill --orders 40 --customers 9 --products 5")
    assert done.code == 0, done.err
    own.write("create table `주문` (id int primary key, v varchar(9))", "insert into `주문` values (1, '김')")
    own.discover()
    own.run()
    return own


@pytest.fixture(scope="module")
def plain(shop, forker):
    """How each call ends elsewhere, where letters are ASCII's; the forker then has all that they import."""
    ended = {(program, call): run(forker, shop, program, call) for program, call in CALLS}
    assert {call: each.err for (_program, call), each in ended.items() if not well_ended(each)} == {}
    codes = {call: each.code for (_program, call), each in ended.items() if each.code}
    assert codes == {
        "withdraw 99": 1, "erase --table 주문 --key 1": 1, "page": 1, "export": 1,
        "sql 'select nonsense'": 1, "nonsense": 2,
        "load {folder}/nothing.py": 1, "status --home {folder}/server": 1, "check 5": 1, "check": 1,
    }  # fmt: skip
    return ended


def run(forker, own: OwnDatabase, program: str, call: str, odd: Odd = ELSEWHERE) -> odds.Ended:
    out = {"page": f"page --out {own.folder}/page.html", "export": f"export --out {own.folder}/export"}
    words = shlex.split(out.get(call, call).format(folder=own.folder))
    if program == "seeds_generator.cli":
        words.append("--yes")
    environment = commands.settings(own) | {"CATALOG": str(own.catalog_file)}
    # The generator writes to no database that is also the source's.
    environment.pop("SOURCE_URL" if program == "seeds_generator.cli" else "SHOP_URL")
    return forker.run(program, *words, environment=environment, odd=odd)


def well_ended(ended: odds.Ended) -> bool:
    told = {2: "usage: ", 130: "stopped: "}.get(ended.code, "")
    ugly = re.search(r"Traceback|Exception ignored|^[\w.]*(Error|Exception): ", ended.err, re.MULTILINE)
    silent = ended.code in (1, 3, 4, 75) and not (ended.err + ended.out).strip()
    return ended.code in (0, 1, 2, 3, 4, 75, 130, 141) and not ugly and not silent and told in ended.err + ended.out


@pytest.mark.parametrize("odd", [CLOSED, FULL, NOBODY], ids=["closed", "full", "nobody"])
def test_every_command_ends_with_a_sentence(plain, shop, forker, odd):
    if odd.user and os.getuid():
        pytest.skip("only root can be another user")
    faults = []
    for program, call in CALLS + (WRITING if odd.user else []):
        ended = run(forker, shop, program, call, odd)
        if not well_ended(ended):
            faults.append(f"{program} {call}: {ended.code}\n{ended.out}{ended.err}")
    assert not faults, "\n".join(faults)
    assert_all_is_well(shop, forker)


def test_every_command_can_be_stopped_by_hand(plain, shop, forker):
    faults = []
    for number, (program, call) in enumerate(CALLS):
        steps = plain[program, call].steps
        ended = run(forker, shop, program, call, Odd(stop_at=1 + steps * (number % 3 + 1) // 4))
        if not well_ended(ended) or ended.code not in (130, plain[program, call].code):
            faults.append(f"{program} {call}: {ended.code}\n{ended.out}{ended.err}")
    assert not faults, "\n".join(faults)
    assert_all_is_well(shop, forker)


def assert_all_is_well(shop, forker):
    for program, call in (("seeds_generator.cli", "fill"), ("loaders.cli", "extract"), ("loaders.cli", "verify")):
        ended = run(forker, shop, program, call)
        assert ended.code == 0, ended.out + ended.err


READERS = [
    ("loaders.cli", "status"), ("loaders.cli", "dbt build"), ("dashboard.cli", "page"), ("dashboard.cli", "export"),
    ("dashboard.cli", "sql"), ("seeds_generator.cli", "day"),
]  # fmt: skip
UNREADABLE = {
    "not UTF-8": (lambda file: file.write_bytes(b"LAKE_URL=\xff"), "is not UTF-8"),
    "UTF-16": (lambda file: file.write_bytes("LAKE_URL=x".encode("utf-16-be")), "has the character NUL in it"),
    "a NUL in a value": (lambda file: file.write_text("AWS_REGION=a\0b"), "has the character NUL in it"),
    "a folder": (lambda file: file.mkdir(), "cannot be read (Is a directory)"),
    "a link to nothing": (lambda file: file.symlink_to("nowhere"), "cannot be read (No such file or directory)"),
    "nobody's to read": (lambda file: (file.touch(), file.chmod(0)), "cannot be read (Permission denied)"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_settings_that_cannot_be_read_end_every_command_with_a_sentence(forker, kind):
    """Read as an ordinary user: root may read everything."""
    make, said = UNREADABLE[kind]
    with tempfile.TemporaryDirectory(prefix="order-he-odds-") as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, ".env")
        before = os.umask(0o022)  # a command that was called in this process may have left another
        make(file)
        os.umask(before)
        odd = Odd(user=None if os.getuid() else "nobody", project=folder)
        for program, call in READERS:
            ended = forker.run(program, *call.split(), environment=commands.clean_environment(), odd=odd)
            assert (ended.code, ended.out) == (1, ""), (call, ended.out + ended.err)
            head, said_of, _fix = ended.err.partition(f" {file} {said}\n  fix: ")
            assert re.fullmatch(r"error \[[a-z0-9-]+\]:", head) and said_of, (call, ended.err)
            assert well_ended(ended), (call, ended.err)
