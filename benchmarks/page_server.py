"""A loopback hub that sends pages built beforehand, so that the hub is not what is measured. Knows no JSON.

Run as a program: `python -m benchmarks.page_server FOLDER` prints its address; `/day/N` lets it serve FOLDER/dayN.pages
and answers how many pages were asked for since the last such choice.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
from pathlib import Path
from typing import BinaryIO

_PAGE = re.compile(rb"[?&]cursor=p(\d+)")
_DAY = re.compile(rb"GET /day/(\d+)")


class Pages:
    """The pages of the day served now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self.offsets: list[int] = []
        self.requests = 0

    def choose(self, day: int) -> None:
        if self._file is not None:
            self._file.close()
        self.offsets = json.loads((self._folder / f"day{day}.index").read_text())
        self._file = (self._folder / f"day{day}.pages").open("rb")
        self.requests = 0

    def body(self, number: int) -> bytes:
        if self._file is None:
            raise ValueError("no day was chosen")
        self.requests += 1
        self._file.seek(self.offsets[number])
        return self._file.read(self.offsets[number + 1] - self.offsets[number])


def answer(pages: Pages, head: bytes, host: str) -> bytes:
    """The answer to a request."""
    if day := _DAY.match(head):
        asked = pages.requests
        pages.choose(int(day[1]))
        return _answer(str(asked).encode(), "")
    target = head.split(b" ", 2)[1]
    found = _PAGE.search(target)
    number = int(found[1]) if found else 0
    link = ""
    if number + 2 < len(pages.offsets):
        bare = _PAGE.sub(b"", target).decode()
        link = f'Link: <http://{host}{bare}&cursor=p{number + 1}>; rel="next"\r\n'
    return _answer(pages.body(number), link)


def _answer(body: bytes, more: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def serve_connection(pages: Pages, connection: socket.socket, host: str) -> None:
    """Answers one client until it hangs up."""
    waiting = b""
    with connection:
        while True:
            while b"\r\n\r\n" not in waiting:
                received = connection.recv(65536)
                if not received:
                    return
                waiting += received
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            connection.sendall(answer(pages, head, host))


def main() -> None:
    pages = Pages(Path(sys.argv[1]))
    listening = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listening.getsockname()[1]}"
    print(host, flush=True)
    while True:
        connection, _ = listening.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_connection, args=(pages, connection, host), daemon=True).start()


if __name__ == "__main__":
    main()
