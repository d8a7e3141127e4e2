"""The spool: a folder that goes away, even when its run was killed."""

import os
import subprocess
import sys
import tempfile
import time

from loaders.lake.spool import PREFIX, spool


def test_a_finished_run_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with spool() as folder:
        (folder / "part").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_runs_folder_is_removed_by_the_next_run_and_a_living_ones_is_not(tmp_path, monkeypatch):
    holding = (
        "import time; from loaders.lake.spool import spool\nwith spool(): print('ready', flush=True); time.sleep(60)"
    )
    holders = [
        subprocess.Popen(
            [sys.executable, "-c", holding], stdout=subprocess.PIPE, env=os.environ | {"TMPDIR": str(tmp_path)}
        )
        for _ in range(2)
    ]
    try:
        for holder in holders:
            assert holder.stdout.readline() == b"ready\n"
        holders[0].kill()
        holders[0].wait()
        for folder in tmp_path.glob(f"{PREFIX}*"):
            os.utime(folder, (time.time() - 3600,) * 2)
        assert len(list(tmp_path.iterdir())) == 2
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with spool():
            assert len(list(tmp_path.iterdir())) == 2  # the living run's and our own
    finally:
        for holder in holders:
            holder.kill()
            holder.wait()
            holder.stdout.close()
