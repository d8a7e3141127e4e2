"""What CONTRIBUTING and its files say is so: linters, paths and targets are those that there are."""

import configparser
import json
import re
import subprocess
from collections import ChainMap, Counter
from itertools import pairwise

import yaml

from loaders.common.settings import ROOT
from tests.git import git

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAKE = (ROOT / "Makefile").read_text("utf-8")


def test_the_hooks_are_the_linters_of_make_lint():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", MAKE, re.MULTILINE)[1]
    linters = [line.strip().replace("$(RUN)", "$(BIN)/python -m").replace("$(BIN)", ".venv/bin")
               for line in recipe.splitlines()]  # fmt: skip
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert [hook["entry"].replace("sqlfluff fix", "sqlfluff lint") for hook in hooks] == linters


def test_every_yaml_of_dbts_has_a_schema_in_the_editor_and_every_named_selector_is_there():
    schemas = json.loads((ROOT / ".vscode/settings.json").read_text("utf-8"))["yaml.schemas"]
    named = [{*ROOT.glob(pattern)} for patterns in schemas.values() for pattern in patterns]
    tracked = {ROOT / name for name in git("ls-files", "-z", "dbt_project").split("\0") if name.endswith(".yml")}
    assert all(named) and sorted(tracked) == sorted(path for found in named for path in found if path in tracked)
    known = {each["name"] for each in yaml.safe_load((ROOT / "dbt_project/selectors.yml").read_text())["selectors"]}
    asked = git("grep", "-ohE", '[-][-]selector[", ]+[a-z]+')
    assert {re.findall("[a-z]+", line)[-1] for line in asked.splitlines()} == known


def test_every_path_and_every_target_that_contributing_names_is_there():
    paths = re.findall(r"`((?:tests|loaders|docs|packages|bench|requirements)/[\w./-]+)", CONTRIBUTING)
    written = "dbt_project/models/staging/billing"
    assert [path for path in paths if not path.startswith(written) and not (ROOT / path).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", MAKE, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", CONTRIBUTING)) <= targets


def test_every_command_that_contributing_shows_is_one_that_make_can_begin():
    """By `make -n`: CI runs them in earnest, this test within one of them."""
    (block,) = re.findall(r"^```sh\n(.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    inline = re.findall(r"`((?:\w+=\w+ )?make [^`]+)`", CONTRIBUTING)
    for command in (*block.splitlines(), *inline):
        dry = re.sub(r"\bmake\b", "make -n", command, count=1)
        done = subprocess.run(["bash", "-c", dry], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stderr}"


def editorconfig(name: str) -> dict[str, str]:
    """What .editorconfig says of a file; a later section goes before an earlier one."""
    said = configparser.ConfigParser()
    said.read_string("[ ]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    sections = [said[glob] for glob in said.sections() if matches(glob, name)]
    return {key: value for key, value in ChainMap(*reversed(sections)).items() if value != "unset"}


def matches(glob: str, name: str) -> bool:
    """EditorConfig's globs, as far as .editorconfig has them: one without a / is of names, in any folder."""
    anywhere = "" if "/" in glob else "(.*/)?"
    while braces := re.search(r"\{([^{}]*)\}", glob):
        glob = glob.replace(braces[0], f"({braces[1].replace(',', '|')})")
    glob = glob.replace(".", r"\.").replace("**", "\0").replace("*", "[^/]*").replace("\0", ".*")
    return re.fullmatch(anywhere + glob, name) is not None


def faults(name: str, text: str) -> set[str]:
    """In what a file is other than .editorconfig says."""
    said = editorconfig(name)
    lines = text.splitlines()
    indents = [re.match(r"[ \t]*", line)[0] for line in lines if line.strip()]
    steps = Counter(len(b) - len(a) for a, b in pairwise(indents) if len(b) > len(a))
    # ruff does not count what is said to it behind a line either.
    longest = max((len(re.sub(r"  # noqa.*", "", line)) for line in lines), default=0)
    wrong = {
        "end_of_line": "\r" in text,
        "insert_final_newline": not text.endswith("\n") and text != "",
        "trim_trailing_whitespace": re.search(r"[ \t]$", text, re.MULTILINE) is not None,
        "indent_style": any(
            re.match(r" " if said.get("indent_style") == "tab" else r" *\t", indent) for indent in indents
        ),
        "indent_size": bool(steps) and str(steps.most_common(1)[0][0]) != said.get("indent_size"),
        "max_line_length": longest > int(said.get("max_line_length", longest)),
    }
    return {key for key, is_wrong in wrong.items() if is_wrong and key in said}


def test_every_file_is_as_editorconfig_says():
    for name in filter(None, git("ls-files", "-z").split("\0")):
        if (ROOT / name).is_file() and b"\0" not in (data := (ROOT / name).read_bytes()):
            assert faults(name, data.decode("utf-8")) == set(), name


def test_editorconfig_agrees_with_ruff_and_sqlfluff():
    tools = (ROOT / "pyproject.toml").read_text("utf-8")
    python, model = editorconfig("loaders/x.py"), editorconfig("dbt_project/models/marts/x.sql")
    assert re.findall(r"^line-length = (\d+)", tools, re.MULTILINE) == [python["max_line_length"]]
    assert re.findall(r"^max_line_length = (\d+)", tools, re.MULTILINE) == [model["max_line_length"]]
    # Both indent by 4 unless told otherwise.
    assert python["indent_size"] == model["indent_size"] == "4"
    assert not re.search(r"indent-width|tab_space_size|indent-style", tools)


def test_a_file_that_is_otherwise_is_seen():
    odd = "if x:\r\n  y = 1 \n\tz" + "z" * 120
    assert faults("x.py", odd) == {
        "end_of_line", "insert_final_newline", "trim_trailing_whitespace", "indent_style", "indent_size",
        "max_line_length",
    }  # fmt: skip
    assert faults("dashboard/vendor/x.js", "  x") == set() and faults("Makefile", "x:\n\ty\n") == set()
    assert faults("Makefile", "x:\n    y\n") == {"indent_style"}
