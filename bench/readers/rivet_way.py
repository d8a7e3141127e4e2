"""Rivet, with the types that its `init` suggests for the table, in one statement.

Not in the parts that `init` suggests for a large one: the name `order` stands unquoted in their SQL, which the server
refuses. `python -m bench.readers.rivet_way URL TABLE FOLDER`
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
    export = {
        "name": table,
        "query": f"select * from `{table}`",
        "mode": "full",
        "format": "parquet",
        "compression": "zstd",
        "columns": suggested["exports"][0].get("columns", {}),
        "destination": {"type": "local", "path": folder},
    }
    settings.write_text(yaml.safe_dump(suggested | {"exports": [export]}))
    os.execv(rivet, [rivet, "run", "--config", settings])  # noqa: S606 (so that what is measured is Rivet)


if __name__ == "__main__":
    main(*sys.argv[1:])
