"""What others wrote is theirs, unchanged, and where the browser for the tests comes from."""

import hashlib
import re

import pytest

from dashboard import page
from loaders.common.errors import Failure
from tests import browser


def test_the_vendored_library_is_the_published_file():
    readme = (page.LIBRARY.parent / "README.md").read_text(encoding="utf-8")
    (known,) = re.findall(r"`([0-9a-f]{64})`", readme)
    assert hashlib.sha256(page.LIBRARY.read_bytes()).hexdigest() == known
    assert "Apache License" in (page.LIBRARY.parent / "LICENSE").read_text(encoding="utf-8")
    assert "Apache Software Foundation" in (page.LIBRARY.parent / "NOTICE").read_text(encoding="utf-8")


def test_a_browser_of_the_machines_own_is_used_first(tmp_path):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert browser.find(browser.CHROMIUM, tmp_path / "cache", search=[str(tmp_path)]) == browser.Program(program)


def test_without_a_browser_and_without_apt_the_ways_to_get_one_are_named(tmp_path):
    with pytest.raises(Failure) as failure:
        browser.find(browser.FIREFOX, tmp_path / "cache", search=[str(tmp_path)])
    assert "no firefox" in failure.value.problem and "apt-get install firefox-esr" in failure.value.fix
