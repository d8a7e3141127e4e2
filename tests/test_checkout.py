"""What a newcomer does in a fresh checkout: make demo, plain dbt, a day, their own database."""

import hashlib
import html
import re
from contextlib import closing

import duckdb
import pytest

from loaders.common.settings import ROOT
from loaders.source import log_in, mysql_url
from local_stack import private_server, screencast
from seeds_generator import schema
from tests import servers
from tests.checkout import checkout
from tests.dashboard import pictures


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Somebody's own server, with tables that look like the shop's, and places that they set for themselves."""
    home = tmp_path_factory.mktemp("foreign")
    server = private_server.up(home / "mysql", say=lambda _text: None)
    url = mysql_url.parse(server.url("shop"), "x")
    with closing(log_in.connect(url, "x")) as connection:
        schema.create(connection)
    settings = {
        "SOURCE_URL": server.url("shop"),
        "SHOP_URL": server.url("shop"),
        "LAKE_URL": str(home / "lake"),
        "DUCKDB_PATH": str(home / "own.duckdb"),
        "DBT_TARGET": "redshift",
        "CATALOG": str(home / "nowhere.yml"),
    }
    yield home, url, settings
    private_server.down(home / "mysql", say=lambda _text: None)


@pytest.fixture(scope="module")
def demo(tmp_path_factory, foreign):
    """A checkout in which `make demo` has run, in a shell full of somebody's own settings."""
    _home, _url, settings = foreign
    with checkout(tmp_path_factory.mktemp("demo")) as fresh:
        told = fresh.run("make demo", **settings)
        yield fresh, told


def rows(path, sql):
    with duckdb.connect(path, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_make_demo_ends_in_a_summary_that_compares_both_ends(demo):
    fresh, told = demo
    for line in (
        "customer 300, product 50, order 10,000: source = raw",
        "in the mart = MySQL's own sum",
        "2024-01-02 12:15:32 UTC in the mart, as the catalog's time_zone says; were it Asia/Seoul, 2024-01-02 03:15:32",
        "five rows of the order mart:",
        "make day && make extract && make build",
        "docs/course/en/0.md",
        "docs/course/ko/0.md",
    ):
        assert line in told
    assert "of 101 passed" in told
    for made in (
        ".data/docs/index.html",
        ".data/export/order_mart.csv",
        ".data/dashboard/index.html",
        ".data/logs/demo.log",
        ".data/logs/dbt.log",
    ):
        assert (fresh.folder / made).stat().st_size > 0, made


def test_the_screencast_of_the_readme_shows_what_the_demo_prints(demo):
    """Figures and places left out. If not: `python -m local_stack.screencast`, in a fresh clone after `make setup`."""
    fresh, told = demo
    printed = without_figures("$ make demo" + told[told.index("[1/7]") :], str(fresh.folder))
    shown = re.findall("<text[^>]*>(.*)</text>", screencast.FILE.read_text("utf-8"))
    assert printed in without_figures(html.unescape("".join(shown)), "~/order-he")


def test_the_pictures_of_the_readmes_show_what_the_demos_pages_say(demo, browser):
    """If not: `python -m tests.dashboard.pictures`, in a fresh clone after `make demo`."""
    fresh, _told = demo
    for name, words, page, _part in pictures.shown(browser, fresh.folder / ".data"):
        assert words == pictures.words_of((pictures.FOLDER / f"{name}.png").read_bytes()), name
        assert name == "lineage" or page.locator("#trust.sound").count(), page.inner_text("#trust")


def without_figures(text: str, folder: str) -> str:
    return re.sub(r"\s|[\d.,:-]+", "", text.replace(folder, ""))


def test_every_value_in_raw_and_the_marts_is_the_sources_own(demo):
    """Wherever the checkout lies: its folder is called country=KR, among others (tests/checkout.py)."""
    fresh, _told = demo
    assert "equal by every value of 9 columns" in fresh.run("make verify ARGS=--deep")
    countries = "select country, count(*) from {} group by 1 order by 1"
    here = rows(fresh.folder / ".data/warehouse.duckdb", countries.format("analytics.customer_mart"))
    url = mysql_url.parse((fresh.folder / ".data/mysql/loader.url").read_text().strip(), "x")
    with closing(log_in.connect(url, "x")) as connection, connection.cursor() as cursor:
        cursor.execute(countries.format("customer"))
        assert list(cursor.fetchall()) == here and len(here) > 5


def test_make_demo_touches_nothing_that_a_user_named_in_settings(demo, foreign):
    home, url, _settings = foreign
    with closing(log_in.connect(url, "x")) as connection:
        assert [schema.count(connection, table) for table in schema.TABLES] == [0, 0, 0]
    assert sorted(path.name for path in home.iterdir()) == ["mysql"]


@pytest.mark.skipif("mysql" not in servers.private(), reason="this run has no MySQL of its own")
def test_make_demo_goes_over_to_mysql_and_back_though_the_shops_differ(demo):
    """The other server's shop has a fifth of the orders; one folder, one server at a time, the same URLs."""
    fresh, _told = demo
    fresh.run('make up SERVER=mysql && make seed ARGS="--orders 2000"')
    told = fresh.run("make demo SERVER=mysql")
    assert "a private MySQL server" in told and "order 2,000: source = raw" in told and "of 101 passed" in told
    told = fresh.run("make day && make extract && .venv/bin/python -m local_stack status")
    assert "the private MySQL server in" in told and "committed late" in told
    again = fresh.run("make demo")
    assert "a private MariaDB server" in again and "the shop is there already" in again
    assert "order 10,000: source = raw" in again
    wrong = fresh.shell("make demo SERVER=oracle")
    assert wrong.returncode and "oracle" in wrong.stderr and "mariadb" in wrong.stderr and "mysql" in wrong.stderr


def test_plain_dbt_builds_the_same_warehouse_in_a_fresh_shell(demo):
    fresh, _told = demo
    path = fresh.folder / ".data/warehouse.duckdb"
    before = sorted(fresh.folder.rglob("*.duckdb"))
    told = fresh.run("source .venv/bin/activate && cd dbt_project && dbt build")
    assert "Done. PASS=100 WARN=0 ERROR=0 SKIP=0" in told or "ERROR=0 SKIP=0" in told, told
    assert sorted(fresh.folder.rglob("*.duckdb")) == before == [path]


def test_the_example_profile_works_from_the_home_folder(demo):
    fresh, _told = demo
    told = fresh.run(
        "mv dbt_project/profiles.yml .data/ && mkdir -p ~/.dbt && cp profiles.example.yml ~/.dbt/profiles.yml && "
        "source .venv/bin/activate && (cd dbt_project && dbt run --select order_mart); code=$?; "
        "rm -r ~/.dbt; mv .data/profiles.yml dbt_project/; exit $code"
    )
    assert "ERROR=0" in told
    assert len(list(fresh.folder.rglob("*.duckdb"))) == 1


def test_a_warehouse_path_that_plain_dbt_would_not_see_is_refused(demo):
    """dbt reads no .env: a path only there would make it build beside the warehouse that was loaded."""
    fresh, _told = demo
    settings = fresh.folder / ".env"
    before = settings.read_text()
    try:
        settings.write_text(before + "DUCKDB_PATH=other.duckdb\n")
        done = fresh.shell("make extract")
    finally:
        settings.write_text(before)
    assert done.returncode != 0
    assert "plain dbt does not read .env" in done.stderr and "profiles.yml" in done.stderr


def test_docs_and_export_are_the_same_when_made_again(demo):
    fresh, _told = demo
    fresh.run("make export")
    exported = fresh.folder / ".data/export/order_mart.csv"
    first = hashlib.sha256(exported.read_bytes()).hexdigest()
    fresh.run("make export")
    assert hashlib.sha256(exported.read_bytes()).hexdigest() == first


def test_make_sql_answers_and_cannot_write(demo):
    fresh, _told = demo
    done = fresh.shell("printf 'drop table analytics.order_mart;\\nselect 41 + 1;\\n' | make sql")
    assert "read-only" in done.stdout and "42" in done.stdout
    assert done.returncode == 2 and "error: " in done.stderr and "read-only mode" in done.stderr
    assert "42" in fresh.run("echo 'select 41 + 1;' | make sql")


def test_an_own_database_is_a_minute_from_dbt_build(demo, own):
    fresh, _told = demo
    own.write(
        "create table `invoice lines` (id int primary key, `select` varchar(9), updated_at datetime)",
        "insert into `invoice lines` values (1, 'a', now()), (2, null, null)",
        "create table log (message text)",
        'create table `quo"te` (id int primary key)',
    )
    settings = {
        "SOURCE_URL": own.source_url,
        "DUCKDB_PATH": str(own.warehouse_path),
        "LAKE_URL": str(own.folder / "lake"),
    }
    done = fresh.shell('make discover ARGS="--write billing"', **settings)
    assert "wrote" in done.stdout and "staging views beside it" in done.stdout, done.stderr
    assert 'left out quo"te' in done.stderr
    catalog = "dbt_project/models/staging/billing/_billing__sources.yml"
    assert catalog in done.stdout
    assert "cursor: updated_at" in (fresh.folder / catalog).read_text()
    assert "time_zone: UTC" in (fresh.folder / catalog).read_text() and "DATETIME columns (1)" in done.stderr
    fresh.run("make extract", CATALOG=catalog, **settings)
    assert "DEMO_SHOP=0" in done.stdout
    told = fresh.run("DEMO_SHOP=0 make build", **settings)
    assert "ERROR=0" in told
    assert rows(own.warehouse_path, 'select id, "select" from analytics.stg_billing__invoice_lines order by 1') == [
        (1, "a"),
        (2, None),
    ]
    again = fresh.shell('make discover ARGS="--write billing"', **settings)
    assert again.returncode != 0 and "is there already" in again.stderr
    fresh.run("rm -r dbt_project/models/staging/billing")


def test_make_alone_lists_about_ten_targets_and_help_all_the_rest(demo):
    fresh, _told = demo
    short, whole = fresh.run("make"), fresh.run("make help-all")
    assert 8 <= short.count("  make ") <= 13
    assert all(heading in short for heading in ("Try", "Work", "Check"))
    assert whole.count("  make ") > short.count("  make ") + 5


def test_a_machine_without_venv_is_told_the_package(demo, tmp_path):
    fresh, _told = demo
    broken = tmp_path / "python3"
    broken.write_text('#!/bin/sh\ncase "$*" in *venv*) echo "No module named venv" >&2; exit 1;; esac\nexit 0\n')
    broken.chmod(0o755)
    done = fresh.shell(f"mkdir -p '{tmp_path}/x' && cp -r Makefile requirements '{tmp_path}/x/' && "
                       f"make -C '{tmp_path}/x' setup PYTHON='{broken}'")  # fmt: skip
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr


def shell_blocks(readme: str) -> list[str]:
    """The commands that a README tells its reader to run."""
    return re.findall(r"^```sh\n(.*?)^```$", (ROOT / readme).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_both_readmes_tell_the_same_commands_and_show_the_same_output():
    assert shell_blocks("README.md") == shell_blocks("README.ko.md")
    english, korean = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
    assert english.count("\n| ") == korean.count("\n| ") and english.count("\n## ") == korean.count("\n## ")
    assert english.split("```text\n")[1].split("```")[0] == korean.split("```text\n")[1].split("```")[0]


def test_the_commands_of_the_readme_do_what_it_says(demo):
    """In order, as a reader would; the first output is compared with what the page shows, times and … left out."""
    fresh, told = demo
    shown = (ROOT / "README.md").read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    for line in shown.splitlines():
        if line.strip() not in ("", "…") and " s" not in line and "as of" not in line:
            assert line.rstrip() in told, line
    before = rows(fresh.folder / ".data/warehouse.duckdb", "select max(ordered_at)::date from analytics.order_mart")
    for block in shell_blocks("README.md"):
        fresh.run(f"set -e\n{block}")
    after = rows(fresh.folder / ".data/warehouse.duckdb", "select max(ordered_at)::date from analytics.order_mart")
    assert after > before, "a day has passed and arrived"
    assert "does not run" in fresh.shell(".venv/bin/python -m local_stack status").stdout


def test_the_order_that_docs_one_row_follows_is_the_demos_own(demo):
    fresh, _told = demo
    ((customer, product, fee, status, request),) = rows(
        fresh.folder / ".data/warehouse.duckdb",
        'select customer_id, product_id, delivery_fee, status, request from raw."order" where order_id = 3',
    )
    page = (ROOT / "docs/one-row.md").read_text(encoding="utf-8")
    for fact in (f"customer_id: {customer} ", f"product_id: {product} ", f"delivery_fee: {fee}", f"status: {status}"):
        assert fact in page, fact
    assert request.replace("\n", "\\n") in page
    ((days, hours),) = rows(
        fresh.folder / ".data/warehouse.duckdb",
        "select delivery_days, delivery_hours from analytics.order_mart where order_id = 3",
    )
    assert f"delivery_days   {days} " in page and f"delivery_hours  {hours} " in page
