"""With LAKE_KEY set, what somebody else wrote into the lake is refused; and every message about it leads on."""

import json
import secrets
import shutil
from dataclasses import dataclass, replace

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.common.errors import Failure
from loaders.lake import run_json, runs, sequences, signing
from loaders.lake.folder import Folder
from loaders.lake.s3 import S3
from loaders.retention import withdraw
from loaders.words.run_record import Run
from tests import commands
from tests.own_database import OwnDatabase
from tests.test_erase import erased
from tests.test_foreign_lake import SCHEMA, whole_record
from tests.test_runs import attempt, record

KEY, OTHER_KEY = "canary-of-a-key-" + "k" * 20, "canary-of-a-key-" + "o" * 20
OURS = signing.of(KEY)
SIGNED = OURS.signed(whole_record().to_json(), "_runs/7.json")
PLACES = [("", "_runs/7.json"), ("", "_runs/8.json"), ("", "_baselines/7.json"), ("raw", "_runs/7.json")]


def read(data: bytes, key: str = "_runs/7.json", how: signing.Signing = OURS) -> Run:
    return run_json.from_json(data, key, how)


def test_a_signed_record_says_what_it_said_and_is_of_the_published_form():
    assert read(SIGNED) == whole_record()
    SCHEMA.validate(json.loads(SIGNED))
    assert KEY.encode() not in SIGNED


@settings(max_examples=1000)
@given(
    st.integers(0, len(SIGNED) - 1), st.sampled_from(["exchange", "remove", "insert", "cut"]), st.binary(min_size=1)
)  # fmt: skip
def test_a_record_that_is_changed_in_any_byte_is_refused(place, how, new):
    before, after = SIGNED[:place], SIGNED[place:]
    changed = {
        "exchange": before + new + after[len(new) :],
        "remove": before + after[1:],
        "insert": before + new + after,
        "cut": before,
    }[how]
    if changed == SIGNED:
        return
    with pytest.raises(Failure, match=r"_runs/7\.json is (not what LAKE_KEY has signed there|unsigned)"):
        read(changed)


@settings(max_examples=100)
@given(st.sampled_from(PLACES), st.sampled_from(PLACES), st.sampled_from([KEY, OTHER_KEY]))
def test_a_signature_is_good_at_its_place_and_by_its_key_alone(there, here, key):
    """A record that is carried to another number, part of the lake or kind is refused before it is looked at."""
    data = OURS.below(there[0]).signed(b'{\n "run": 7}', there[1])
    reader = signing.of(key).below(here[0])
    if (there, key) == (here, KEY):
        assert reader.opened(data, here[1]) == b'{\n "run": 7}'
    else:
        with pytest.raises(Failure, match="not what LAKE_KEY has signed there"):
            reader.opened(data, here[1])


@pytest.mark.parametrize("key", ["x" * 31, " " * 40, "ㄱ" * 40, "x" * 31 + "\n"])
def test_a_key_that_could_be_guessed_is_refused_and_not_shown(key):
    with pytest.raises(Failure, match="a key has at least 32") as caught:
        signing.of(key)
    assert key not in str(caught.value) and "secrets.token_urlsafe" in caught.value.fix
    assert KEY not in repr(OURS)


@pytest.fixture(params=["folder", "s3"])
def lake(request, tmp_path):
    """A signed lake; and below it the lake of another schema."""
    if request.param == "folder":
        return Folder(tmp_path / "lake", OURS)
    client = boto3.client("s3", **request.getfixturevalue("s3_server"))
    bucket = f"lake-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    return S3(client, bucket, "order-he", signing=OURS)


def test_what_is_carried_about_in_a_lake_is_refused_in_every_store(lake):
    below = lake.below("_schemas/raw")
    for number in (1, 2):
        runs.publish(lake, record(number))
    runs.publish(below, replace(record(1, "b"), schema="other"))
    base = replace(record(2), attempt=f"baseline-{attempt(2)}", batches=())
    lake.create(run_json.baseline_key(2), runs.readable(lake, base, run_json.baseline_key(2)))
    assert [runs.read(lake, 2).run, runs.read_baseline(lake, 2).run, runs.read(below, 1).schema] == [2, 2, "other"]
    first = lake.read("_runs/1.json")
    for where, key in ((lake, "_runs/2.json"), (below, "_runs/1.json"), (lake, "_baselines/2.json")):
        was = where.read(key)
        where.replace(key, first)
        with pytest.raises(Failure, match="not what LAKE_KEY has signed there"):
            runs._read(where, key)
        where.replace(key, was)
    lake.replace("_runs/1.json", record(1).to_json())
    with pytest.raises(Failure, match=r"_runs/1\.json is unsigned, and LAKE_KEY is set"):
        runs.read(lake, 1)
    assert [type(part) for part in sequences.all_of(lake)] == [type(lake)] * 2


@dataclass(frozen=True)
class Shop(OwnDatabase):
    """A test's own database, whose lake is signed."""

    @property
    def lake(self) -> Folder:
        return Folder(self.folder / "lake", OURS)


@pytest.fixture
def unsigned(own):
    """A lake that is not signed: a run that raw holds, and one that waits."""
    own.write("create table t (id int primary key, v varchar(9))", "insert into t values (1, 'a'), (2, 'b')")
    own.run()
    own.write("delete from t where id = 2")
    own.extract(full=True)
    return own


@pytest.fixture
def shop(unsigned):
    """The same, signed by hand."""
    own = Shop(unsigned.shop_url, unsigned.source_url, unsigned.folder)
    for number in (1, 2):
        file = own.lake.folder / run_json.key_of(number)
        file.write_bytes(OURS.signed(file.read_bytes(), run_json.key_of(number)))
    return own


def call(own, *words: str, key: str | None = KEY):
    done = commands.python(own, "loaders", *words, CATALOG=str(own.catalog_file), LAKE_KEY=key or "")
    assert "canary" not in done.stdout + done.stderr and "Traceback" not in done.stderr
    return done


def done(own, *words: str, key: str | None = KEY) -> str:
    return commands.succeeded(call(own, *words, key=key))


def refused(own, *words: str, key: str | None = KEY) -> str:
    told = call(own, *words, key=key)
    assert told.returncode == 1, told.stdout
    return told.stderr or told.stdout


EVERY = [
    ["load"], ["extract"], ["extract", "--full", "--no-load"], ["replay"], ["plan"], ["verify"], ["status"],
    ["prune", "--keep-days", "0"], ["erase", "--table", "t", "--key", "2"], ["doctor"],
]  # fmt: skip


def test_a_lake_is_signed_once_and_whoever_has_no_key_is_told(unsigned):
    """Signing is turned on, the key is changed, and signing is turned off again: by what the messages say."""
    own = unsigned
    before = {key: own.lake.read(key) for key in own.lake.keys("")}
    for command in EVERY:
        told = refused(own, *command)
        assert "is unsigned, and LAKE_KEY is set" in told and "`python -m loaders sign` signs it" in told, command
    assert "LAKE_KEY is not set" in refused(own, "sign", key=None)
    looked = done(own, "sign", "--dry-run")
    assert "_runs/1.json is unsigned" in looked and "t 2 rows" in looked and "2 records" in looked
    assert {key: own.lake.read(key) for key in own.lake.keys("")} == before
    assert "2 records" in done(own, "sign") and "0 records" in done(own, "sign")
    done(own, "load")
    assert own.live("t", "id") == [(1,)] and "signed, and others refused" in done(own, "doctor")
    for command in (["load"], ["extract"], ["replay"], ["doctor"]):
        assert "is signed, and LAKE_KEY is not set" in refused(own, *command, key=None), command
    assert "run 3: " in done(own, "extract") and read(own.lake.read("_runs/3.json"), "_runs/3.json").run == 3
    assert "signed there: changed" in refused(own, "extract", key=OTHER_KEY)
    assert "3 records" in done(own, "sign", key=OTHER_KEY)
    done(own, "extract", key=OTHER_KEY)
    assert "LAKE_KEY is set" in refused(own, "sign", "--remove", key=OTHER_KEY)
    assert "4 records" in done(own, "sign", "--remove", key=None)
    assert "not signed: whoever may write" in done(own, "doctor", key=None)
    assert "run 5: " in done(own, "extract", key=None)
    assert json.loads(own.lake.read("_runs/1.json")) == json.loads(before["_runs/1.json"])


def test_a_run_that_somebody_else_wrote_is_given_up(shop):
    """A row that the source never had, in a file whose sum the record says."""
    own = shop
    own.write("insert into t values (3, 'c')")
    given_up = own.lake.read("_runs/2.json")
    theirs = own.folder / "theirs"
    shutil.copytree(own.lake.folder, theirs)
    own.extract(lake=Folder(theirs, signing.of(OTHER_KEY)).below("_nothing"), full=True)
    forged = next(theirs.rglob("_nothing/_runs/1.json"))
    for data in (
        own.lake.read("_runs/2.json").replace(b'"rows": 1', b'"rows": 2'), own.lake.read("_runs/1.json"),
        forged.read_bytes(), signing.without_signature(own.lake.read("_runs/2.json")),
    ):  # fmt: skip
        (own.lake.folder / "_runs/2.json").write_bytes(data)
        told = refused(own, "load")
        assert "_runs/2.json is " in told and "LAKE_KEY" in told and "`python -m loaders withdraw 2`" in told
    assert own.live("t", "id") == [(1,), (2,)]
    assert "not signed with LAKE_KEY" in done(own, "withdraw", "2")
    assert "run 2: " in done(own, "extract") and own.live("t", "id") == [(1,), (3,)]
    own.lake.replace("_runs/2.json", given_up)
    assert "holds run 2, which is not from the lake" in refused(own, "load"), "an older one of ours, put back"


def test_what_replaces_records_signs_them(shop):
    """`withdraw` keeps the one it gives up as it was, `erase` and `prune` write theirs; a killed `sign` goes on."""
    own = shop
    with own.opened("raw_own") as warehouse:
        chosen = withdraw.plan(own.lake, warehouse, 2)
        assert chosen[0].run and chosen[0].record == own.lake.read("_runs/2.json")
    assert own.load() == [2] and own.run().run == 3
    assert erased(own) > 0 and own.run().run == 4
    assert "removed 3 runs" in done(own, "prune", "--keep-days", "0")
    for key in ("_baselines/4.json", "_runs/4.json"):
        assert runs._read(own.lake, key).run == 4
    file = own.lake.folder / "_baselines/4.json"
    file.write_bytes(signing.without_signature(file.read_bytes()))
    told = refused(own, "replay")
    assert "_baselines/4.json is unsigned" in told and "set LAKE_URL to another folder" in told
    assert "set LAKE_URL to another folder" in refused(own, "withdraw", "4")
    assert "1 records" in done(own, "sign")
    done(own, "replay")
    assert own.live("t", "id") == [(1,)]


def test_out_of_a_baseline_that_nobody_signs_a_new_lake_leads(shop):
    own = shop
    own.load()
    done(own, "prune", "--keep-days", "0")
    (own.lake.folder / "_baselines/2.json").write_text("{}")
    assert "_baselines/2.json is unsigned" in refused(own, "replay")
    assert "_baselines/2.json is damaged" in refused(own, "sign")
    (own.folder / "lake").rename(own.folder / "given-up")
    done(own, "extract", "--no-load")
    done(own, "replay", "--replace")
    done(own, "extract")
    assert own.live("t", "id") == [(1,)]


def test_what_somebody_has_put_beside_our_records_is_removed(shop):
    """A baseline that hides the runs before it, and a part of the lake that hides all of them."""
    own = shop
    own.load()
    base = replace(runs.read(own.lake, 2), attempt=f"baseline-{attempt(2)}", batches=())
    planted = own.lake.folder / "_baselines/2.json"
    planted.parent.mkdir()
    planted.write_bytes(base.to_json())
    assert "remove it if _runs/1.json and all after it are there" in refused(own, "replay")
    planted.unlink()
    done(own, "replay")
    below = own.lake.below("_schemas/raw_own").folder
    shutil.copytree(own.lake.folder / "_runs", below / "_runs")
    assert "_schemas/raw_own/_runs/2.json is not what LAKE_KEY has signed there" in refused(own, "extract")
    done(own, "withdraw", "1")
    assert "run 3: " in done(own, "extract") and own.live("t", "id") == [(1,)]
