"""The suite for a real account, run against the stand-in: it must at least agree with itself."""

import subprocess
import sys

from loaders.common.settings import ROOT
from local_stack.redshift import environment
from tests import commands


def test_the_smoke_suite_passes_on_the_stand_in(own, redshift):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/aws"],
        cwd=ROOT, env=commands.settings(own) | environment(redshift), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
