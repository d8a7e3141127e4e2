"""The warehouse's address, read from dbt's own profile: dbt and the loaders cannot mean different warehouses."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import yaml

from loaders.common import paths
from loaders.common.errors import Failure
from loaders.common.secret import Secret
from loaders.words.catalog import known_or_fail

# Of a project that does not say which.
PROFILE = "order_he"
# dbt's keys whose values nobody may see.
SECRETS = ("password", "pass", "secret_access_key", "token")


@dataclass(frozen=True)
class Target:
    """One output of the profile, rendered. `values` are dbt's own keys (`path`, `host`, …)."""

    name: str
    type: str
    values: Mapping[str, Any]

    @property
    def absent(self) -> bool:
        """A DuckDB file that no run has made yet."""
        return self.type == "duckdb" and not self.values["path"].exists()


def read(folder: Path, target: str | None, environment: Mapping[str, str], project: Path) -> Target:
    """The chosen target (default: the profile's own) of the profile in `folder`, or in ~/.dbt where dbt looks next.

    Relative database paths count from `project`, the folder in which `dbt build` is run.
    """
    file, profile_name = _file(folder), _name(project)
    profile = _profile(file, profile_name)
    outputs = _mapping(profile.get("outputs") or {}, "outputs", file)
    name = target or _rendered(profile.get("target"), environment, file, "target") or "default"
    known_or_fail(name, list(outputs), "target", f"profile {profile_name} in {file}")
    # Like dbt, only the chosen target is rendered: the others' variables need not be set.
    values = _rendered(_mapping(outputs[name], f"outputs.{name}", file), environment, file, f"outputs.{name}")
    if values.get("type") == "duckdb":
        values["path"] = paths.database_file(str(values.get("path", ":memory:")), project)
    return Target(name, values.get("type", "?"), values)


def _file(folder: Path) -> Path:
    # As dbt finds the home folder: a user without one has no such file, which is no failure.
    for candidate in (folder / "profiles.yml", Path(os.path.expanduser("~/.dbt/profiles.yml"))):  # noqa: PTH111
        if candidate.is_file():
            return candidate
    raise Failure(f"there is no profiles.yml in {folder}", "run `make setup`, or set DBT_PROFILES_DIR")


def _name(project: Path) -> str:
    """The profile that the dbt project names."""
    file = project / "dbt_project.yml"
    return str(_read(file).get("profile", PROFILE)) if file.is_file() else PROFILE


def _profile(file: Path, name: str) -> Mapping[str, Any]:
    profiles = _read(file)
    known_or_fail(name, list(profiles), "profile", str(file))
    return _mapping(profiles[name], name, file)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        return _mapping(yaml.safe_load(file.read_text(encoding="utf-8")) or {}, "the file", file)
    except OSError as error:
        raise Failure(f"{file} cannot be read ({error.strerror})", "let this user read it") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        # What YAML says of a fault shows the lines around it, and a password stands there.
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}, column {place.column + 1}" if place else ""
        fix = "look for the fault there, or just before; a value that begins with { stands in quotes"
        raise Failure(f"{file}{where}: this is not YAML in UTF-8", fix) from None


def _mapping(value: Any, name: str, file: Path) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise Failure(f"{file}: {name} is not a list of keys with values", "write it as profiles.example.yml has it")
    return value


def _rendered(value: Any, environment: Mapping[str, str], file: Path, name: str) -> Any:
    """The same values with dbt's `env_var` resolved; other functions of dbt's do not occur in profiles.

    name: of the value's key. No message shows the value itself, which may be a password.
    """
    if isinstance(value, dict):
        rendered = {key: _rendered(inner, environment, file, f"{name}.{key}") for key, inner in value.items()}
        return rendered | {key: Secret(rendered[key]) for key in SECRETS if isinstance(rendered.get(key), str)}
    if not isinstance(value, str) or "{{" not in value:
        return value

    def env_var(name: str, default: str | None = None) -> str:
        found = environment.get(name) if name in environment else default
        if found is None:
            raise Failure(f"{file} needs the environment variable {name}", "set it in .env, or give it a default")
        return found

    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 (not a page)
    try:
        return template.from_string(value).render(env_var=env_var)
    except jinja2.TemplateError as error:
        raise Failure(
            f"{file}: the expression of {name} cannot be read ({type(error).__name__})",
            "write \"{{ env_var('NAME') }}\" or \"{{ env_var('NAME', 'default') }}\"",
        ) from None
