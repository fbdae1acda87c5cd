"""How cost grows with the hub and with its history: the table of `make bench-growth`.

`python -m benchmarks.growth FOLDER MODELS,MODELS,... DAYS,DAYS,...`. Each hub lives once, from its first poll on; at
each length of history one more poll and one more roll-up are measured. A file that would hold more than
`MOST_MODEL_DAYS` is not written: its size is projected from the bytes and the changes a day measured before, and the
row says so.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks import bench, running
from benchmarks.bench import Bench, Size, measure_size
from benchmarks.running import Cost

MOST_MODEL_DAYS = 1_000_000_000

HEAD = (
    "| models | days of history | poll, CPU s | a model, µs | of day 2 | peak MB | file, GB | roll-up after it, CPU s"
    " | peak MB | `report`, CPU s | peak MB |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


class Point(NamedTuple):
    """What a hub of one size costs after some days of history; None: not measured."""

    models: int
    days: int
    file: float  #: bytes, before roll-up
    poll: Cost | None = None
    of_day_2: float | None = None  #: ratio
    rollup: Cost | None = None
    report: Cost | None = None

    def __str__(self) -> str:
        cells = [f"{self.models:,}", str(self.days)]
        if self.poll is None:
            cells += ["projected", "", "", "", f"{self.file / 1e9:.2f} projected"]
        else:
            each = f"{self.poll.cpu_seconds / self.models * 1e6:.1f}"
            ratio = "" if self.of_day_2 is None else f"{self.of_day_2:.2f}"
            cells += [f"{self.poll.cpu_seconds:.1f}", each, ratio, str(self.poll.peak_mb), f"{self.file / 1e9:.2f}"]
        for cost in (self.rollup, self.report):
            cells += ["", ""] if cost is None else [f"{cost.cpu_seconds:.2f}", str(cost.peak_mb)]
        return f"| {' | '.join(cells)} |"


def points(made: Bench, lengths: Sequence[int]) -> Iterator[Point]:
    """One hub at each length of history, in rising order, beginning with a single day."""
    made.poll()
    sized: tuple[int, Size] | None = None
    day_2: Cost | None = None
    for days in sorted(lengths):
        if made.models * days > MOST_MODEL_DAYS and sized is not None:
            before, size = sized
            yield Point(made.models, days, size.after(days - before))
            continue
        if days > 1:
            made.let_pass(days)
        sized = days, measure_size(made.database)
        made.rollup()
        made.next_day()
        polled = made.poll()
        day_2 = day_2 or polled
        ratio = polled.cpu_seconds / day_2.cpu_seconds
        yield Point(made.models, days, sized[1].file, polled, ratio, made.rollup(), made.report())


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    sizes, lengths = ([int(word) for word in words.split(",")] for words in sys.argv[2:4])
    print(f"{bench.machine()}\n\n{HEAD}", flush=True)
    for models in sizes:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with running.loopback_hub(folder) as hub:
            for point in points(Bench(folder, hub, models), lengths):
                print(point, flush=True)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
