"""The wheel serves a dbt project of somebody else's, which knows nothing of this one, as the README says."""

import os
import re
import subprocess

import pytest

from loaders.common.settings import ROOT
from tests import wheels

FILES = {
    "dbt_project.yml": "name: theirs\nversion: '1.0'\nprofile: their_own\nmodel-paths: [models]\n",
    "profiles.yml": "their_own: {target: x, outputs: {x: {type: duckdb, path: their.duckdb, schema: them}}}\n",
    "models/sold.sql": "select product, sum(pieces) as pieces from {{ ref('stg_shop__sale') }} group by 1\n",
    "models/sold.yml": "models:\n  - name: sold\n    columns: [{name: product, data_tests: [unique, not_null]}]\n",
    "models/best.sql": "select product from {{ ref('sold') }} order by pieces desc limit 1\n",
    "models/one.sql": "select 1 as one\n",
}
DBT = "from dbt.cli.main import cli\n\ncli()\n"


@pytest.fixture
def project(own, tmp_path):
    own.write(
        "create table sale (id int primary key, product varchar(20) not null, pieces int not null, sold datetime)",
        "insert into sale values (1, 'tea', 2, '2026-01-02'), (2, '김치', 3, null), (3, 'tea', 4, null)",
    )
    folder = tmp_path / "their project"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_readmes_commands_in_a_project_of_somebody_elses(own, project, tmp_path):
    python = wheels.installed("", tmp_path)
    # dbt is not the wheel's but the project's; its script is in this environment only.
    python.with_name("dbt").write_text(f"#!{python}\n{DBT}")
    python.with_name("dbt").chmod(0o755)
    environment = {name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ}
    environment |= {"SOURCE_URL": own.source_url, "LANG": "C.UTF-8", "PATH": f"{python.parent}:{os.environ['PATH']}"}

    def run(command, folder=project):
        done = subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True)  # noqa: S602
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    (block,) = re.findall(r"^```bash\n(.*?)^```$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    install, discover, extract, build = block.splitlines()
    assert install.startswith("pip install ")
    said = run(discover)
    assert extract in said and "order-he dbt build --select staging.shop" in said and "make " not in said
    assert "equal: 3 rows" in run(extract)
    run(build)
    run("CATALOG=models/staging/shop/_shop__sources.yml order-he dbt build --select staging.shop")
    verify = "CATALOG=models/staging/shop/_shop__sources.yml order-he --project-dir 'their project' verify"
    assert run(verify, project.parent).splitlines()[-1].startswith("equal")
    asked = "import duckdb; print(duckdb.connect('their.duckdb').sql('from them.best').fetchall())"
    assert run(f'python -c "{asked}"') == "[('tea',)]\n"
    run("order-he dbt compile")
    assert run("order-he lineage sold.pieces").splitlines()[-1] == "sold.pieces: raw_shop.sale.pieces"
    assert (project / ".data/lake/_runs/1.json").exists()
    for words in ("", "extract ", "erase ", "sign "):
        told = run(f"order-he {words}--help")
        assert told.startswith(f"usage: order-he {words}") and "python -m loaders" not in told
    failed = subprocess.run(["order-he", "status"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert failed.returncode == 1 and "python -m loaders" not in failed.stderr
