"""Removes from the image's packages what nothing in it asks for (infra/image/README.md has the sizes)."""

import shutil
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_path("purelib"))
# The loaders reach S3 by boto3, and nobody speaks Flight.
GONE = [
    "pyarrow/include",
    "pyarrow/*flight*",
    "pyarrow/*arrow_s3*",
    "pyarrow/_s3fs*",
    "pyarrow/tests",
    "numpy/**/tests",
]
# What the loaders, dbt-redshift and an account's usual ways to log in ask for.
SERVICES = {"s3", "sts", "sso", "sso-oidc", "rds", "secretsmanager", "redshift", "redshift-serverless"}


def gone() -> list[Path]:
    found = [path for pattern in GONE for path in SITE.glob(pattern)]
    found += [path for path in SITE.glob("botocore/data/*/") if path.name not in SERVICES]
    # agate formats numbers in en_US.
    found += [path for path in SITE.glob("babel/locale-data/*.dat") if path.stem not in ("root", "en", "en_US")]
    return found


if __name__ == "__main__":
    for path in gone():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
