"""`python -m local_stack up|down|status`: the private MySQL server of this checkout."""

import argparse
from pathlib import Path

from loaders.settings import DATA
from loaders.source import mysql_url
from local_stack import mariadb

EXAMPLES = """examples:
  python -m local_stack up                   start it; it goes on until `down`
  python -m local_stack status               exit code 0 if it runs, 1 if not
  python -m local_stack down                 stop it; its data stays
  python -m local_stack up --home /tmp/two   a second one, with data of its own"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m local_stack",
        description="A private MySQL server for the demo shop and the tests.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("up", "down", "status"))
    parser.add_argument("--home", type=Path, default=DATA / "mysql", help="the server's own folder")
    arguments = parser.parse_args()
    return {"up": up, "down": down, "status": status}[arguments.command](arguments.home.resolve())


def up(home: Path) -> int:
    server = mariadb.up(home)
    print(f"the private MySQL server runs: {mysql_url.parse(server.url('loader'), 'its URL')}")
    print(f"  socket {server.socket}, data {home}")
    print(f"  full URLs, with passwords: {home}/loader.url (may only read), shop.url, root.url")
    print("  `make down` stops it")
    return 0


def down(home: Path) -> int:
    print("stopped the private MySQL server; its data stays" if mariadb.down(home) else "no private server was running")
    return 0


def status(home: Path) -> int:
    running = mariadb.is_up(home)
    print(f"the private MySQL server in {home} {'runs' if running else 'does not run'}")
    return 0 if running else 1
