"""Lets Mermaid itself parse and draw files, in Chromium: it is made for browsers.

    mermaid.py MERMAID.JS FILE...
"""

import http.server
import os
import pathlib
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "page"))
from driver import Browser  # noqa: E402

library, files = pathlib.Path(sys.argv[1]), [pathlib.Path(it) for it in sys.argv[2:]]


class Library(http.server.BaseHTTPRequestHandler):
    """One page with the library."""

    def do_GET(self):
        is_library = self.path == "/mermaid.js"
        self.send_response(200)
        self.send_header("Content-Type", "text/javascript" if is_library else "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(library.read_bytes() if is_library else b"<!doctype html><meta charset=utf-8><script src=mermaid.js></script><p id=p>")

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Library)
threading.Thread(target=server.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = Browser(os.environ["CHROMEDRIVER"], os.environ["CHROMIUM"], profile)
    try:
        browser.open(f"http://127.0.0.1:{server.server_port}/")
        browser.wait("return typeof mermaid !== 'undefined'")
        for file in files:
            text = browser.js(
                """return mermaid.render('picture', arguments[0]).then(it => {
                    const drawn = new DOMParser().parseFromString(it.svg, 'text/html');
                    return drawn.querySelector('[aria-roledescription=error]') ? 'error' : drawn.body.textContent;
                }, error => 'error: ' + error.message)""",
                file.read_text(),
            )
            assert not text.startswith("error"), f"{file.name}: {text}"
            if file.name.startswith("hostile"):
                assert "[[x]] {y} <b> &" in text, text
            print(f"Mermaid draws {file.name}")
    finally:
        browser.end()
        server.shutdown()
