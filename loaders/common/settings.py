"""What a user sets: the process's environment first, then `.env` in the project's folder, then a default that works.

Only the command-line modules call `read`; everything else is handed what it needs.
"""

import datetime
import difflib
import io
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dotenv.parser import parse_stream

from loaders.common import telling
from loaders.common.errors import Failure
from loaders.common.secret import Secret

# Where this lies: a checkout of the project, or where packages are installed.
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / ".data"
# The private server writes these two, readable only by its owner, when it starts (`make up`).
PRIVATE_SOURCE_URL = DATA / "mysql" / "loader.url"
PRIVATE_SHOP_URL = DATA / "mysql" / "shop.url"
# Beside them, the number that the file system gives their folder: a copied folder has another one, a moved one has not.
IDENTITY = "inode"
# What .env.example explains.
SETTINGS = (
    "SOURCE_URL", "SHOP_URL", "LAKE_URL", "LAKE_KEY", "LAKE_KMS_KEY", "PSEUDONYM_KEY", "CATALOG", "DBT_TARGET",
    "DBT_PROFILES_DIR", "REDSHIFT_IAM_ROLE", "LOOKBACK_MINUTES", "DELETE_LIMIT_ROWS", "DELETE_LIMIT_PERCENT",
    "KEEP_DELETED_DAYS", "VALUE_PARTS", "SOURCE_PACE", "DEMO_SHOP", "NO_VALUES", "FILES_FOR_GROUP", "LOG_FORMAT",
)  # fmt: skip
# For the loaders' own eyes.
OWN_KEYS = ("LAKE_KEY", "PSEUDONYM_KEY")
# boto3 reads the second one alone, other packages of AWS's the first.
REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
# Of anything: as minutes 1,900 years, with which dates can still be reckoned.
MOST = 1_000_000_000


@dataclass(frozen=True)
class Settings:
    """Everything the environment says. `None` means: not set, and there is no default."""

    root: Path  # .env and .data are in it
    project: Path  # of dbt
    environment: Mapping[str, str] = field(repr=False)
    source_url: str | None = field(repr=False)
    shop_url: str | None = field(repr=False)
    lake_url: str
    dbt_target: str | None
    dbt_profiles_dir: Path
    catalog: Path
    lookback: datetime.timedelta
    delete_share: float
    delete_rows: int
    value_parts: int
    pace: float
    no_values: bool
    log_json: bool
    keep_deleted: datetime.timedelta | None
    lake_key: Secret | None
    pseudonym_key: Secret | None

    @property
    def demo_shop(self) -> bool:
        """Whether dbt builds the demo shop, too: its project asks the same."""
        return self.environment.get("DEMO_SHOP", "1") != "0"


def usual_root() -> Path:
    """The project that is meant where none is named: the checkout, or, installed, the folder that one stands in."""
    return ROOT if (ROOT / "dbt_project").is_dir() else Path.cwd()


def read(root: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings of the project in `root`. Relative paths are relative to the project, wherever one stands.

    A variable that is set to nothing in the environment takes back what .env says.
    """
    root = Path(os.path.abspath(root or usual_root()))  # noqa: PTH100 (links stay: a path may be meant by its name)
    # Its own folder here; elsewhere the root is the dbt project.
    project = root if (root / "dbt_project.yml").is_file() else root / "dbt_project"
    both = _of_file(root / ".env") | dict(environment)
    values = {name: value for name, value in both.items() if value}
    values |= _regions(environment) or _regions(values)
    lake_key, pseudonym_key = (values.pop(name, None) for name in OWN_KEYS)
    data = root / ".data"

    def path(name: str, default: Path) -> Path:
        return root / values[name] if name in values else default

    return Settings(
        root=root,
        project=project,
        environment=values,
        source_url=values.get("SOURCE_URL") or private_url(data / "mysql" / "loader.url"),
        shop_url=values.get("SHOP_URL"),
        lake_url=values.get("LAKE_URL", str(data / "lake")),
        dbt_target=values.get("DBT_TARGET"),
        dbt_profiles_dir=path("DBT_PROFILES_DIR", project),
        catalog=path("CATALOG", project / "models/staging/shop/_shop__sources.yml"),
        lookback=datetime.timedelta(minutes=_whole(values, "LOOKBACK_MINUTES", "60")),
        delete_share=_whole(values, "DELETE_LIMIT_PERCENT", "10") / 100,
        delete_rows=_whole(values, "DELETE_LIMIT_ROWS", "100"),
        value_parts=_whole(values, "VALUE_PARTS", "24", 1_000),
        pace=_share(values, "SOURCE_PACE"),
        keep_deleted=(
            datetime.timedelta(days=_whole(values, "KEEP_DELETED_DAYS", "30", 100_000))
            if "KEEP_DELETED_DAYS" in values
            else None
        ),
        # Every CI sets CI.
        no_values=_switch(values, "NO_VALUES", values.get("CI", "0").lower() not in ("0", "false")),
        log_json=_is_json(values, "LOG_FORMAT"),
        lake_key=Secret(lake_key) if lake_key else None,
        pseudonym_key=Secret(pseudonym_key) if pseudonym_key else None,
    )


def prepare_process(settings: Settings) -> None:
    """Give boto3 and OpenSSL, which read the process's environment only, what `.env` says for them.

    What is written from now on - lake, warehouse, pages, exports, dbt's files - is for this user only, or for the
    folder's group too, where FILES_FOR_GROUP says so; never for every user of the machine. So are the files with
    passwords and .data, whoever made them and under whichever umask (an editor, `git`, a version before).
    """
    telling.show_values(not settings.no_values)
    # For our own eyes: dbt, which runs other people's code, and what else is started from here do not need it.
    for name in OWN_KEYS:
        os.environ.pop(name, None)
    others = 0o007 if _switch(settings.environment, "FILES_FOR_GROUP", False) else 0o077
    os.umask(others)
    for path in (settings.root / ".env", settings.project / "profiles.yml", settings.root / ".data"):
        # Not there, another user's, or a disk that cannot be written: nothing to close.
        with suppress(OSError):
            if (mode := stat.S_IMODE(path.stat().st_mode)) & others:
                path.chmod(mode & ~others)
    for name, value in settings.environment.items():
        if name.startswith("AWS_") or name == "SSL_CERT_FILE":
            os.environ.setdefault(name, value)


def required_source_url(settings: Settings) -> str:
    if settings.source_url is None:
        raise Failure(
            "there is no source: SOURCE_URL is not set and the private server of this folder was never started",
            "run `make up seed` for the demo shop, or set SOURCE_URL in .env to your own database",
        )
    return settings.source_url


def text_of(file: Path) -> str:
    """What a file of settings says: nothing, if it is not there; one that cannot be read does not say nothing."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not file.is_symlink():
            return ""
        raise Failure(
            f"{file} cannot be read ({error.strerror})", "make it a file that this user may read, or remove it"
        ) from None
    except UnicodeDecodeError:
        raise Failure(f"{file} is not UTF-8", "save it as UTF-8") from None


def _of_file(file: Path) -> dict[str, str | None]:
    """What .env says. A line that says nothing, or nearly the name of a setting, is nobody's default: it fails."""
    # Some editors mark a file as UTF-8: the mark would be part of the first name, and that setting would be nobody's.
    text = text_of(file).removeprefix("\ufeff")
    if "\0" in text:
        raise Failure(f"{file} has the character NUL in it", "save it anew as a text, in UTF-8")
    # Parsed only: a password may have a $ in it, and nothing of it is taken for another variable.
    lines = list(parse_stream(io.StringIO(text)))
    for line in lines:
        # Not shown: it may be a password's.
        if line.error or (line.key and line.value is None):
            raise Failure(
                f"{file}, line {line.original.line}: this is no NAME=value",
                "write it so, with a quote at both ends of the value or at none; or begin the line with #",
            )
        if line.key and (meant := _meant(line.key)):
            raise Failure(f"{file}: {line.key} is no setting", f"write {meant}, or begin the line with #")
    return {line.key: line.value for line in lines if line.key}


def _regions(values: Mapping[str, str]) -> Mapping[str, str]:
    """Either name's Region for both names. Two different ones stay two: who asks AWS refuses them (aws_region)."""
    named = {values[name] for name in REGION if values.get(name)}
    return dict.fromkeys(REGION, named.pop()) if len(named) == 1 else {}


def aws_region(settings: Settings) -> str | None:
    """For whoever is about to ask AWS."""
    named = {name: settings.environment[name] for name in REGION if name in settings.environment}
    if len(set(named.values())) > 1:
        both = ", ".join(f"{name} is {value}" for name, value in named.items())
        raise Failure(f"the settings name two Regions: {both}", "set one of them, or both to the same")
    return named.get(REGION[0])


def _meant(name: str) -> str | None:
    """The setting of which the name is a misspelling."""
    if any(name.startswith(known) for known in SETTINGS):
        return None
    return next(iter(difflib.get_close_matches(name.upper(), SETTINGS, 1, 0.85)), None)


def _is_json(values: Mapping[str, str], name: str) -> bool:
    value = values.get(name, "text")
    if value not in ("text", "json"):
        raise Failure(f"{name} is {value[:20]!r}", "write json or text")
    return value == "json"


def _switch(values: Mapping[str, str], name: str, default: bool) -> bool:
    value = values.get(name, str(int(default)))
    if value not in ("0", "1"):
        raise Failure(f"{name} is {value[:20]!r}", "write 0 or 1")
    return value == "1"


def _share(values: Mapping[str, str], name: str) -> float:
    """A share of the time, from 1 % to all."""
    value = values.get(name, "100%")
    percent = value.removesuffix("%")
    if not percent.isascii() or not percent.isdigit() or len(percent) > 3 or not 1 <= int(percent) <= 100:
        raise Failure(f"{name} is {value[:20]!r}", "write a share of the time, from 1% to 100%")
    return int(percent) / 100


def _whole(values: Mapping[str, str], name: str, default: str, most: int = MOST) -> int:
    value = values.get(name, default)
    if not value.isascii() or not value.isdigit():
        raise Failure(f"{name} is {value!r}", f"write a whole number, such as {default}")
    if len(value) > len(str(MOST)) or int(value) > most:
        raise Failure(f"{name} is {value[:20]}", f"write {most:,} at most")
    return int(value)


def private_url(file: Path) -> str | None:
    """What the private server has written; None before it is started, and in a copied checkout before its own is."""
    return file.read_text().strip() if file.exists() and not is_a_copy(file.parent) else None


def is_a_copy(home: Path) -> bool:
    """Whether a private server's folder is a copy of another's, to whose server it would lead."""
    note = home / IDENTITY
    return note.exists() and note.read_text() != str(home.stat().st_ino)
