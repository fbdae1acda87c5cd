"""Which tests go to one worker, and in what order, so that several workers end together. Changes no result."""

from __future__ import annotations

from typing import Any

#: What takes longest comes first: what is left for the end is small. A folder here goes to one worker, since what its
#: fixtures make (the demo's database on a server) is made once for each worker.
FIRST = (
    "tests/acceptance/test_both_engines.py",
    "tests/takeaway/",
    "tests/test_cli.py",
    "tests/acceptance/test_dumps_alone.py",
    "tests/daemon/test_real.py",
    "tests/soak/",
    "tests/demo/test_demo_run.py",
    "tests/benchmarks/",
)


def unit(nodeid: str) -> str:
    """What goes to one worker together with this test: its file, or a folder of `FIRST`."""
    file = nodeid.partition("::")[0]
    return next((place for place in FIRST if place.endswith("/") and file.startswith(place)), file)


def turn(nodeid: str) -> int:
    """When a test's unit is begun; those of one turn in the order of their names."""
    return next((n for n, place in enumerate(FIRST) if nodeid.startswith(place)), len(FIRST))


def by_unit(config: Any, log: Any) -> Any:
    """A scheduler of pytest-xdist that gives out whole units in the order of the collection."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = unit  # what its subclasses override; without types of its own it cannot be one's base
    return scheduler


def arrange(tests: list[Any]) -> None:
    """Puts collected tests into the order of their turns."""
    tests.sort(key=lambda test: turn(test.nodeid))
