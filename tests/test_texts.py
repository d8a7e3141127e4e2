"""The list of texts and codes is that of the code: an English text that changes takes its Korean and its code along."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from loaders.common import telling, texts
from loaders.common.errors import Failure
from loaders.common.settings import ROOT

FILES = sorted(
    [
        *ROOT.glob("loaders/*/*.py"),
        *ROOT.glob("exercises/*.py"),
        ROOT / "local_stack/faults.py",
        ROOT / "local_stack/scratch.py",
    ]
)
BACKTICKS = re.compile("`[^`]+`")
DOCTOR = [ROOT / "loaders/help/doctor.py", ROOT / "loaders/cli/doctor.py"]
# What takes a text that doctor prints.
SAYING = ("check", "works", "Finding", "Failure")


def template(node: ast.AST) -> str | None:
    """A text as it stands in the code, its holes empty, of which several in a row are one; None: it is no text."""
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else "{}" for each in node.values)
        return emptied("".join(map(str, parts)))
    return emptied(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def emptied(text: str) -> str:
    return re.sub(r"(\{\}){2,}", "{}", texts.HOLE.sub("{}", text))


def parts(text: str) -> set[str]:
    """The whole text, and the texts that stand one after the other in it, without what stands between."""
    return {each.strip(" ,;:") for each in (text, *texts.BETWEEN.split(text))}


def failures() -> Iterator[tuple[str, ast.Call]]:
    """Every failure that the loaders raise or return, with where it is."""
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Failure", "Damaged", "Refused"):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node


IN_THE_CODE = {
    part
    for file in FILES
    for node in ast.walk(ast.parse(file.read_text("utf-8")))
    if (text := template(node)) is not None
    for part in parts(text)
}


def test_each_listed_text_is_one_of_the_code():
    """The finding's input: any English text of the list, changed in the code alone."""
    keys = {text.english: emptied(text.english).strip(" ,;:") for text in texts.KNOWN}
    # What is appended elsewhere is in a last hole.
    gone = [english for english, key in keys.items() if not {key, key.removesuffix("{}").strip(" ,;:")} & IN_THE_CODE]
    assert not gone, "\n".join(gone)


def test_each_text_and_each_code_is_listed_once():
    codes = Counter(text.code for text in texts.KNOWN if text.code)
    english = Counter(emptied(text.english) for text in texts.KNOWN)
    assert [each for each, count in (codes + english).items() if count > 1] == []


def test_korean_keeps_names_figures_and_commands():
    for text in texts.KNOWN:
        holes = {name for name, _again in texts.HOLE.findall(text.korean)}
        assert holes == set(text.names) - {"runs"}, text
        assert sorted(BACKTICKS.findall(text.english)) == sorted(BACKTICKS.findall(text.korean)), text


def sample(text: str) -> str:
    """A text of the code with something in its holes that is a figure, a setting's name or whatever they hold."""
    return text.replace("{}", "7")


def test_the_problem_of_a_failure_leads_to_its_own_code_or_to_none():
    wrong = []
    for where, call in failures():
        problem = template(call.args[0])
        if problem is None:
            continue
        owners = {text.code for text in texts.KNOWN if text.code and emptied(text.english) in parts(problem)}
        found = texts.code(sample(problem))
        if found and found not in owners:
            wrong.append((where, problem, found))
    assert not wrong, "\n".join(map(str, wrong))


def test_what_to_do_about_a_failure_that_has_a_code_is_in_korean_too():
    untold = []
    for where, call in failures():
        problem, fix = map(template, call.args[:2])
        if problem is None or fix is None or not parts(problem) & {emptied(t.english) for t in texts.KNOWN if t.code}:
            continue
        told = texts.in_korean(sample(fix))
        pieces = map(sample, texts.BETWEEN.split(fix))
        untold += [(where, each) for each in pieces if each in told and re.search("[a-z]{3}", BACKTICKS.sub("", each))]
    assert not untold, "\n".join(map(str, untold))


def test_what_doctor_tries_and_finds_is_in_korean_too():
    """On S3 and Redshift as well, where no test sees the whole command in Korean."""
    calls = (node for file in DOCTOR for node in ast.walk(ast.parse(file.read_text("utf-8"))))
    asked = (call for call in calls if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1] in SAYING)
    said = (template(node) for call in asked for node in (*call.args, *(each.value for each in call.keywords)))
    english = [text for text in said if text and re.search("[a-z]{3}", BACKTICKS.sub("", text))]
    assert len(english) > 30
    assert [text for text in english if not re.search("[가-힣]", texts.in_korean(sample(text)))] == []


def test_a_text_with_several_in_it_is_found_behind_what_stands_before_it():
    """The findings' input: a fix with a `;` of its own, and what doctor says of a bucket that it may not ask."""
    several = [sample(emptied(text.english)) for text in texts.KNOWN if texts.BETWEEN.search(text.english)]
    assert len(several) > 3
    assert [each for each in several if texts.in_korean(f"fix: {each}") != f"해결: {texts.in_korean(each)}"] == []
    note = "not known: S3 refused X on s3://b/: AccessDenied; allow s3:X on s3://b/"
    told = texts.in_korean(f"  ok      uploads were not finished ({note})")
    assert told == f"  정상    {texts.in_korean('uploads were not finished')} ({texts.in_korean(note)})"
    assert not re.search("ok|uploads|known|refused|allow", told)


def test_why_plan_would_read_a_table_so_is_in_korean_too():
    nodes = ast.walk(ast.parse((ROOT / "loaders/run/plan.py").read_text("utf-8")))
    said = [text for node in nodes if isinstance(node, ast.Return) and node.value and (text := template(node.value))]
    assert len(said) > 8
    pieces = [sample(each) for text in said for each in texts.BETWEEN.split(text)]
    assert [each for each in pieces if not re.search("[가-힣]", texts.in_korean(each))] == []
    lines = (texts.in_korean(f"t: full, about 7 rows, 9 B (estimated), 3 columns: {why}") for why in pieces)
    assert [line for line in lines if not line.startswith("t: full, 약 7행, 9 B(추정), 컬럼 3개: ")] == []


@given(st.text())
def test_whatever_is_printed_is_printed_in_korean_too(text):
    telling.speak_korean(True)
    try:
        assert telling.line(text).isprintable() and str(Failure(text, text)).startswith("오류")
    finally:
        telling.speak_korean(False)
