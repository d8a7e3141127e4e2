"""The spool: a folder that goes away, even when its run was killed."""

import os
import subprocess
import sys
import tempfile
import time

from loaders.common.settings import ROOT
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


def test_what_another_user_puts_beside_it_holds_nobody_up(tmp_path, monkeypatch):
    """A pipe under a lock's name would be opened for ever; nothing of another's is opened, or removed."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    old = (time.time() - 3600,) * 2
    for name, owner, mode in (("theirs", 12345, 0o755), ("open", os.geteuid(), 0o777)):
        folder = tmp_path / f"{PREFIX}{name}"
        folder.mkdir()
        os.mkfifo(folder / "lock")
        folder.chmod(mode)
        if os.geteuid() == 0:
            os.chown(folder, owner, -1)
        elif owner == 12345:
            monkeypatch.setattr(os, "geteuid", lambda: 12345 + os.getuid())
        os.utime(folder, old)
    (tmp_path / f"{PREFIX}link").symlink_to(tmp_path)
    with spool() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert len(list(tmp_path.iterdir())) == 3


def test_files_from_the_lake_are_put_nowhere_else():
    """So what a killed `load` or `replay` has fetched is removed by the next command."""
    sources = [file for folder in ("loaders", "dashboard") for file in (ROOT / folder).rglob("*.py")]
    makers = {file.name for file in sources if "tempfile.TemporaryDirectory(" in file.read_text()}
    # export writes marts only, in their own folder; bucket fetches an object that it has itself just written.
    assert makers == {"spool.py", "export.py", "bucket.py"}
