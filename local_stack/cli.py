"""`python -m local_stack up|down|status`: the private database server of this checkout."""

import argparse
from pathlib import Path

from loaders.common.settings import DATA
from loaders.source import mysql_url
from local_stack import private_server

EXAMPLES = """examples:
  python -m local_stack up                   start it; it goes on until `down`
  python -m local_stack up --server mysql    MySQL in MariaDB's place: each has data of its own, one of them runs
  python -m local_stack status               exit code 0 if it runs, 1 if not
  python -m local_stack down                 stop it; its data stays
  python -m local_stack up --home /tmp/two   a second one, with data of its own"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack",
        description="A private database server (MariaDB or MySQL) for the demo shop and the tests.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--home", type=Path, default=DATA / "mysql", help="the server's own folder")
    parser.add_argument(
        "--server", choices=private_server.NAMES, default="", help="for `up`; else what it was before, or mariadb"
    )
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    if arguments.command == "up":
        return up(home, arguments.server)
    return {"down": down, "status": status}[arguments.command](home)


def up(home: Path, kind: str) -> int:
    server = private_server.up(home, kind)
    name = private_server.NAMES[server.kind]
    print(f"the private {name} server runs: {mysql_url.parse(server.url('loader'), 'its URL')}")
    print(f"  socket {server.socket}, data {home}")
    print(f"  full URLs, with passwords: {home}/loader.url (may only read), shop.url, root.url")
    print("  `make down` stops it")
    return 0


def down(home: Path) -> int:
    stopped = private_server.down(home)
    print("stopped the private server; its data stays" if stopped else "no private server was running")
    return 0


def status(home: Path) -> int:
    running, name = private_server.is_up(home), private_server.NAMES[private_server.kind_of(home)]
    print(f"the private {name} server in {home} {'runs' if running else 'does not run'}")
    return 0 if running else 1
