"""The stand-in as pytest fixtures: one per session (with pytest-xdist per worker), in a folder of pytest's own."""

from collections.abc import Iterator

import pytest

from redshift_stand_in import stack
from redshift_stand_in.names import USUAL, Names
from redshift_stand_in.stack import Stack


@pytest.fixture(scope="session")
def redshift_stand_in_names() -> Names:
    """What bucket, prefix and role are called. A project that has names of its own overrides it in its conftest.py."""
    return USUAL


@pytest.fixture(scope="session")
def redshift_stand_in(redshift_stand_in_names: Names, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack; what is in it is gone after the last test."""
    home = tmp_path_factory.mktemp("redshift_stand_in")
    yield stack.up(home, redshift_stand_in_names, say=lambda _text: None)
    stack.down(home)


@pytest.fixture
def redshift_stand_in_environment(redshift_stand_in: Stack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Its settings, in this process' environment too for one test: for boto3, redshift_connector and `dbt …`."""
    environment = redshift_stand_in.environment()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return environment
