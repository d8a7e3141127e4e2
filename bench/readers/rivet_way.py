"""Rivet, set up as its `init` suggests for the table, but without the two columns that it would add.

`python -m bench.readers.rivet_way URL TABLE FOLDER`
"""

import os
import subprocess
import sys
from pathlib import Path

import yaml


def main(url: str, table: str, folder: str) -> None:
    # Its program stands beside the interpreter.
    rivet, settings = Path(sys.executable).parent / "rivet", Path(folder) / "rivet.yaml"
    os.environ["SOURCE"] = url
    subprocess.run([rivet, "init", "--source-env", "SOURCE", "--table", table, "--output", settings], check=True)
    suggested = yaml.safe_load(settings.read_text())
    (export,) = suggested["exports"]
    export.pop("meta_columns", None)
    export["destination"] = {"type": "local", "path": folder}
    settings.write_text(yaml.safe_dump(suggested))
    os.execv(rivet, [rivet, "run", "--config", settings])  # noqa: S606 (so that what is measured is Rivet)


if __name__ == "__main__":
    main(*sys.argv[1:])
