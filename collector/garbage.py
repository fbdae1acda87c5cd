"""Python's search for cycles of garbage, put off while many objects are made that hold none. Knows nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_garbage_sought() -> Iterator[None]:
    """While tens of thousands of objects are made and kept: each search looks at all of them, and finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
