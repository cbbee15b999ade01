"""Row 8: ``vpo serve`` with 50 clients while it processes 1,000 files, against ``vpo process``.

Ten clients look at the first page, which they fetch again whenever an event says so, as a browser
does; the others hold an event stream open and go to another page every five seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from bench.library import VPO, Vpo, copies, run
from bench.table import Figure, seconds
from bench.timing import measure

COUNT, CLIENTS, LOOKING = 1_000, 50, 10
PAGES = ("/queue", "/library", "/runs", "/review", "/api/v1/status")
PAUSE = 5.0
POLICY = """
schema_version: 13
phases:
  - name: encode
    transcode: {video: {to: hevc, crf: 30, preset: ultrafast}}
"""


def figures(folder: Path) -> Iterator[Figure]:
    original = folder / "clip.mkv"
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25:duration=2")
    run("ffmpeg", "-nostdin", "-v", "error", *picture, "-c:v", "libx264", original)
    alone = _alone(folder, original)
    served = _served(folder, original)
    ratio = served.took / alone
    name = f"{COUNT:,} files, while {CLIENTS} clients look"
    yield Figure("8", name, seconds(alone), seconds(served.took), ratio, 1.03)
    late = statistics.quantiles(served.pages, n=20)[-1]
    name = f"p95 of {len(served.pages):,} pages meanwhile"
    yield Figure("8", name, "", seconds(late), late * 1000, 200, unit=" ms")
    yield Figure(
        "8", "memory of the server", "", f"{served.memory:.0f} MB", served.memory, 250, unit=" MB"
    )


class _Served(NamedTuple):
    """How long the files took, how long each page took, and the server's largest size in MB."""

    took: float
    pages: list[float]
    memory: float


def _alone(folder: Path, original: Path) -> float:
    library = folder / "alone"
    copies(original, library, COUNT)
    vpo = Vpo(folder, POLICY)
    return vpo("-R", "-w", "2", library).seconds


def _served(folder: Path, original: Path) -> _Served:
    library = folder / "served"
    copies(original, library, COUNT)
    own = folder / "server"
    own.mkdir()
    vpo = Vpo(own, POLICY)
    port = _free_port()
    Path(vpo.env["VPO_CONFIG"]).write_text(
        f"[processing]\nworkers = 2\n[serve]\nport = {port}\n"
        f'[[libraries]]\nname = "all"\nfolders = ["{library}"]\npolicy = "{vpo.policy}"\n'
    )
    _say(vpo, "queue", "add", library)
    _say(vpo, "pause")
    environment = {**os.environ, **vpo.env}
    with subprocess.Popen([VPO, "serve"], env=environment, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        assert b"open" in server.stdout.readline()
        try:
            return _watched(server.pid, port, vpo)
        finally:
            server.terminate()


def _say(vpo: Vpo, *words: str | Path) -> None:
    measure([VPO, *words], vpo.env)


def _watched(pid: int, port: int, vpo: Vpo) -> _Served:
    ended, pages = threading.Event(), list[float]()
    clients = [
        threading.Thread(target=_look if number < LOOKING else _browse, args=(port, ended, pages))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        began = time.monotonic()
        _say(vpo, "resume")
        while _waiting(port):
            time.sleep(0.2)
        took = time.monotonic() - began
    finally:
        ended.set()
        for client in clients:
            client.join()
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    (memory,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return _Served(took, pages, int(memory) / 1000)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _get(port: int, path: str) -> str:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as asked:
        asked.request("GET", path)
        answer = asked.getresponse()
        text = answer.read().decode()
        assert answer.status == 200, (path, answer.status)
        return text


def _waiting(port: int) -> bool:
    counts = re.findall(r'^vpo_queue_files\{state="\w+"\} (\S+)', _get(port, "/metrics"), re.M)
    return any(float(count) for count in counts)


@contextlib.contextmanager
def _stream(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port)) as stream:
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream.settimeout(0.5)
        yield stream


def _look(port: int, ended: threading.Event, pages: list[float]) -> None:
    """Fetch the first page whenever something has changed, as its script does."""
    with _stream(port) as stream:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                if b"event: status" in stream.recv(1 << 16):
                    pages.append(_timed(port, "/"))


def _browse(port: int, ended: threading.Event, pages: list[float]) -> None:
    with _stream(port) as stream:
        while not ended.wait(PAUSE):
            with contextlib.suppress(TimeoutError):
                stream.recv(1 << 20)
            pages.append(_timed(port, PAGES[len(pages) % len(PAGES)]))


def _timed(port: int, path: str) -> float:
    began = time.monotonic()
    _get(port, path)
    return time.monotonic() - began
