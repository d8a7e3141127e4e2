"""`make without-demo`: the demo shop and what is about it leave a clone, as a change that git shows and can take back.

What stays is what works on any database: loaders, packages, the dbt project without the shop's models, `make pr`. The
tests of all that count on the shop, and leave with it.
"""

import re
import subprocess
import sys

from loaders.common.settings import ROOT

GONE = {
    "the shop's models, histories and tests": (
        "dbt_project/models/staging/shop", "dbt_project/models/intermediate", "dbt_project/models/marts",
        "dbt_project/models/semantic", "dbt_project/models/exposures.yml", "dbt_project/models/docs.md",
        "dbt_project/snapshots", "dbt_project/tests/shop",
    ),
    "what fills the shop and shows it": (
        "seeds_generator", "local_stack/demo.py", "local_stack/screencast.py", "local_stack/without_demo.py",
    ),
    "course, exercises and examples": ("docs/course", "exercises", "examples", "local_stack/faults.py"),
    "tests and measurements that count on the shop": (
        "bench", "conftest.py", "packages/*/tests/*", "tests", ":!tests/__init__.py", ":!tests/commands.py",
        ":!tests/forked.py", ":!tests/own_database.py", ":!tests/test_conventions.py", ":!tests/sqlfluff_libs",
        ".github/workflows/bench.yml", ".github/workflows/nightly.yml", ".github/workflows/diff.yml",
        ".github/workflows/diff-comment.yml",
    ),
}  # fmt: skip
# In these, lines from `# demo >` to `# < demo`.
CUT = ("Makefile", ".github/workflows/ci.yml", "dbt_project/dbt_project.yml", "dbt_project/selectors.yml")
DEMO = re.compile(r"^ *# demo >\n.*?^ *# < demo\n", re.DOTALL | re.MULTILINE)


def git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def main() -> int:
    try:
        changed = git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        print(
            "error: here is no clone, or no git, so nobody could take the removal back\n"
            "  fix: apt-get install git, and work in a clone",
            file=sys.stderr,
        )
        return 1
    if changed:
        print(f"error: git shows changes here:\n{changed}  fix: commit them, or `git stash -u`", file=sys.stderr)
        return 1
    removed = git("rm", "-r", "--", *(path for paths in GONE.values() for path in paths)).splitlines()
    for what, paths in GONE.items():
        print(f"removed {what}: {', '.join(path for path in paths if path[0] != ':')}")
    print(f"  {len(removed):,} files in all")
    for name in CUT:
        file = ROOT / name
        text = file.read_text("utf-8")
        file.write_text(DEMO.sub("", text), "utf-8")
        print(f"cut {len(text.splitlines()) - len(DEMO.sub('', text).splitlines())} lines from {name}")
    git("add", *CUT)
    print(
        "README.md and the other pages still speak of the shop: make them yours. What the demo made is in .data.",
        "`git commit` keeps this, `git reset --hard` takes it back. Next: make discover",
        sep="\n",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
