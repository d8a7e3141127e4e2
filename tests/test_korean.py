"""Five commands in Korean, on a shop with marts: no sentence is left in English, every figure is the English one."""

import re

import pytest

from tests import commands
from tests.mart_machine import UNTESTED

# What is no text of ours: names, units and words of the trade. Paths, URLs and commands are taken out before.
NAMES = {
    "customer", "product", "order", "raw", "amount", "shop", "loader", "MySQL", "DuckDB", "UTC", "TLS", "LAKE", "URL",
    "KEY", "SOURCE", "ssl", "cert", "REQUIRE", "X", "dbt", "duckdb", "full", "incremental", "s", "ms", "min", "h", "B",
    "kB", "MB", "make", "build", "extract", "bucket", "prefix", "tables", "allow", "deletes", "odrer", "x",
}  # fmt: skip
TAKEN_OUT = re.compile(r"`[^`]+`|\S*/\S+|\[[a-z-]+\]|\S+_\S+|\d[\d.]*-MariaDB\S*|Access denied .*?1045")
# What differs between two runs of the same command: moments, ages and durations.
MOMENTS = re.compile(r"\d{4}-\d\d-\d\d[ T][\d:.]+|[\d.]+ (?:s|min|h)\b|[\d,]+(?: rows|행)/s|(?:/|://)\S+|\(1045\)")


@pytest.fixture
def filled(own):
    commands.succeeded(commands.python(own, "seeds_generator", "fill", "--yes", "--orders", "200", SOURCE_URL=""))
    own.write(
        "analyze table customer, product, `order`"
    )  # else the server estimates anew meanwhile, and `plan` says so
    return own


def printed(own, *words: str, code: int = 0, **changes: str) -> list[str]:
    done = commands.python(own, "loaders", *words, **changes)
    assert done.returncode == code, done.stdout + done.stderr
    return (done.stdout + done.stderr).splitlines()


def in_korean(own, *words: str, code: int = 0, **changes: str) -> list[str]:
    lines = printed(own, *words, "--lang", "ko", code=code, **changes)
    for line in lines:
        assert set(re.findall("[A-Za-z]+", TAKEN_OUT.sub(" ", line))) <= NAMES, line
    return lines


def figures(lines: list[str]) -> list[list[str]]:
    """Of each line, whatever their order: another language says them in another one."""
    return [sorted(re.findall(r"\d[\d,.]*\d|\d", MOMENTS.sub(" ", line))) for line in lines]


def alike(own, *words: str, code: int = 0, **changes: str) -> None:
    english, korean = printed(own, *words, code=code, **changes), in_korean(own, *words, code=code, **changes)
    assert figures(korean) == figures(english) and len(english) > 1
    assert any(re.search("[가-힣]", line) for line in korean)
    assert not re.search("[가-힣]", "".join(english))


def test_good_runs(filled):
    """Before the first run, after it, after the build, with a run that waits, and where the source has moved on."""
    for command in ("status", "plan", "doctor"):
        alike(filled, command)
    english, korean = (printed(filled, "plan", "--sql", "--lang", each) for each in ("en", "ko"))
    first = next(place for place, line in enumerate(english) if line.startswith("-- "))
    statements = [[MOMENTS.sub("", line) for line in lines[first:]] for lines in (english, korean)]
    assert statements[0] == statements[1] and len(statements[0]) > 20 and english[:first] != korean[:first]
    in_english = {"LAKE_URL": str(filled.folder / "other-lake"), "DUCKDB_PATH": str(filled.folder / "other.duckdb")}
    assert figures(in_korean(filled, "extract")) == figures(printed(filled, "extract", **in_english))
    commands.succeeded(commands.dbt(filled, "build", *UNTESTED))
    for command in (["status"], ["plan"], ["doctor"], ["verify"], ["verify", "--deep"]):
        alike(filled, *command)

    filled.write(
        "delete from `order` where order_id in (3, 5)", "update `order` set amount = amount + 1 where order_id = 7"
    )
    for command in (["verify"], ["verify", "--deep"]):
        alike(filled, *command, code=1)
    in_korean(filled, "extract")
    in_korean(filled, "extract", "--no-load")
    for command in ("status", "plan", "doctor"):
        alike(filled, command)
    alike(filled, "verify", code=1)  # the mart is of an older run
    assert filled.raw("_loads", "verdict", "raw")[0][0].startswith("equal: "), "what programs read is English"


def test_failures(filled):
    wrong = {"SOURCE_URL": re.sub("//loader:[^@]*@", "//loader:wrong@", filled.source_url)}
    for command in ("extract", "plan", "doctor"):
        alike(filled, command, code=1, **wrong)
    english, korean = (printed(filled, "plan", "--lang", each, code=1, **wrong) for each in ("en", "ko"))
    assert english[0].startswith("error [source-refused]: MySQL at ") and "check the user and password" in english[1]
    assert korean[0].startswith("오류 [source-refused]: MySQL(") and "비밀번호가 틀렸는지" in korean[1]

    in_korean(filled, "extract")
    filled.write("delete from `order`")
    english = printed(filled, "extract", code=3)
    assert english[0].startswith("error [deletes-refused]: 200 of the 200 rows of order") and len(english) == 2
    alike(filled, "extract", code=3)
    alike(filled, "extract", "--tables", "odrer", code=1)
    alike(filled, "status", code=1, LOOKBACK_MINUTES="1x")
    alike(filled, "verify", code=1, LAKE_URL="s3://")


@pytest.mark.parametrize(
    ("shell", "korean"),
    [
        ({"LANG": "ko_KR.UTF-8"}, True),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, False),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "en_US.UTF-8", "LC_ALL": "ko"}, True),
        ({"LANG": "C.UTF-8"}, False),
    ],
)
def test_the_shell_chooses_where_lang_does_not(own, shell, korean):
    shell = {"LC_ALL": "", "LC_MESSAGES": ""} | shell
    assert printed(own, "status", **shell)[0].startswith("원본" if korean else "source")
    assert printed(own, "status", "--lang", "en", **shell)[0].startswith("source")
    assert printed(own, "load", code=1, SOURCE_URL="", LAKE_URL="s3://", **shell)[0].startswith(
        "오류" if korean else "error"
    )
    assert printed(own, "discover", code=1, SOURCE_URL="mysql://x", **shell)[0].startswith("error")
