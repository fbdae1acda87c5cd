"""One measured step each, run in a process of its own so that its CPU time and its memory are its own.

`steps.py official|script|poll|rollup DATABASE HOST DAY` prints JSON. CPU is
what the step itself took, without the start of the program.
"""

from __future__ import annotations

import importlib
import json
import logging
import resource
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

EXPAND = ["downloads", "downloadsAllTime", "likes", "createdAt", "private", "pipeline_tag", "library_name"]
EXPAND += ["baseModels", "tags"]


class Asked(NamedTuple):
    """What a step works on."""

    database: str  #: file
    host: str  #: of the loopback hub
    day: int


def official(of: Asked) -> dict[str, object]:
    """The official client's iteration over the same pages, with the same fields; nothing is kept."""
    from huggingface_hub import HfApi

    # Its type lists the names one by one; EXPAND is the client's own list, as plain text.
    listed = HfApi(endpoint=f"http://{of.host}", token=False).list_models(sort="created_at", expand=EXPAND)  # type: ignore[arg-type]
    return {"models": sum(1 for _ in listed)}


def script(of: Asked) -> dict[str, object]:
    """What people write today: everything listed into a frame, the frame appended to a table."""
    import pandas as pd
    from huggingface_hub import HfApi
    from sqlalchemy import create_engine

    # Its type lists the names one by one; EXPAND is the client's own list, as plain text.
    listed = HfApi(endpoint=f"http://{of.host}", token=False).list_models(sort="created_at", expand=EXPAND)  # type: ignore[arg-type]
    rows = pd.DataFrame([(m.id, m.downloads_all_time, m.downloads, m.likes) for m in listed])
    rows.assign(day=of.day).to_sql("snapshot", create_engine(f"sqlite:///{of.database}.script"), if_exists="append")
    return {"models": len(rows)}


def poll(of: Asked) -> dict[str, object]:
    """Our poll: asked, compared, kept."""
    from collector.hubs.huggingface import HuggingFaceSettings, make
    from collector.model import PollPlan
    from collector.polling import poll_once
    from collector.store.database import Database
    from collector.store.polls import PollStore

    at, stop, plan = datetime(2026, 1, 1, 0, 5, tzinfo=UTC) + timedelta(days=of.day), threading.Event(), PollPlan("all")
    with Database.open(f"sqlite:///{of.database}", write=True) as db:
        hub = make(HuggingFaceSettings(f"http://{of.host}"), plan, lambda: at, stop, logging.getLogger("bench"))
        made = poll_once(hub, PollStore(db), plan, lambda: at, stop, lambda _: None).poll
    return {"models": made.models_listed, "moved": made.models_moved, "pages": made.pages}


def rollup(of: Asked) -> dict[str, object]:
    """Every derived table brought up to date."""
    from collector.config import load_config
    from collector.store.database import Database
    from collector.tasks import knowledge_of, roll_up

    config = load_config(
        Path(of.database).with_suffix(".toml"), {"COLLECTOR__DATABASE__URL": f"sqlite:///{of.database}"}
    )
    with Database.open(f"sqlite:///{of.database}", write=True) as db:
        return {"months": roll_up(db, knowledge_of(config), config.scopes)}


STEPS: dict[str, Callable[[Asked], dict[str, object]]] = {
    "official": official,
    "script": script,
    "poll": poll,
    "rollup": rollup,
}


# Loaded before the clock runs: a program that iterates or polls does so once.
NEEDS = {
    "official": ("huggingface_hub.hf_api",),
    "script": ("huggingface_hub.hf_api", "pandas", "sqlalchemy"),
    "poll": ("collector.hubs.huggingface", "collector.polling", "collector.store.polls"),
    "rollup": ("collector.config", "collector.tasks"),
}


def main() -> None:
    name, database, host, day = sys.argv[1:5]
    for module in NEEDS[name]:
        importlib.import_module(module)
    began, clock = time.process_time(), time.monotonic()
    said = STEPS[name](Asked(database, host, int(day)))
    cpu, wall = time.process_time() - began, time.monotonic() - clock
    print(json.dumps({"cpu": round(cpu, 2), "wall": round(wall, 2), "peak_mb": peak_mb(), **said}))


def peak_mb() -> int:
    """Largest memory of this program. `getrusage` would begin with that of the program which started it."""
    status = Path("/proc/self/status")
    if not status.exists():  # no Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    main()
