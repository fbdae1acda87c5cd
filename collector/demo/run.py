"""`collector demo`: the recording served by a loopback hub, polled date by date, and reported on.

Everything is real but the network and the clock: HTTP, client, database, measure, report. Knows the order of the steps;
counts nothing itself.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

from collector.asking import Headline, Span, knowledge_of
from collector.columns import COUNTRY_SHARE
from collector.config import Config, load_config
from collector.demo.hub import LoopbackHub
from collector.demo.recording import Recording, load_recording, show_day, world_on
from collector.errors import CollectorError
from collector.hubs import HUBS, HuggingFaceSettings
from collector.model import PollPlan, from_seconds, month_window
from collector.origins.knowledge import Knowledge
from collector.polling import poll_once
from collector.report.data import ReportData
from collector.report.text import Column, table_lines
from collector.store.database import Database, upgrade
from collector.store.polls import PollStore
from collector.tasks import Pack, headline_text, roll_up, write_report

MONTHS = ("2026-06", "2026-07", "2026-08", "2026-09")
POLLED_AT = time(0, 5, tzinfo=UTC)  # of each recorded date, as the daemon would
SHOWN = 8  # countries in the table of months
LOOPBACK = "http://127.0.0.1"  # what the data packages name: the port is another one each time
ENOUGH_REQUESTS = 1_000_000  # a day, so that the loopback hub's own limit is not what is shown

_CONFIG = """\
# Written by `collector demo`: its database and reports, to be looked at with collector --config {name}.
# The recording is a panel of models, so no hub is polled from here.

[hub.huggingface]
enabled = false
models = "top"
top = {top}

[[scope]]
name = "all"
[[scope]]
name = "llm"
pipeline_tags = ["text-generation", "image-text-to-text", "any-to-any"]
created_after = 2022-11-30
[[scope]]
name = "llm-originals"
pipeline_tags = ["text-generation", "image-text-to-text", "any-to-any"]
created_after = 2022-11-30
exclude_relations = ["quantized"]
"""
_MARK = _CONFIG.splitlines()[0].split(":")[0]


def run_demo(folder: Path, say: Callable[[str], None], width: int) -> list[Pack]:
    """The whole run; leaves config.toml, collector.db and reports/ in `folder`. CollectorError when it cannot.

    What it wrote, month by month; `say` hears all of it in words, for a terminal of `width` columns.
    """
    recording = load_recording()
    config = _prepare(folder, recording.largest_listing)
    knowledge = knowledge_of(config)
    say(
        f"Polling a loopback hub that serves a recording of {len(recording.models):,} models on "
        f"{len(recording.dates)} dates …"
    )
    upgrade(config.database.url)
    with Database.open(config.database.url, write=True) as db:
        _poll_every_date(db, recording, say)
        roll_up(db, knowledge, config.scopes)
    packs = [write_report(config, None, Span(month_window(month)), None) for month in MONTHS]
    for line in _told(packs, config, knowledge, width):
        say(line)
    say(f"\nDatabase, configuration and the CSV packs of {len(packs)} months are in {folder}. For instance:")
    say(f"  collector --config {folder / 'config.toml'} sql 'SELECT * FROM country_share_month LIMIT 5'")
    return packs


def _prepare(folder: Path, top: int) -> Config:
    """An empty folder with the demo's configuration; what an earlier demo left in it is removed, nothing else."""
    path = folder / "config.toml"
    try:
        if folder.exists() and any(folder.iterdir()):
            if not (path.is_file() and path.read_text(encoding="utf-8").startswith(_MARK)):
                raise CollectorError(f"{folder} holds other files; name another folder with --out")
            for old in folder.glob("collector.db*"):
                old.unlink()
            shutil.rmtree(folder / "reports", ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(_CONFIG.format(name=path, top=top), encoding="utf-8")
    except OSError as error:
        raise CollectorError(f"cannot write to {folder}: {error.strerror}; name another folder with --out") from error
    return load_config(path, {})


def _poll_every_date(db: Database, recording: Recording, say: Callable[[str], None]) -> None:
    world = world_on(recording, recording.dates[0])
    plan = PollPlan("top", recording.largest_listing)
    with LoopbackHub(world, quota=ENOUGH_REQUESTS) as hub:
        for day in recording.dates:
            show_day(world, recording, day)
            world.clock.set(datetime.combine(day, POLLED_AT))
            settings = HuggingFaceSettings(hub.url)
            client = HUBS["huggingface"](
                settings, plan, world.clock.now, threading.Event(), logging.getLogger(__name__)
            )
            done = poll_once(client, PollStore(db), plan, world.clock.now, threading.Event(), lambda _: None).poll
            say(f"  {day}  {done.models_listed:,} models listed, {done.models_new:,} of them new")
    PollStore(db).hub_id("huggingface", LOOPBACK)


def _told(packs: Sequence[Pack], config: Config, knowledge: Knowledge, width: int) -> list[str]:
    first = config.scopes[0].name
    last = packs[-1].data
    return [
        "",
        headline_text(last, Headline(first, config.report.attribution, "country"), width),
        "",
        "Shares by country of origin (base attribution), month by month:",
        "",
        *_months_table([pack.data for pack in packs], first, knowledge, width),
        "",
        "This is a recording of a selection of language models, not the whole hub: a panel of models that were read",
        "near every month's end. Shares are the panel's; its volumes are the panel's too, and no trend. The hub's",
        "cumulative counter was not recorded, so every figure is estimated from rolling 30-day counts, read on:",
        *[f"  {pack.data.window.label}: {_readings(pack.data)}" for pack in packs],
    ]


def _months_table(reports: Sequence[ReportData], scope: str, knowledge: Knowledge, width: int) -> list[str]:
    by_month = [report.table(COUNTRY_SHARE, scope, "base").set_index("country")["share"] for report in reports]
    top = by_month[-1].sort_values(ascending=False).index[:SHOWN].tolist()
    names = Column("country", [f"{code}  {knowledge.countries.get(code, code)}" for code in top])
    shares = [
        Column(report.window.label, [f"{shares.get(code, 0.0):.1%}" for code in top], right=True)
        for report, shares in zip(reports, by_month, strict=True)
    ]
    return list(table_lines([names, *shares], width))


def _readings(report: ReportData) -> str:
    """The dates of the readings within the month and beside it."""
    days: list[date] = [from_seconds(poll.started_at).date() for poll in report.polls]
    return ", ".join(day.isoformat() for day in days)
