"""`make soak`: 400 days with a month, a year and a leap day in them, 300 kills, and the table of what was survived.

python -m tests.soak [--days 400] [--kills 300] [--seed 2027]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from tests.soak.soak import Plan, prove

FIRST = date(2027, 2, 10)
OFF = (40, 41, 42, 200, *range(300, 307))  # days on which the daemon does not run


def main() -> None:
    """Runs it; an AssertionError says what was lost."""
    plan = asked_for()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        survived = prove(Path(folder), plan, lambda day: print(f"\r{day}", end="", file=sys.stderr, flush=True))
    print(
        f"\n{plan.days} days from {plan.first} in {time.monotonic() - began:.0f} s; the database and every report equal"
    )
    print("those of a run without any of this:\n")
    print("\n".join(survived.lines()))
    print(f"\nslowest stop by SIGTERM: {survived.slowest_stop_seconds:.1f} s (promised: 5)")


def asked_for() -> Plan:
    """The days and kills of the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    for name, default in (("days", 400), ("kills", 300), ("seed", 2027)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args()
    return Plan(FIRST, chosen.days, chosen.kills, OFF, chosen.seed)


if __name__ == "__main__":
    main()
