"""The course: every command of every page is run, in order, in one clone; both languages show what was printed."""

import re
import shlex
from dataclasses import dataclass

import nbformat
import pytest

from exercises import checks
from loaders.common.settings import ROOT
from tests import course_pages
from tests.checkout import checkout
from tests.course_pages import COURSE, KOREAN_DOCTOR, LANGUAGES, PAGES, Step

# The suite has these tests itself: that make finds them is enough here.
NAIVE = "tests/test_naive.py"
FURTHER = ("glossary.md", "questions.md")
# The whole course is run before the first test that asks for what it printed.
pytestmark = pytest.mark.timeout(1800)
# What a learner may make of a solution (a text in it, and another; "": of all of it), and a part of what is said then.
WRONG = {
    "1": [
        ("PASSWORD')", "PASSWORD', 'written-down')", "`password` stands in the file"),
        ("dev_kim", "dev_김학생", "the schema is dev_김학생"),
        (" | int", "", "is not of type 'integer'"),
        ("target: mine", "target: min", "in wrong 3.yml has no target min"),
        ("\"{{ env_var('REDSHIFT_LOCAL_PORT') | int }}\"", "{{ env_var('REDSHIFT_LOCAL_PORT') }}", "is not YAML"),
    ],
    "2": [
        ("", "def orders_per_status(connection):\n    return {'delivered': 9055}\n", "MySQL says"),
        ("`order`", "order_he.order", "MySQL says {'lost': 1"),
    ],
    "3": [
        ("timestamp", "timestamp,\n    more int", "the column more is none of MySQL's"),
        ("320", "80", "title is VARCHAR(80), which is not what varchar(80) becomes"),
        ("", "-- nothing\n", "Redshift says: query was empty"),
    ],
    "4": [
        ("cursor.executemany", "for rows in rows:\n            cursor.execute", "statements for 5,000 rows"),
        ("%(text)s", "coalesce(%(text)s, '')", "None) became"),
    ],
    "5": [
        ("s3:ListBucket", "s3:GetObject", "could not list the bucket"),
        ("order-he/*", "order-he*", "could read order-he-staff/payroll.csv"),
        ("s3:ListBucket", "s3:List*", "could read old versions' names"),
        ('"arn:aws:s3:::order-he-lake"', '"*"', "could list another bucket"),
        ("{", "", "is not JSON"),
    ],
    "6": [
        ("group by", "where country < 'D'\ngroup by", "says no more rows, the raw tables say"),
        ("group by", "where delivery_days > 0\ngroup by", "the raw tables say"),
        ("group by", "where status in ('delivered', 'returned')\ngroup by", "the raw tables say"),
        ("", "-- nothing\n", "asks nothing"),
    ],
    "7": [
        ("limit 10", "limit 9", "says no more rows, the raw tables say"),
        ("country,", "status,", "has the columns"),
        ("", "", "asks nothing"),
    ],
}
ASKED = """
import sys
from pathlib import Path
from exercises.checks import CHECKS
from loaders.common.errors import Failure
for file in sys.argv[2:]:
    try:
        print("right:", CHECKS[sys.argv[1]](Path(file)))
    except Failure as failure:
        print(failure.problem)
"""


@dataclass(frozen=True)
class Ran:
    """What a command of a page printed (both streams), in each language, and how it ended."""

    code: int
    printed: dict[str, str]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    with checkout(tmp_path_factory.mktemp("course")) as fresh:
        yield fresh


@pytest.fixture(scope="module")
def ran(clone) -> dict[tuple[str, int], Ran]:
    """Every command of the English pages, run in order; where the Korean page asks in Korean, that too."""
    outcomes = {}
    for page in PAGES:
        pairs = zip(course_pages.steps("en", page), course_pages.steps("ko", page), strict=False)
        for number, (english, korean) in enumerate(pairs):
            outcomes[page, number] = both(clone, english, korean)
    clone.run("make up")
    return outcomes


def both(fresh, english: Step, korean: Step) -> Ran:
    done = on_a_terminal(fresh, english.command.replace(NAIVE, f'"{NAIVE} --collect-only"'))
    printed = dict.fromkeys(LANGUAGES, done.stdout.replace("tests collected", "passed"))
    if korean.command != english.command:
        printed["ko"] = on_a_terminal(fresh, korean.command).stdout
    return Ran(done.returncode, printed)


def on_a_terminal(fresh, command: str):
    """Both streams as one, in the order in which lines were printed."""
    return fresh.shell(f"set -e; exec 2>&1\n{command}", PYTHONUNBUFFERED="1")


@pytest.mark.parametrize("page", PAGES)
def test_both_languages_give_the_same_commands_in_the_same_order(page):
    english, korean = (course_pages.steps(language, page) for language in LANGUAGES)
    assert [step.command for step in english] == [step.command.replace(KOREAN_DOCTOR, "") for step in korean]
    assert [step.fails for step in english] == [step.fails for step in korean]
    assert [len(step.shown) for step in english] == [len(step.shown) for step in korean]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_shows_what_its_commands_print(ran, page, language):
    for number, step in enumerate(course_pages.steps(language, page)):
        outcome = ran[page, number]
        printed = outcome.printed[language]
        assert (outcome.code != 0) == step.fails, f"{step.command}\n{printed}"
        assert step.missing(printed) == [], f"{step.command}\n{printed}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_place_that_a_page_names_is_there(page, language):
    found = list(course_pages.places(language, page))
    assert len(found) >= 3, "a page names the files and symbols to read"
    for name, symbol, link in found:
        file = (COURSE / language / link).resolve()
        assert file == ROOT / name, f"{name} is linked to {link}"
        assert course_pages.holds(file, symbol), f"{name} has no {symbol}"


@pytest.mark.parametrize(
    "page", ["README.md", *(f"{language}/{page}" for language in LANGUAGES for page in (*PAGES, *FURTHER))]
)
def test_every_link_of_the_course_leads_somewhere(page):
    file = COURSE / page
    for link in course_pages.LINK.findall(file.read_text(encoding="utf-8")):
        assert link.startswith("http") or (file.parent / link).exists(), f"{page}: {link}"


@pytest.mark.parametrize("page", [*PAGES, *FURTHER])
def test_both_languages_say_as_much(page):
    """Sections, list entries, table rows and links: equal in content is more than this, but never less."""
    english, korean = (course_pages.text(language, page) for language in LANGUAGES)
    for mark in (r"^#+ ", r"^\* ", r"^\| ", r"^\d+\. ", r"^```"):
        assert len(re.findall(mark, english, re.MULTILINE)) == len(re.findall(mark, korean, re.MULTILINE)), mark
    assert sorted(set(course_pages.places("en", page))) == sorted(set(course_pages.places("ko", page)))


@pytest.mark.parametrize("number", checks.CHECKS)
def test_an_exercise_has_a_start_that_fails_with_a_way_on(ran, number):
    (asked,) = (
        outcome
        for (page, place), outcome in ran.items()
        if page == f"{number}.md" and "check-exercise" in course_pages.steps("en", page)[place].command
    )
    assert asked.code != 0 and "fix:" in asked.printed["en"] and "Traceback" not in asked.printed["en"]
    assert "해결:" in asked.printed["ko"]


@pytest.mark.parametrize("number", checks.CHECKS)
def test_the_solution_is_right_and_likely_wrong_answers_are_told(clone, ran, number):
    solution = ROOT / "exercises/solutions" / checks.start(number).name
    files = [f"exercises/solutions/{solution.name}"]
    for place, (old, new, _said) in enumerate(WRONG[number]):
        file = clone.folder / f"wrong {place}{solution.suffix}"
        text = solution.read_text("utf-8")
        file.write_text(text.replace(old, new) if old else new, "utf-8")
        files.append(shlex.quote(file.name))
    said = clone.run(f".venv/bin/python -c {shlex.quote(ASKED)} {number} {' '.join(files)}").splitlines()
    expected = ["right: ", *(part for _old, _new, part in WRONG[number])]
    told = said[-len(expected) :]  # before that, the stand-in may say that it starts
    assert [part for part, line in zip(expected, told, strict=True) if part not in line] == [], said


def test_make_tells_that_an_answer_is_right(clone, ran):
    assert "exercise 2: right." in clone.run("make check-exercise N=2 FILE=exercises/solutions/2.py")


@pytest.mark.parametrize("number", checks.CHECKS)
def test_every_exercise_is_asked_for_on_its_page_in_both_languages(number):
    for language in LANGUAGES:
        page = course_pages.text(language, f"{number}.md")
        assert f"make check-exercise N={number}" in page and f"exercises/solutions/{checks.start(number).name}" in page


def test_an_exercise_that_is_not_there_is_told(clone, ran):
    for command in ("make check-exercise", "make check-exercise N=9"):
        done = clone.shell(command)
        assert done.returncode != 0 and "N=1, 2" in done.stderr


def test_the_notebook_has_no_outputs_and_runs(clone, ran):
    """With the clone's own server and warehouse, after the course; the cells check what they show."""
    file = ROOT / "examples/tour.ipynb"
    notebook = nbformat.read(file, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    clone.run("make up && .venv/bin/jupyter execute --inplace examples/tour.ipynb")
    done = nbformat.read(clone.folder / "examples/tour.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in done.cells for output in cell.get("outputs", []))
    assert "in the mart" in printed and "Error" not in printed
