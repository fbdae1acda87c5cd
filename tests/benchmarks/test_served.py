"""The benchmark of both engines runs, small, from its first step to its last; no figure of it is looked at."""

from __future__ import annotations

from pathlib import Path

from benchmarks import running, steps
from benchmarks.asked import Asked
from benchmarks.running import Cost
from benchmarks.served import Row, Served


def run_here(name: str, of: Asked) -> Cost:
    """A step in this process; of commands only the copy is given, the others have tests of their own."""
    if name == "command" and of.words[0] != "db":
        of = of._replace(words=("--help",))
    return Cost.of(steps.measured(name, of))


def test_every_step_gives_the_same_on_both_engines(tmp_path: Path, server_url: str) -> None:
    with running.loopback_hub(tmp_path) as hub:
        both = Served(tmp_path, hub, server_url, run_here)
        rows = [both.fill(1_000, 32), *both.rows()]
    assert all(row.served is not None for row in rows if row.file is not None)
    assert not [row for row in rows if "not the same" in row.found]
    assert len(rows) == 9


def test_a_server_on_another_machine_has_no_cpu_time_to_show() -> None:
    row = Row("poll", Cost(1, 2, 3), Cost(4, 5, 6), None)
    assert str(row) == "| poll | 1.00 (2.00) | 4.00 (5.00) |  |  |"
