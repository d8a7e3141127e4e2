"""What a failure tells its reader to do can be done: every command, option and setting that our texts name is there."""

import argparse
import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from loaders.common.settings import ROOT
from tests.git import git

PACKAGES = ("loaders", "dashboard", "seeds_generator", "local_stack", "exercises", "bench", "packages")
# How each program's command line is called: the module whose `main` parses it.
PROGRAMS = {
    "loaders": "loaders.cli",
    "dashboard": "dashboard.cli",
    "seeds_generator": "seeds_generator.cli",
    "local_stack": "local_stack.cli",
    "local_stack.redshift": "local_stack.redshift",
    "redshift_stand_in": "redshift_stand_in.command",
    "local_stack.faults": "local_stack.faults",
    "exercises": "exercises.__main__",
}
# What a target of the Makefile hands its ARGS to.
MAKE = (ROOT / "Makefile").read_text()
MACROS = "".join(file.read_text("utf-8") for file in (ROOT / "dbt_project/macros").rglob("*.sql"))
# Names in capitals that are no settings of ours: of other programs that a remedy calls.
NOT_OURS = {"MARIADB_ROOT_PASSWORD"}


@dataclass(frozen=True)
class Text:
    """A text of the code, what stands in its holes as {}. failure: it is handed to a Failure."""

    place: str
    text: str
    failure: bool

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def texts() -> Iterator[Text]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            yield from _texts(file.relative_to(ROOT).as_posix(), ast.parse(file.read_text("utf-8")))


def _texts(name: str, tree: ast.Module) -> Iterator[Text]:
    nodes = list(ast.walk(tree))
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    told = {
        id(part)
        for node in nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id.endswith(("Failure", "StandInError"))
        for part in ast.walk(node)
    }
    for node in nodes:
        if id(node) in parts | docs:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        yield Text(f"{name}:{node.lineno}", text, id(node) in told)


TEXTS = list(texts())


class Built(Exception):
    """Carries the parser that a program has built."""


@pytest.fixture(scope="module")
def parsers():
    """Every program's command line, as its `main` builds it."""

    def caught(parser: argparse.ArgumentParser, *_arguments) -> None:
        raise Built(parser)

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(argparse.ArgumentParser, "parse_args", caught)
        for program, module in PROGRAMS.items():
            with pytest.raises(Built) as built:
                importlib.import_module(module).main()
            (found[program],) = built.value.args
    return found


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """By name; a program whose commands are choices of a positional argument has its own parser for each."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
        if not action.option_strings and action.choices:
            return dict.fromkeys(action.choices, parser)
    return {}


def fault(words: list[str], parser: argparse.ArgumentParser, program: str) -> str | None:
    """What of `extract --full --tables {}` the program does not know."""
    known, inner = subcommands(parser), parser
    if words and not words[0].startswith(("-", "{")):
        if words[0] not in known:
            return f"python -m {program} has no command {words[0]}"
        inner = known[words[0]]
    options = {option for action in inner._actions for option in action.option_strings}
    unknown = [word for word in words if word.startswith("--") and word.partition("=")[0] not in options]
    return f"python -m {program} {words[0]} has no option {unknown[0]}" if unknown else None


def targets() -> dict[str, str]:
    """Every target of the Makefile, and its recipe."""
    return dict(re.findall(r"^([a-z-]+):(?!=).*\n((?:\t.*\n)*)", MAKE, re.MULTILINE))


def make_fault(words: list[str], parsers) -> str | None:
    """What of `make extract ARGS="--full"` there is not."""
    given = dict(word.split("=", 1) for word in words if re.match(r"[A-Z]+=", word))
    named = [word for word in words if "=" not in word and word != "make" and not word.startswith("{")]
    for target in named:
        if target not in targets():
            return f"the Makefile has no target {target}"
    for variable in given:
        if f"$({variable})" not in MAKE and not re.search(rf"^{variable} \?=", MAKE, re.MULTILINE):
            return f"the Makefile reads no {variable}"
    if "ARGS" in given and named:
        called = re.search(r"\$\(RUN\) ([\w.]+) (\w+)", targets()[named[-1]])
        if called and called[1] in parsers:
            return fault([called[2], *shlex.split(given["ARGS"])], parsers[called[1]], called[1])
    return None


def command_fault(said: str, parsers) -> str | None:
    """What is wrong with a command between backticks; None also for what is none of ours."""
    if (named := re.search(r" run-operation (\w+)", said)) and f"macro {named[1]}(" not in MACROS:
        return f"the dbt project has no macro {named[1]}"
    for part in re.split(r"\s*&&\s*|;\s*", said):
        words = shlex.split(part.replace("…", "{}"))
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words[:1] == ["make"]:
            found = make_fault(words[1:], parsers)
        elif len(words) > 2 and words[0].endswith("python") and words[1] == "-m":
            found = fault(words[3:], parsers[words[2]], words[2]) if words[2] in parsers else f"no program {words[2]}"
        elif words and words[0] in subcommands(parsers["loaders"]):
            found = fault(words, parsers["loaders"], "loaders")
        else:
            found = None
        if found:
            return found
    return None


def test_every_command_between_backticks_exists(parsers):
    said = [(text, command) for text in TEXTS for command in re.findall(r"`([^`]+)`", text.text)]
    looked_at = [command for _text, command in said if re.match(r"make |python -m ", command)]
    assert len(looked_at) > 50, "the walk has lost its way"
    faults = [f"{text.place}: `{command}`: {found}" for text, command in said if (found := _fault(command, parsers))]
    assert not faults, "\n".join(faults)


def _fault(command: str, parsers) -> str | None:
    try:
        return command_fault(command, parsers)
    except ValueError:  # a lone quote: SQL
        return None


def test_every_command_that_dbt_names_exists(parsers):
    faults, seen = [], 0
    for file in (ROOT / "dbt_project").glob("*/**/*.sql"):
        if "target" in file.parts:
            continue
        for command in re.findall(r"`([^`]+)`", file.read_text("utf-8")):
            seen += command.startswith("make ")
            if found := _fault(command, parsers):
                faults.append(f"{file.name}: `{command}`: {found}")
    assert seen > 3 and not faults, "\n".join(faults)


def test_every_option_that_a_failure_names_exists(parsers):
    """Also where no backtick is around it: say --yes if you mean it."""
    known = {
        option
        for top in parsers.values()
        for parser in (top, *subcommands(top).values())
        for action in parser._actions
        for option in action.option_strings
    }
    named = {
        (text, option)
        for text in TEXTS
        if text.failure
        for option in re.findall(r"(?<![\w`-])--[a-z][a-z-]+", text.text)
    }
    unknown = sorted(f"{text.place}: {option}" for text, option in named if option not in known)
    assert named and not unknown, "\n".join(unknown)


def test_every_setting_that_a_failure_names_is_read_somewhere():
    """A name in capitals with a _ in it is a setting, and a setting stands between quotes where it is read."""
    code = "\n".join(
        (ROOT / name).read_text("utf-8")
        for name in git("ls-files", "-co", "--exclude-standard").splitlines()
        if name.endswith((".py", ".yml", "Makefile")) and not name.startswith("tests/") and Path(ROOT / name).is_file()
    )
    read = {found[1] for found in re.finditer(r"""["']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["']""", code)}
    named = {
        (text.place, name)
        for text in TEXTS
        if text.failure
        for name in re.findall(r"(?<![\w@.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w.])", text.text)
    }
    unknown = sorted(f"{place}: {name}" for place, name in named if name not in read | NOT_OURS)
    assert len(named) > 10 and not unknown, "\n".join(unknown)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("make extrakt", "has no target extrakt"),
        ("make up sede", "has no target sede"),
        ('make extract ARGS="--ful"', "no option --ful"),
        ("make extract WHAT=1", "reads no WHAT"),
        ("python -m loaders relay", "no command relay"),
        ("python -m loaders replay --to-rum 7", "no option --to-rum"),
        ("extract --no-lode", "no option --no-lode"),
        ("python -m loader load", "no program loader"),
        ("make up && make sed", "has no target sed"),
        ("python -m loaders dbt run-operation count_rums", "no macro count_rums"),
        ('make prune ARGS="--keep-days 0"', None),
        ("DBT_TARGET=duckdb make load build export", None),
        ("python -m loaders extract --full --tables {}", None),
        ("grant select on {} to {}", None),
    ],
)
def test_the_walk_knows_what_is_wrong(parsers, command, said):
    found = command_fault(command, parsers)
    assert found is None if said is None else said in found
