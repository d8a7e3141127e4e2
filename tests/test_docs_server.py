"""`make docs-serve` shows the site to this machine's browser, by its own name only."""

import threading
import urllib.error
import urllib.request

import pytest

from local_stack import docs_server


def test_a_page_whose_name_leads_to_this_machine_is_not_let_in(tmp_path):
    (tmp_path / "index.html").write_text("the site")
    with docs_server.server(tmp_path) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{serving.server_port}"

        def ask(host: str) -> bytes:
            return urllib.request.urlopen(urllib.request.Request(f"http://{address}/", headers={"Host": host})).read()

        for ours in (address, f"localhost:{serving.server_port}"):
            assert ask(ours) == b"the site"
        for theirs in ("page.example", f"page.example:{serving.server_port}", "127.0.0.1"):
            with pytest.raises(urllib.error.HTTPError, match="403"):
                ask(theirs)
        serving.shutdown()
