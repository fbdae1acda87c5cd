"""What the daemon has done beside its schedules: one call for each thing, opened, done, closed, and remembered.

Knows how the parts are joined; knows no schedule, no signal and no thread but that two may write in turn. The clock and
the stop event are passed in.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from collector import counting
from collector.alerts import Alert, Shares, crossings, moves, overdue, stale, tell
from collector.asking import Now, Span, knowledge_of
from collector.columns import COUNTRY_SHARE, FAMILY_SHARE
from collector.config import Config
from collector.errors import CollectorError, StoreError
from collector.hubs import Stop
from collector.looking import month_number
from collector.model import Window, from_seconds, month_window, months_between, to_seconds
from collector.recounting import wrong_accounts, wrong_columns, wrong_months
from collector.report.data import ReportData
from collector.report.pack import DATAPACKAGE, remove_leftovers
from collector.report.revisions import new_shares, note_revisions, revisions, standing_shares
from collector.store import hubwide, marks, publishers, queries, waiting, watching
from collector.store.backup import backup, backup_name, rotate
from collector.store.check import check
from collector.store.database import Database
from collector.store.jobs import Done, Jobs
from collector.store.watching import HubNumbers
from collector.tasks import (
    poll_sentence,
    read_hub,
    report_data,
    report_folder,
    roll_up,
    trailing,
    write_data,
)

LEFT_OVER = timedelta(hours=6)  # nobody writes a pack for so long: what is older was left by one who was killed
MONTHS_RECOUNTED = 3  # by each check: older ones hardly change, and each takes as long as a report of other dates
CLOCK_SLACK = timedelta(hours=1)  # a poll dated later than this from now was made under a clock that was wrong


@dataclass(frozen=True, slots=True)
class Figures:
    """Numbers to watch."""

    hubs: list[HubNumbers]
    flags: Mapping[str, Mapping[str, int]]  #: by hub and kind, of the latest month worked out
    sizes: tuple[int, int] | None  #: bytes of the database and of its log; None on a server
    untold: int  #: alerts that wait for the webhook


@dataclass
class Upkeep:
    """The work of one configuration; replaced whole when that is loaded anew."""

    config: Config
    now: Now
    log: logging.Logger
    turn: threading.Lock = field(default_factory=threading.Lock)  #: whose turn it is to write
    _rolled_up: object = None  #: state of facts and of the user's files that was rolled up last
    _flags: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _told_without_database: set[str] = field(default_factory=set)

    # --- polls ---

    def last_poll_started(self, hub: str) -> datetime | None:
        """Start of the hub's last complete poll; None: there was none. What the future holds is a clock's mistake."""
        with self._reading() as db:
            found = watching.last_complete_start(db, hub, to_seconds(self.now() + CLOCK_SLACK))
        return None if found is None else from_seconds(found)

    def poll(self, hub: str, stop: Stop) -> None:
        """Polls the hub to the end and logs how it went; what follows from it is `roll_up`'s."""
        with self._writing() as db:
            result = read_hub(db, self.config.hubs[hub], now=self.now, stop=stop, log=self.log, progress=lambda _: None)
        self.log.info(poll_sentence(hub, result), extra={"poll": result.poll.id})

    # --- derived tables ---

    def is_rolled_up(self) -> bool:
        """Whether the derived tables are as the facts, the configuration and the user's registry file say."""
        return self._rolled_up == self._standing()

    def has_months_to_restate(self) -> bool:
        """Whether any month keeps the shares that it had before models in it were described anew."""
        with self._reading() as db, db.connect() as conn:
            return any(waiting.waiting(conn, hub.id) for hub in queries.hubs(db))

    def roll_up(self, most_restated: int | None = 0) -> None:
        """Brings the derived tables up to date; of months in which only descriptions changed so many (None: all).

        A registry that cannot be read is an error, and the last one stays.
        """
        standing = self._standing()
        with self._writing() as db:
            rebuilt = roll_up(db, knowledge_of(self.config), self.config.scopes, most_restated)
            self._flags = watching.flags_of_latest_month(db)
        self._rolled_up = standing
        for hub, months in rebuilt.items():
            if months:
                self.log.info("%s: worked out %s anew", hub, ", ".join(months), extra={"hub": hub})

    def _standing(self) -> object:
        with self._reading() as db:
            return watching.facts_mark(db), _stamp(self.config.origins.file)

    # --- reports ---

    def reports_wanted(self, until: Window | None) -> list[tuple[str, Window]]:
        """Reports (hub, month) whose last poll is in and that are missing or rest on other facts than are known now.

        `until`: the last month that is to be reported for the first time (None: none is); with it come the months since
        the last one written.
        """
        found = []
        with self._reading() as db:
            for hub in queries.hubs(db):
                written = {job.name.split()[2]: job.note for job in Jobs(db).named(f"report {hub.name} ")}
                last = watching.last_complete_start(db, hub.name, to_seconds(self.now()))
                for month in _months(sorted(written), until):
                    is_in = last is not None and last >= month.end
                    if is_in and self._is_outdated(db, hub, month, written.get(month.label)):
                        found.append((hub.name, month))
        return found

    def report(self, hub: str, month: Window) -> None:
        """Writes the pack of a month; what changed against one written before is logged and kept in revisions.csv.

        A pack whose figures are what they were stays as it was published, though a model may have another name now.
        """
        name = f"report {hub} {month.label}"
        with self._reading() as db:
            number = next(known.id for known in queries.hubs(db) if known.name == hub)
            rests_on = f"{marks.mark_of(db, number, marks.shares_of(month))} {marks.figures_of(db, hub, month)}"
            written = Jobs(db).last(name)
            is_there = self._is_there(db, hub, month)
        if not is_there or written is None or written.note.split()[1:] != rests_on.split()[1:]:
            self._write_report(hub, month)
        self._done(name, rests_on)

    def _write_report(self, hub: str, month: Window) -> None:
        data, folder = report_data(self.config, hub, Span(month))
        remove_leftovers(folder, self.now() - LEFT_OVER)
        before = standing_shares(folder / month.label)
        if revised := before and revisions(before, new_shares(data)):
            file = note_revisions(folder, (hub, month.label), self.now(), revised)
            words = "%s: late data changed the report of %s: %d rows of %s differ, listed in %s"
            self.log.warning(words, hub, month.label, len(revised), COUNTRY_SHARE.name, file)
        pack = write_data(self.config, data, folder)
        self.log.info("%s: wrote the report of %s to %s", hub, month.label, pack.folder)

    def _is_outdated(self, db: Database, hub: queries.Hub, month: Window, rests_on: str | None) -> bool:
        mark = marks.mark_of(db, hub.id, marks.shares_of(month))
        if mark is None:
            return False  # nothing was worked out for it: there is nothing to say
        return rests_on is None or rests_on.split()[0] != mark or not self._is_there(db, hub.name, month)

    def _is_there(self, db: Database, hub: str, month: Window) -> bool:
        folder = report_folder(self.config, queries.hubs(db), hub)
        return (folder / month.label / DATAPACKAGE).exists()

    # --- keeping the data ---

    def last_done(self, name: str) -> datetime | None:
        """When a job was last done to its end; None: never, or under a clock that was wrong."""
        with self._reading() as db:
            done = Jobs(db).last(name)
        known = done is not None and done.done_at <= to_seconds(self.now() + CLOCK_SLACK)
        return from_seconds(done.done_at) if done is not None and known else None

    def backup(self, stop: Stop) -> None:
        """Writes a verified copy to the configured folder and removes the oldest."""
        folder = self.config.backup.directory
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror}; change [backup] directory") from error
        target = folder / backup_name(self.now())
        size = backup(self.config.database.url, target, stop.is_set)
        removed = rotate(folder, self.config.backup.keep)
        self.log.info("backup of %.1f MB in %s, %d old ones removed", size / 1e6, target, len(removed))
        self._done("backup", target.name)

    def check(self) -> None:
        """Checks the database; what is wrong becomes an alert and an error, and derived rows are worked out anew."""
        with self._reading() as db:
            findings, kept, wrong = check(db), wrong_columns(db), wrong_months(db, MONTHS_RECOUNTED)
            accounts = wrong_accounts(db)
        if kept or wrong or accounts:
            with self._writing() as db:
                for each in wrong:
                    counting.forget(db, each.hub, each.month)
                for columns in kept:
                    if columns.month is None:
                        hubwide.forget(db, columns.hub.id)
                    else:
                        counting.forget(db, columns.hub, columns.month)
                for of in accounts:
                    publishers.forget(db, of.hub.id, month_number(of.month))
                if kept or accounts:  # whatever was worked out may rest on them
                    marks.clear_marks(db)
            self._rolled_up = None
        findings += map(str, (*kept, *wrong, *accounts))
        if findings:
            words = f"the database is not sound: {findings[0]}"
            self.raise_alerts([Alert(f"check {self.now():%Y-%m-%d}", words)])
        self._done("check", f"{len(findings)} findings")
        if findings:
            raise StoreError(f"{len(findings)} findings, the first: {findings[0]}; see `collector db check`")
        self.log.info("the database is sound")

    # --- alerts ---

    def watch(self, since: datetime) -> None:
        """Raises what the polls and the latest shares give reason for. `since`: when the daemon began."""
        try:
            found, looked_at = self._found(since)
            self.raise_alerts(found, looked_at)
        except StoreError as error:
            self._tell_without_database(Alert("database", f"the database cannot be used: {error}"))
            raise
        self._told_without_database.clear()

    def raise_alerts(self, alerts: list[Alert], because: list[Done] | None = None) -> None:
        """Keeps alerts that are new, and logs them; `tell_next` tells them."""
        if not alerts and not because:
            return
        words = {alert.key: alert.words for alert in alerts}
        with self._reading() as db:
            known = Jobs(db).known(list(words))
        if because or set(words) - known:
            with self._writing() as db:
                fresh = Jobs(db).raise_alerts(words, to_seconds(self.now()), because or [])
            for key in fresh:
                self.log.warning("alert: %s", words[key])

    def untold(self) -> int:
        """How many alerts wait to be told."""
        with self._reading() as db:
            return len(Jobs(db).untold())

    def tell(self) -> None:
        """Tells every alert that waits, oldest first; without a webhook the log line was all."""
        with self._reading() as db:
            waiting = Jobs(db).untold()
        for alert in waiting:
            if self.config.alert.webhook is not None:
                tell(self.config.alert.webhook, Alert(alert.key, alert.words), from_seconds(alert.raised_at))
            with self._writing() as db:
                Jobs(db).told(alert.key, to_seconds(self.now()))

    def _found(self, since: datetime) -> tuple[list[Alert], list[Done]]:
        """What is wrong now, and the shares that were compared with those of the poll before."""
        now, found, looked_at = self.now(), [], []
        enabled = [name for name, hub in self.config.hubs.items() if hub.enabled]
        with self._reading() as db:
            numbers = {each.hub: each for each in self._numbers(db)}
            compared = {name: Jobs(db).last(f"shares {name}") for name in enabled}
        for name in enabled:
            of = numbers.get(name)
            last = None if of is None or of.last is None else from_seconds(of.last.started_at)
            found += overdue(name, last, since, now, self.config.alert.quiet_hours)
            if of is None or of.last is None:
                continue
            good = None if of.last_good_at is None else from_seconds(of.last_good_at)
            found += stale(name, good, of.last.is_stale, now)
            alerts, done = self._compared(name, of.last.id, of.last.started_at, compared[name])
            found += alerts
            looked_at += done
        return found, looked_at

    def _compared(self, hub: str, poll: int, started: int, before: Done | None) -> tuple[list[Alert], list[Done]]:
        """The trailing shares of the last poll against those of the one looked at before it."""
        if before is not None and json.loads(before.note)["poll"] == poll:
            return [], []
        shown = trailing(self.config, hub)
        if shown is None:
            return [], []
        after = {"country": _shares(shown, "country"), "family": _shares(shown, "family")}
        done = Done(f"shares {hub}", started, json.dumps({"poll": poll, **after}))
        if before is None:
            return [], [done]
        old, day = json.loads(before.note), f"{from_seconds(started):%Y-%m-%d}"
        found = []
        for what, shares in after.items():
            found += moves(hub, what, old[what], shares, self.config.alert.moved_points, day)
            found += crossings(hub, what, old[what], shares, day) if self.config.alert.crossings else []
        return found, [done]

    def _tell_without_database(self, alert: Alert) -> None:
        """Once, since nothing can be remembered where the database is out of order."""
        if alert.key in self._told_without_database or self.config.alert.webhook is None:
            return
        try:
            tell(self.config.alert.webhook, alert, self.now())
            self._told_without_database.add(alert.key)
        except CollectorError as error:
            self.log.error("%s", error)

    # --- numbers ---

    def figures(self) -> Figures:
        """Numbers to watch; StoreError when the database cannot be read."""
        with self._reading() as db:
            return Figures(
                self._numbers(db),
                self._flags,
                watching.file_sizes(self.config.database.url),
                len(Jobs(db).untold()),
            )

    def _numbers(self, db: Database) -> list[HubNumbers]:
        return watching.hub_numbers(db, self.config.scopes[0].name, self.config.report.attribution)

    # --- the database ---

    def _reading(self) -> Database:
        return Database.open(self.config.database.url, write=False)

    def _writing(self) -> Database:
        return Database.open(self.config.database.url, write=True, turn=self.turn)

    def _done(self, name: str, note: str) -> None:
        with self._writing() as db:
            Jobs(db).done(name, to_seconds(self.now()), note)


def _months(written: list[str], until: Window | None) -> list[Window]:
    """The months written, and those since the last of them up to `until`, in order."""
    months = [month_window(label) for label in written]
    if until is not None:
        months += months_between(months[-1].end, until.end) if months else [until]
    return months


def _stamp(file: Path | None) -> tuple[int, int] | None:
    """What changes when a file is written anew; None: no file, or one that cannot be looked at."""
    if file is None:
        return None
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _shares(data: ReportData, by: str) -> Shares:
    """The shares of the headline by country or by family."""
    file = COUNTRY_SHARE if by == "country" else FAMILY_SHARE
    table = data.tables[file.name]
    rows = table[table["scope"] == data.scopes[0].name]
    if "attribution" in rows.columns:
        rows = rows[rows["attribution"] == data.attribution]
    found: dict[str, float] = {}
    for name, share in zip(rows[by].fillna(""), rows["share"], strict=True):
        found[str(name)] = found.get(str(name), 0.0) + float(share)
    return found
