"""One measured step each, run in a process of its own so that its CPU time and its memory are its own.

`python -m benchmarks.steps NAME DATABASE HOST DAY [WORD ...]` prints JSON. CPU is what the step itself took: of our own
steps without the start of the program, of a command with it. A new step is a function, a line in STEPS and, for what
it loads before the clock runs, one in NEEDS; the peers' steps are in `peers`.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import peers
from benchmarks.asked import SERVER, Asked, Said
from collector.garbage import seek_garbage_seldom

COLLECTOR = Path(sys.executable).with_name("collector")


def poll(of: Asked) -> Said:
    """Our poll: asked, compared, kept."""
    from benchmarks.moments import Clock, Paced
    from collector.hubs.huggingface import HuggingFaceSettings, make
    from collector.model import PollPlan
    from collector.polling import poll_once
    from collector.store.database import Database
    from collector.store.polls import PollStore

    clock, stop, plan = Clock(of.day), threading.Event(), PollPlan("all")
    with Database.open(of.url, write=True) as db:
        hub = make(HuggingFaceSettings(f"http://{of.host}"), plan, clock.now, stop, logging.getLogger("bench"))
        made = poll_once(Paced(hub, clock), PollStore(db), plan, clock.now, stop, lambda _: None).poll
    return {"models": made.models_listed, "moved": made.models_moved, "pages": made.pages}


def rollup(of: Asked) -> Said:
    """Every derived table brought up to date, as the daemon does it after a poll."""
    return _rolled_up(of, 0)


def restate(of: Asked) -> Said:
    """One month in which only descriptions changed, as the daemon does it each hour."""
    return _rolled_up(of, 1)


def _rolled_up(of: Asked, most_restated: int) -> Said:
    from collector.asking import knowledge_of
    from collector.config import load_config
    from collector.store.database import Database
    from collector.tasks import roll_up

    config = load_config(of.config, {"COLLECTOR__DATABASE__URL": of.url})
    with Database.open(of.url, write=True) as db:
        return {"months": roll_up(db, knowledge_of(config), config.scopes, most_restated)}


def countries(of: Asked) -> Said:
    """Downloads by uploaders' country of a month, from what the roll-up keeps."""
    from collector.store.queries import run_sql

    query = (
        "SELECT country, downloads FROM country_share_month"
        " WHERE \"window\" = :month AND scope = 'all' AND attribution = 'publisher'"
    )
    answer = run_sql(of.url, query, parameters={"month": of.words[0]})
    return {"countries": dict(answer.rows)}


def parquet(of: Asked) -> Said:
    """What `collector export` writes of a month's models: all that the peers need of it, and no readings."""
    from collector import exporting

    query = 'SELECT * FROM model_downloads_month WHERE "window" = :month'
    folder = of.folder / "model_downloads_month" / f"month={of.words[0]}"
    return {"rows": exporting._file(folder, of.url, query, {"month": of.words[0]})}


def command(of: Asked) -> Said:
    """A command of ours, start-up included; what it writes is shown when it fails."""
    # A variable costs a command 0.04 s: what a user writes into the file stands there.
    environment = os.environ | ({"COLLECTOR__DATABASE__URL": of.server} if of.server else {})
    line = [str(COLLECTOR), "--config", str(of.config), *of.words]
    done = subprocess.run(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": round(used.ru_utime + used.ru_stime, 2), "peak_mb": used.ru_maxrss // 1024}


STEPS: Mapping[str, Callable[[Asked], Said]] = {
    "poll": poll,
    "rollup": rollup,
    "restate": restate,
    "countries": countries,
    "parquet": parquet,
    "command": command,
    **peers.STEPS,
}

#: Loaded before the clock runs: a program that iterates or polls does so once.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "poll": ("benchmarks.moments", "collector.hubs.huggingface", "collector.polling", "collector.store.polls"),
    "rollup": ("collector.config", "collector.tasks"),
    "restate": ("collector.config", "collector.tasks"),
    "countries": ("collector.store.queries",),
    "parquet": ("collector.exporting", "pyarrow.parquet"),
    **peers.NEEDS,
}


def main() -> None:
    seek_garbage_seldom()  # as the program does
    name, database, host, day, *words = sys.argv[1:]
    asked = Asked(database, host, int(day), tuple(words), os.environ.get(SERVER, ""))
    print(json.dumps(measured(name, asked)))


def measured(name: str, of: Asked) -> Said:
    """What the step says, with `cpu` and `wall` seconds, `peak_mb` and `written_mb`."""
    for module in NEEDS.get(name, ()):
        importlib.import_module(module)
    began, clock = time.process_time(), time.monotonic()
    said = STEPS[name](of)
    cpu, wall = time.process_time() - began, time.monotonic() - clock
    told = {"cpu": round(cpu, 3), "wall": round(wall, 3), "peak_mb": peak_mb(), "written_mb": written_mb()}
    return told | said


def peak_mb() -> int:
    """Largest memory of this program. `getrusage` would begin with that of the program which started it."""
    status = Path("/proc/self/status")
    if not status.exists():  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


def written_mb() -> int:
    """What this program has sent to the disk so far; 0 where the system does not say."""
    io = Path("/proc/self/io")
    if not io.exists():
        return 0
    (line,) = (line for line in io.read_text().splitlines() if line.startswith("write_bytes"))
    return int(line.split()[1]) // 1_000_000


if __name__ == "__main__":
    main()
