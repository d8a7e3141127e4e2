"""The stack's one process: S3, PostgreSQL and the proxy in front of it, until it is told to stop."""

import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import tempfile
import threading
from pathlib import Path

from redshift_stand_in import cloud, credentials, postgres, socket_folder, tls
from redshift_stand_in.copy_files import Cloud
from redshift_stand_in.door import Door
from redshift_stand_in.names import REGION, Names
from redshift_stand_in.session import Session
from redshift_stand_in.world import World

DATABASE = "dev"
# admin is a superuser; bi_reader sees what it is granted.
USERS = ("admin", "bi_reader")


def serve(home: Path, names: Names) -> None:
    """Run until SIGTERM or SIGINT. Writes home/stack.json when everything answers, and removes it at the end."""
    _authority, certificate, key = tls.make(home)
    passwords = {user: secrets.token_urlsafe(18) for user in USERS}
    folder = socket_folder.made("redshift-stand-in")
    if os.getuid() == 0:
        folder.chmod(0o711)  # PostgreSQL runs as nobody then, and must reach its own folder inside
    database = postgres.start(folder / "data", DATABASE, USERS[1:])

    def stop(*_signal: object) -> None:
        database.stop()
        shutil.rmtree(folder, ignore_errors=True)
        (home / "stack.json").unlink(missing_ok=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    try:
        _accept(home, names, database, passwords, context)
    except BaseException:
        database.stop()
        raise


def _accept(
    home: Path, names: Names, database: postgres.Postgres, passwords: dict[str, str], context: ssl.SSLContext
) -> None:
    """Start S3, say where everything is, and take clients from then on."""
    local = cloud.start(names)
    roles = (local.copy_role, local.list_role, local.empty_role)
    reach = Cloud(local.endpoint, REGION, local.warehouse.access, local.warehouse.secret, roles)
    lock = threading.Lock()

    def ask(sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
        with lock:
            return database.ask(sql, values)

    # A copy: what GetCredentials adds is not told by stack.json.
    world = World(database.socket, dict(passwords), context, reach, ask)
    door = Door()
    workgroup = credentials.Workgroup(door, world, local.administrator.access, cloud.identity)
    description = {
        "pid": os.getpid(),
        "inode": home.stat().st_ino,
        "bucket": names.bucket,
        "prefix": names.prefix,
        "port": door.port,
        "credentials": f"http://127.0.0.1:{credentials.serve(workgroup)}",
        "database": DATABASE,
        "passwords": passwords,
        "authority": str(home / tls.AUTHORITY),
        "endpoint": local.endpoint,
        "administrator": [local.administrator.access, local.administrator.secret],
        "access_key": local.loader.access,
        "secret_key": local.loader.secret,
        "copy_role": local.copy_role,
        "list_role": local.list_role,
        "empty_role": local.empty_role,
        "postgres_pid": database.process.pid,
        "folder": str(database.data.parent),
    }
    write_private(home / "stack.json", json.dumps(description))
    for client in door.clients():
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        Session(world, client).start()


def write_private(file: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    handle, name = tempfile.mkstemp(dir=file.parent)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    Path(name).replace(file)
