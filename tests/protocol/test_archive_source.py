"""Archives are read without trusting them: folders, zips and addresses."""

import io
import os
import socket
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from circles.protocol import archive_source as a

LEADING_ELSEWHERE = ["../x", "/etc/passwd", "a/../../x", "a//b", "a\\b", "", ".", "a/./b", "a\0b"]


def _zip(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    data.seek(0)
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    (root / "log").mkdir(parents=True)
    (root / "log" / "key").write_bytes(b"key\n")
    (root / "log" / "checkpoint").write_bytes(b"checkpoint\n")
    return root


def test_a_folder(folder: Path) -> None:
    source = a.open_source(str(folder))
    assert source.read("log/key", 4) == b"key\n"
    assert source.names("log") == ["checkpoint", "key"]
    assert source.names("documents") == []
    assert source.read_or_none("log/none", 9) is None
    with pytest.raises(a.MissingFileError):
        source.read("log", 9)
    with pytest.raises(a.MissingFileError):
        source.read("log/key/more", 9)
    with pytest.raises(a.SourceError, match="longer than 3"):
        source.read("log/key", 3)


@pytest.mark.parametrize("name", LEADING_ELSEWHERE)
def test_names_that_lead_elsewhere(folder: Path, name: str) -> None:
    (folder.parent / "x").write_bytes(b"secret")
    for source in (
        a.FolderSource(folder),
        a.ZipSource(_zip({"log/key": b"key\n"})),
        a.UrlSource("http://127.0.0.1:9"),
    ):
        with pytest.raises(a.SourceError, match="elsewhere"):
            source.read(name, 99)


def test_links_out_of_the_folder(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    (folder / "log" / "out").symlink_to(folder.parent / "secret")
    (folder / "inside").symlink_to(folder / "log" / "key")
    source = a.FolderSource(folder)
    with pytest.raises(a.SourceError, match="leads out"):
        source.read("log/out", 99)
    assert source.read("inside", 99) == b"key\n"


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "log" / "pipe")
    with pytest.raises(a.MissingFileError):
        a.FolderSource(folder).read("log/pipe", 99)


def test_a_zip(tmp_path: Path) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(_zip({"log/key": b"key\n", "log/tile/0/000": b"", "log/": b""}).getvalue())
    source = a.open_source(str(path))
    assert source.read("log/key", 4) == b"key\n"
    assert source.names("log") == ["key"]
    assert source.names("none") == []
    with pytest.raises(a.MissingFileError):
        source.read("log/none", 9)
    with pytest.raises(a.SourceError, match="longer than 3"):
        source.read("log/key", 3)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../x", "a//x"])
def test_zips_with_names_that_lead_elsewhere(name: str) -> None:
    with pytest.raises(a.SourceError, match="elsewhere"):
        a.ZipSource(_zip({name: b"x"}))


def test_a_zip_bomb_is_not_unpacked() -> None:
    source = a.ZipSource(_zip({"log/checkpoint": bytes(50_000_000)}))
    with pytest.raises(a.SourceError, match="longer than 16384"):
        source.read("log/checkpoint", 16384)


def test_a_name_twice_in_a_zip() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("log/key", b"a")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("log/key", b"b")
    with pytest.raises(a.SourceError, match="twice"):
        a.ZipSource(data)


def test_links_and_encrypted_members_in_a_zip() -> None:
    link = zipfile.ZipInfo("log/key")
    link.external_attr = 0o120777 << 16
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(a.SourceError, match="something else than a file"):
        a.ZipSource(data)
    raw = bytearray(_zip({"log/key": b"key"}).getvalue())
    raw[raw.index(b"PK\1\2") + 8] |= 1
    with pytest.raises(a.SourceError, match="encrypted"):
        a.ZipSource(io.BytesIO(bytes(raw)))


def test_damaged_zips() -> None:
    good = _zip({"log/key": b"key" * 100}, zipfile.ZIP_STORED).getvalue()
    bad = good.replace(b"keykey", b"kexkey", 1)
    with pytest.raises(a.SourceError, match="damaged"):
        a.ZipSource(io.BytesIO(bad)).read("log/key", 999)
    squeezed = bytearray(_zip({"log/key": bytes(range(256)) * 9}).getvalue())
    squeezed[60:90] = b"\xff" * 30
    with pytest.raises(a.SourceError, match="damaged"):
        a.ZipSource(io.BytesIO(bytes(squeezed))).read("log/key", 9999)
    for nothing in (b"", b"PK", good[:-10]):
        with pytest.raises(a.SourceError, match="not a zip"):
            a.ZipSource(io.BytesIO(nothing))


def test_too_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(a, "FILES_MAX", 1)
    with pytest.raises(a.SourceError, match="more than 1 files"):
        a.ZipSource(_zip({"a": b"", "b": b""}))
    with pytest.raises(a.SourceError, match="more than 1 files"):
        a.FolderSource(folder).names("log")


@pytest.mark.parametrize("target", ["ftp://x/y", "file:///etc/passwd", "no/such/place"])
def test_targets_that_are_none(target: str) -> None:
    with pytest.raises(a.SourceError):
        a.open_source(target)


class Handler(BaseHTTPRequestHandler):
    """Serves a dictionary, and answers of other kinds."""

    files: ClassVar[dict[str, bytes]] = {}
    cookies: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        """One answer."""
        self.cookies.append(self.headers.get("Cookie"))
        if self.path == "/c/oak/elsewhere":
            self._answer(302, b"", Location="file:///etc/passwd")
        elif self.path == "/c/oak/moved":
            self._answer(302, b"", Location="/c/oak/log/key")
        elif self.path == "/c/oak/broken":
            self._answer(500, b"oh")
        elif self.path == "/c/oak/gone":
            self._answer(410, b"")
        elif self.path == "/c/oak/dripping":
            self.send_response(200)
            self.send_header("Content-Length", "999")
            self.end_headers()
            with suppress(OSError):
                for _ in range(100):
                    self.wfile.write(b".")
                    time.sleep(0.02)
        elif self.path == "/c/oak/cut":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"ff\r\nabc")
        elif self.path in self.files:
            self._answer(200, self.files[self.path])
        else:
            self._answer(404, b"")

    def _answer(self, code: int, body: bytes, **headers: str) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Handler.files = {
        "/c/oak/log/key": b"key\n",
        "/c/oak/archive.zip": _zip({"log/key": b"key\n"}).getvalue(),
    }
    yield f"http://127.0.0.1:{server.server_port}/c/oak"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address(address: str) -> None:
    source = a.open_source(address + "/")
    assert source.read("log/key", 9) == b"key\n"
    assert source.read("moved", 9) == b"key\n"
    assert source.names("documents") == []
    assert set(Handler.cookies) == {None}
    for missing in ("log/none", "gone"):
        with pytest.raises(a.MissingFileError):
            source.read(missing, 9)
    with pytest.raises(a.SourceError, match="longer than 3"):
        source.read("log/key", 3)
    with pytest.raises(a.SourceError, match="answers 500"):
        source.read("broken", 9)
    with pytest.raises(a.SourceError, match="broke off"):
        source.read("cut", 999)
    with pytest.raises(a.SourceError):
        source.read("elsewhere", 9)


def test_the_address_of_a_zip(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with a.open_source(f"{address}/archive.zip") as source:
        assert source.read("log/key", 9) == b"key\n"
        assert source.remote
    with pytest.raises(a.MissingFileError):
        a.open_source(f"{address}/none.zip")
    monkeypatch.setattr(a, "ZIP_BYTES_MAX", 10)
    with pytest.raises(a.SourceError, match="longer than 10"):
        a.open_source(f"{address}/archive.zip")


def test_an_address_where_nobody_answers() -> None:
    with pytest.raises(a.SourceError, match="cannot be reached"):
        a.UrlSource("http://127.0.0.1:9").read("log/key", 9)
    with pytest.raises(a.SourceError):
        a.UrlSource("http://[::1").read("log/key", 9)


def test_a_host_that_drips_is_not_read_for_ever(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes well within the time that a silent host is given."""
    monkeypatch.setattr(a, "FILE_SECONDS", 0.2)
    with pytest.raises(a.SourceError, match="too slow"):
        a.UrlSource(address).read("dripping", 999)


DRIPS = {
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "a chunk's size": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "what comes after the chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        b"X: y\r\n",
    ),
    "a redirect's body": (b"HTTP/1.1 302 No\r\nLocation: /x\r\nContent-Length: 9999\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("dripped", DRIPS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_nothing_that_a_host_drips_outlasts_the_deadline(
    monkeypatch: pytest.MonkeyPatch, dripped: str, scheme: str
) -> None:
    """Over https the host drips in place of a greeting."""
    first, drop = DRIPS[dripped]
    ends = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.recv(4096)
                    # The head of a TLS record of 16 kB, then bytes of it.
                    connection.sendall(first if scheme == "http" else b"\x16\x03\x03\x40\x00")
                    while not ends.wait(0.02):
                        connection.sendall(drop)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    monkeypatch.setattr(a, "FILE_SECONDS", 0.3)
    begun = time.monotonic()
    with pytest.raises(a.SourceError, match="too slow"):
        a.UrlSource(f"{scheme}://127.0.0.1:{listening.getsockname()[1]}").read("log/key", 9)
    assert time.monotonic() - begun < 5
    ends.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)
