"""dlt's sql_table to Parquet files in a folder. `python -m bench.readers.dlt_way URL TABLE FOLDER BACKEND`"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import dlt
from dlt.sources.sql_database import sql_table


def main(url: str, table: str, folder: str, backend: str) -> None:
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    options = {"backend_kwargs": {"return_type": "arrow_stream"}} if backend == "connectorx" else {}
    rows = sql_table(
        credentials=url.replace("mysql://", "mysql+pymysql://", 1),
        table=table,
        backend=backend,
        chunk_size=50_000,
        reflection_level="full_with_precision",
        **options,
    )
    lake = Path(folder) / "lake"
    with tempfile.TemporaryDirectory() as state:
        target = dlt.destinations.filesystem(bucket_url=lake.as_uri())
        pipeline = dlt.pipeline("bench", pipelines_dir=state, destination=target, dataset_name="shop")
        pipeline.run(rows, loader_file_format="parquet", write_disposition="replace")
    for file in lake.glob(f"shop/{table}/*.parquet"):
        file.rename(Path(folder) / file.name)
    shutil.rmtree(lake)  # dlt's own tables


if __name__ == "__main__":
    main(*sys.argv[1:])
