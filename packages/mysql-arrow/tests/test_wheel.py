"""The wheel by itself, in an empty environment, does what the README shows."""

import json
import re
import subprocess
from pathlib import Path

from loaders.source import mysql_url
from tests import wheels

README = Path(__file__).parent.parent / "README.md"


def test_the_readmes_example_runs_from_the_wheel(own, tmp_path):
    own.write("create table product (id int primary key, price decimal(10,2))", "insert into product values (1, 1.10)")
    python = wheels.installed("mysql-arrow", tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    address = mysql_url.parse(own.source_url, "the source")
    settings = {
        "user": address.user, "password": address.password, "database": address.database,
        "unix_socket": address.unix_socket, "host": address.host, "port": address.port, "proven": True,
    }  # fmt: skip
    example = re.sub(r"host=.*?charset", f"**json.loads({json.dumps(settings)!r}), charset", example)
    script = f"import json, pathlib\n{example}\nimport mysql_arrow\n"
    script += f"assert pathlib.Path(mysql_arrow.__file__).is_relative_to({str(tmp_path)!r})\n"
    script += "assert (pathlib.Path(mysql_arrow.__file__).parent / 'py.typed').exists()\n"
    done = subprocess.run([python, "-I", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["id: int32", "price: decimal128(10, 2)", "1 rows", "[('1.10',)]"]
