"""The served modules in real Chromium, on a page from loopback.

Playwright's blocking interface leaves an event loop behind in its thread, which asynchronous
tests cannot share; so the browser lives in a thread of its own, and tests send it work.
"""

import functools
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HERE = Path(__file__).parent
STATIC = HERE.parent.parent / "src" / "circles" / "static"
VECTORS = HERE.parent / "vectors"
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# As strict as the product's own: a module that needed more would fail here.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'"

T = TypeVar("T")


class Chromium:
    """A browser in its own thread; `run` does a piece of work there and gives its answer."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="chromium")
        self._playwright, self._browser = self._thread.submit(self._start).result()

    def _start(self) -> tuple[Any, Browser]:
        found = shutil.which("chromium")
        if found is None:
            pytest.fail("Chromium is missing: apt-get install chromium")
        playwright = sync_playwright().start()
        return playwright, playwright.chromium.launch(executable_path=found, args=CHROMIUM_ARGS)

    def run(self, work: Callable[[Browser], T]) -> T:
        """What `work(browser)` returns; its exceptions come here."""
        return self._thread.submit(work, self._browser).result()

    def stop(self) -> None:
        """End the browser and its thread."""
        self._thread.submit(self._browser.close).result()
        self._thread.submit(self._playwright.stop).result()
        self._thread.shutdown()


class _Files(SimpleHTTPRequestHandler):
    """`/static/`, `/vectors/`, `/script/` as files; every other path is an empty page."""

    roots: ClassVar = {"static": STATIC, "vectors": VECTORS, "script": HERE}

    def do_GET(self) -> None:
        """Answer with a file or the empty page."""
        first, _, rest = self.path.lstrip("/").partition("/")
        if rest == "archive-ok-entries":
            with zipfile.ZipFile(VECTORS / "archive-ok.zip") as archive:
                entries = archive.read("log/tile/entries/000.p/35")
            return self._answer(entries, "application/octet-stream")
        path = self.roots.get(first, Path("/nowhere")) / rest
        if path.is_file():
            kind = {".js": "text/javascript", ".json": "application/json"}.get(path.suffix, "")
            return self._answer(path.read_bytes(), kind or "application/octet-stream")
        return self._answer(b"<!doctype html><title>modules</title>", "text/html; charset=utf-8")

    def _answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """The browser, shared by all script tests."""
    chromium = Chromium()
    yield chromium
    chromium.stop()


@contextmanager
def serving_files() -> Iterator[str]:
    """Origin of a server of the static files and vectors."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Files)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def files() -> Iterator[str]:
    """Origin of a server of the static files and vectors."""
    with serving_files() as origin:
        yield origin


class Modules:
    """A page in which the served modules can be called."""

    def __init__(self, chromium: Chromium, url: str) -> None:
        self._chromium = chromium
        self._page = chromium.run(functools.partial(self._open, url))

    @staticmethod
    def _open(url: str, browser: Browser) -> Page:
        page = browser.new_context().new_page()
        page.goto(url)
        return page

    def call(self, module: str, function: str, *args: Any) -> Any:
        """`function(...args)` of a served module; what it returns must survive JSON."""
        script = "async ([module, name, args]) => (await import(module))[name](...args)"
        return self._chromium.run(
            lambda _: self._page.evaluate(script, [f"/{module}", function, list(args)])
        )

    def close(self) -> None:
        """End the page."""
        self._chromium.run(lambda _: self._page.context.close())


@pytest.fixture(scope="module")
def modules(chromium: Chromium, files: str) -> Iterator[Modules]:
    """A fresh page with the modules."""
    modules = Modules(chromium, f"{files}/empty")
    yield modules
    modules.close()
