"""`make docs-serve`: the documentation site on this machine, for this machine's browser only.

A page from elsewhere whose name leads to 127.0.0.1 would be let in by any other server: this one knows its own names.
"""

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from loaders.common.errors import run_command
from loaders.common.settings import DATA
from redshift_stand_in.guard import from_this_machine


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder, for whoever asks by the server's own name."""

    def send_head(self):  # what GET and HEAD begin with
        if not from_this_machine(self.headers, self.server.server_port):
            self.send_error(403)
            return None
        return super().send_head()


def server(folder: Path) -> ThreadingHTTPServer:
    """Listening on a free port of 127.0.0.1."""
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))


def main() -> None:
    with server(DATA / "docs") as serving:
        print(f"http://127.0.0.1:{serving.server_port}/ shows the documentation; Ctrl-C ends it", flush=True)
        serving.serve_forever()


if __name__ == "__main__":
    sys.exit(run_command(main))
