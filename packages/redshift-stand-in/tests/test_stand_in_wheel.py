"""The wheel by itself, in an empty environment, does what the README shows: with pytest, and with dbt."""

import os
import re
import subprocess
from pathlib import Path

from tests import wheels

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """The first one of the README in that language."""
    return re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)[1]


def test_the_readmes_examples_run_from_the_wheel(tmp_path):
    python = wheels.installed("redshift-stand-in", tmp_path)
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: other\nprofile: stand_in\n")
    (project / "models/two.sql").write_text("select 1 as id union all select 2")
    (project / "profiles.yml").write_text(block("yaml"))
    others = ["import pathlib, redshift_stand_in as it", "def test_place():",
              f"    assert pathlib.Path(it.__file__).is_relative_to({str(tmp_path)!r})",
              "    assert (pathlib.Path(it.__file__).parent / 'py.typed').exists()"]  # fmt: skip
    (project / "test_readme.py").write_text(block("python") + "\n".join(["", *others, ""]))

    own = ("PYTHON", "PYTEST", "DBT_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    run = {"cwd": project, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_readme.py"], **run)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr

    commands = block("sh").replace("python -m", f"'{python}' -m")
    commands = commands.replace("dbt build", f"'{python}' -c 'from dbt.cli.main import cli; cli()' build")
    done = subprocess.run(["bash", "-e", "-c", commands], **run)
    subprocess.run([python, "-m", "redshift_stand_in", "down"], **run)
    assert done.returncode == 0 and "PASS=1 WARN=0 ERROR=0" in done.stdout, done.stdout + done.stderr
    assert "stopped Redshift's stand-in" in done.stdout
    assert (project / ".redshift_stand_in/.gitignore").read_text() == "*\n"
