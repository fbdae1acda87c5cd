"""`make soak`: 400 days with a month, a year and a leap day in them, 300 kills, and the table of what was survived."""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.soak.soak import Plan, prove

PLAN = Plan(date(2027, 2, 10), days=400, kills=300, off=(40, 41, 42, 200, *range(300, 307)), seed=2027)


def main() -> None:
    """Runs it; an AssertionError says what was lost."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        survived = prove(Path(folder), PLAN, lambda day: print(f"\r{day}", end="", file=sys.stderr, flush=True))
    print(
        f"\n{PLAN.days} days from {PLAN.first} in {time.monotonic() - began:.0f} s; the database and every report equal"
    )
    print("those of a run without any of this:\n")
    print("\n".join(survived.lines()))
    print(f"\nslowest stop by SIGTERM: {survived.slowest_stop_seconds:.1f} s (promised: 5)")


if __name__ == "__main__":
    main()
