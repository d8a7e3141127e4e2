"""What CONTRIBUTING and its files say is so: linters, paths and targets are those that there are."""

import re

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
    assert [hook["entry"] for hook in hooks] == linters


def test_every_path_and_every_target_that_contributing_names_is_there():
    paths = re.findall(r"`((?:tests|loaders|docs|packages|bench|requirements)/[\w./-]+)", CONTRIBUTING)
    written = "dbt_project/models/staging/billing"
    assert [path for path in paths if not path.startswith(written) and not (ROOT / path).exists()] == []
    targets = set(re.findall(r"^([a-z-]+):", MAKE, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", CONTRIBUTING)) <= targets


def test_files_are_as_editorconfig_says():
    for name in git("ls-files").split("\n"):
        path = ROOT / name
        if path.suffix in (".py", ".sql", ".md", ".yml", ".toml", ".sh", ".js", ".css") and path.is_file():
            data = path.read_bytes()
            assert b"\r" not in data and data[-1:] in (b"\n", b""), name
            data.decode("utf-8")
