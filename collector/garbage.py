"""Python's search for cycles of garbage, put off while many objects are made that hold none. Knows nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def seek_garbage_seldom() -> None:
    """What a program loads stays: looking for garbage among it every 700 objects takes a fifth of a start, and every
    50,000 still a tenth. Commands that answer at once make fewer objects than this.
    """
    gc.set_threshold(200_000)


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


def seek_new_garbage() -> None:
    """Among what was made since the last search alone: for a long task that leaves some behind at each step.

    Where 200,000 objects may be made before anybody looks, the first poll of 300,000 models took 240 MB; so it takes
    159.
    """
    gc.collect(1)
