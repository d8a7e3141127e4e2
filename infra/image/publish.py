"""dbt's artifacts of every run to runs/RUN_ID of PAGES_URL; the pages of one that succeeded to current/."""

from pathlib import Path
from typing import Any

from loaders.common.errors import Failure
from loaders.lake.s3 import explained

ARTIFACTS = ("manifest.json", "run_results.json", "sources.json", "catalog.json")
PAGES = ("docs/index.html", "dashboard/index.html")
TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json"}


def publish(url: str, run_id: str, target: Path, data: Path, succeeded: bool) -> list[str]:
    """The addresses of what was written; what a run has not come to make is left out."""
    import boto3

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    if not bucket or not url.startswith("s3://"):
        raise Failure(f"PAGES_URL is {url}", "write s3://bucket/prefix")
    files = {f"runs/{run_id}/{name}": target / name for name in ARTIFACTS}
    if succeeded:
        files |= {f"current/{page}": data / page for page in PAGES}
    client = boto3.client("s3")
    there = {f"{prefix.strip('/')}/{key}".lstrip("/"): file for key, file in files.items() if file.exists()}
    return [_put(client, bucket, key, file) for key, file in there.items()]


def _put(client: Any, bucket: str, key: str, file: Path) -> str:
    url = f"s3://{bucket}/{key}"
    with explained(url):
        client.put_object(Bucket=bucket, Key=key, Body=file.read_bytes(), ContentType=TYPES[file.suffix])
    return url
