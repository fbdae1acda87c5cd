"""A stop that SIGTERM and SIGINT set. Knows signals; knows nothing of what is being stopped."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType
from typing import Self

from collector.errors import Stopped

_STOPPED = "stopped; what was read is kept, and what follows from it is worked out at the next start or poll"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopOnSignal:
    """Set by the first SIGTERM or SIGINT while it is entered; a second one acts as if this were not here.

    Not a `threading.Event`: its lock can be held by the very thread that the signal interrupts, which would then wait
    for itself. A flag and a pipe have no lock. To be entered in the main thread, asked and waited on in any.
    """

    def __init__(self) -> None:
        self._set = False
        self._raises = False

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        """Set it; whoever waits goes on at once."""
        if not self._set:
            self._set = True
            os.write(self._write, b".")

    def wait(self, timeout: float) -> bool:
        """Whether it is set, within so many seconds."""
        if not self._set:
            select.select([self._read], [], [], timeout)
        return self._set

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within it a signal raises Stopped at once: for work that can be broken off anywhere."""
        self._raises = True
        try:
            if self._set:
                raise Stopped(_STOPPED)
            yield
        finally:
            self._raises = False

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        signal.signal(number, self._before[signal.Signals(number)])
        self.set()
        if self._raises:
            raise Stopped(_STOPPED)


def at_once(stop: object) -> AbstractContextManager[None]:
    """Within it a stop by signal breaks off what runs; any other kind of stop is looked at by whoever was given it."""
    return stop.at_once() if isinstance(stop, StopOnSignal) else nullcontext()
