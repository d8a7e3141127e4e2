"""A block of settings that `make break` puts into .env, and that leaves no trace."""

import stat

from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from local_stack import settings_file

# Any text but the block's own marks; lines of it may be settings, comments or nonsense, with or without a last newline.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=80).filter(
    lambda text: ">>>" not in text
)


@given(texts)
def test_what_was_added_can_be_taken_away_and_the_rest_stays(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("env") / ".env"
    file.write_text(text, encoding="utf-8", newline="")
    settings_file.add(file, {"SOURCE_URL": "one"})
    settings_file.add(file, {"SOURCE_URL": "two"})
    assert settings_file.remove(file)
    kept = file.read_text(encoding="utf-8")
    assert kept in (text, text + "\n")
    assert not settings_file.remove(file)


def test_the_block_goes_before_the_users_own_line_and_is_private(tmp_path):
    file = tmp_path / ".env"
    file.write_text("SOURCE_URL=mine\nLAKE_URL=there")
    settings_file.add(file, {"SOURCE_URL": "block"})
    assert dotenv_values(file) == {"SOURCE_URL": "block", "LAKE_URL": "there"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_is_not_there_is_made(tmp_path):
    settings_file.add(tmp_path / ".env", {"A": "1"})
    assert dotenv_values(tmp_path / ".env") == {"A": "1"}


def test_of_a_block_whose_end_somebody_deleted_only_the_mark_goes(tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"A=1\n{settings_file.BEGIN}\nB=2\n")
    assert settings_file.remove(file)
    assert file.read_text() == "A=1\nB=2\n"
