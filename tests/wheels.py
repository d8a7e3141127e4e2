"""A package of packages/ as its users get it: a wheel, in an environment that knows nothing of this checkout."""

import subprocess
import sys
import sysconfig
from pathlib import Path

from loaders.common.settings import ROOT


def installed(package: str, folder: Path) -> Path:
    """The Python of a new environment with the wheel of a package (of the project: ""), and what this one has."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder / "dist"]
    subprocess.run([*command, ROOT / "packages" / package if package else ROOT], check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env/bin/python"
    (wheel,) = (folder / "dist").glob("*.whl")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True, capture_output=True)
    # A path alone: .pth files there, which lead back to the checkout, are not followed.
    (site,) = (folder / "env/lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python
