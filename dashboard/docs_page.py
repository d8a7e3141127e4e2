"""dbt's documentation as one HTML file in which names are text: no request, no script but dbt's own, by its hash.

dbt's own single file has names as they are within its script, where `</script>` in one of them ends it and begins
another; and its search makes markup of them, which can load and lead away.
"""

import json
import re
from pathlib import Path

from dashboard.page import script_hash
from loaders.common.errors import Failure
from loaders.help.lineage import Lineage

# Where dbt's page takes its data from, when it is one file.
PLACES = {"manifest.json": '"MANIFEST.JSON INLINE DATA"', "catalog.json": '"CATALOG.JSON INLINE DATA"'}
SCRIPT = re.compile(r'<script defer="defer">(.*)</script>', re.DOTALL)
# Where the search makes markup of names.
MARKING = re.compile(r"\bhighlight=function\((\w+)\){")
AS_TEXT = r"\g<0>\1=\1&&\1.replace(/[&<]/g,(each)=>`&#${each.charCodeAt()};`);"
ICON = re.compile(r'<link rel="shortcut icon"[^>]*>')


def html(target: Path) -> str:
    """The page of what `dbt docs generate` has left in dbt's target folder."""
    try:
        texts = {name: (target / name).read_text(encoding="utf-8") for name in ("index.html", *PLACES)}
    except OSError as error:
        raise Failure(f"{error.filename} cannot be read ({error.strerror})", "run `make docs`") from None
    page = texts["index.html"]
    page, places = MARKING.subn(AS_TEXT, page)
    if places != 1 or not SCRIPT.search(page) or any(page.count(place) != 1 for place in PLACES.values()):
        raise Failure(
            f"{target / 'index.html'} is not the page that the dbt of requirements/ writes",
            "run `make setup`, and `make docs` again",
        )
    texts["manifest.json"] = _with_lineage(texts["manifest.json"])
    for name, place in PLACES.items():
        page = page.replace(place, f"JSON.parse({_literal(texts[name])})")
    return _closed(page)


def _with_lineage(manifest: str) -> str:
    """The manifest, in which each described column of a model says last of which columns of the sources it is made."""
    parsed = json.loads(manifest)
    known = Lineage(parsed)
    for name in known.ids.values():
        for column, described in parsed["nodes"][name]["columns"].items():
            origin = known.text(known.origin((name, column.lower())))
            # Code to Markdown, whatever it is: between more backticks than stand together in it.
            fence = "`" * (1 + max(map(len, re.findall("`+", origin)), default=0))
            described["description"] = f"{described['description'].rstrip()}\n\nComputed from {fence} {origin} {fence}"
    return json.dumps(parsed)


def _literal(text: str) -> str:
    """JSON as a text in a script that stands in HTML: no character of it can end the text or the script.

    A key __proto__ is no key to JavaScript, and the search would break on it: it gets a blank.
    """
    return json.dumps(text.replace('"__proto__"', '"__proto__ "')).replace("<", "\\u003c")


def _closed(page: str) -> str:
    """The page with a policy before all else; Angular is told of it, so that it does not try what is refused."""
    policy = (
        f"default-src 'none'; script-src {script_hash(SCRIPT.search(page)[1])}; style-src 'unsafe-inline'; "
        "img-src data:; font-src data:; base-uri 'none'; form-action 'none'"
    )
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    page = ICON.sub("", page, count=1)
    return page.replace("<html ", '<html ng-csp="no-unsafe-eval" ', 1).replace("<head>", f"<head>{meta}", 1)
