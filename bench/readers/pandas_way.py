"""The original's way, examples/naive.py, as far as its CSV file.

`python -m bench.readers.pandas_way URL TABLE FOLDER`
"""

import sys
from contextlib import closing
from pathlib import Path

from bench.readers.cursor_way import connected
from examples import naive


def main(url: str, table: str, folder: str) -> None:
    with closing(connected(url)) as connection:
        naive.write(naive.read(connection, table), Path(folder) / "part.csv")


if __name__ == "__main__":
    main(*sys.argv[1:])
