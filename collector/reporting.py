"""A window of a hub to everything a report says of it: shares, models, spikes and what a careful reader must know.

Knows which tables a report is made of; knows no SQL and writes no file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import pandas as pd

from collector import __version__
from collector.columns import MODEL_DOWNLOADS, PUBLISHER_SHARE, QUALITY
from collector.counting import growth_of
from collector.errors import ReportError
from collector.figuring import Figures, figures_of, kept, scoped
from collector.looking import look, month_number
from collector.measure import shares
from collector.measure.exact import half_up
from collector.measure.models import Models
from collector.measure.rows import Heading
from collector.measure.spans import CORRECTION, DIP, INSTANT, RESTATEMENT, Spans, part_in
from collector.measure.windows import events
from collector.model import Attribution, Scope, Window, from_seconds, month_of, previous_window
from collector.origins.knowledge import Knowledge
from collector.owning import WindowModels, largest_models, trailing_models, window_models
from collector.report.data import HISTORY, PollUsed, RegistryUsed, ReportData, Source
from collector.rooting import are_stored, disagreement_rows
from collector.store import calendar, figures, hub_polls, hubwide, waiting
from collector.store.database import Database
from collector.store.derived import Derived
from collector.store.figures import Disagreeing
from collector.store.queries import Hub

GAP_SECONDS = 36 * 3600  # daily polls that miss a day leave more than this between them
DISAGREEMENTS_SHOWN = 1_000
COUNTERS = {
    "huggingface": "Requests (GET and HEAD) of a repository's query files, as the hub counts them; not users.",
}
HUB_SOURCES = {"huggingface": Source("Hugging Face Hub, public download counters", "https://huggingface.co/models")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is wanted of."""

    hub: Hub
    scopes: tuple[Scope, ...]
    attribution: Attribution  #: the headline
    top_models: int  #: the most models that `model_downloads.csv` lists


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a window's models, stored or worked out now."""

    figures: Figures
    listed: pd.DataFrame  #: rows of `model_downloads.csv`
    flagged: Sequence[int]  #: the models with flags, in order
    disagreeing: Callable[[], list[Disagreeing]]  #: at least the DISAGREEMENTS_SHOWN that are downloaded most


def window_report(db: Database, asked: Asked, window: Window, knowledge: Knowledge) -> ReportData:
    """The report of a month or of any two dates; ReportError when the window holds nothing."""
    known = _of_month(db, asked, window, knowledge) or _worked_out(db, asked, window, knowledge)
    if not known.figures.models.with_downloads:
        raise ReportError(_nothing_in(db, asked.hub, window))
    quality = [*_turnover(db, asked.hub, window), *_polls_to_know(db, asked.hub, window)]
    quality += _events(db, asked.hub, known.flagged, window)
    quality += _disagreements(db, known.disagreeing())
    return _report(db, asked, known, window, quality, knowledge)


def _of_month(db: Database, asked: Asked, window: Window, knowledge: Knowledge) -> _Known | None:
    """A month whose rows and lineage are what the readings say now; None for any other window.

    Its shares are those that the last roll-up left. Where they wait to be restated they are worked out, and that alone:
    the names and disagreements of a million models need not be read for it.
    """
    hub, number, built = asked.hub, month_number(window), look(db, asked.hub).current_build(window)
    if window != month_of(window.start) or built is None or not are_stored(db, hub, knowledge):
        return None
    models = largest_models(db, hub, window, knowledge, asked.top_models)
    flagged = figures.flagged(db, hub.id, number)
    found = kept(db, hub, window, knowledge, asked.scopes) or _figures_now(db, asked, window, knowledge)
    is_same = look(db, hub).current_build(window) == built and are_stored(db, hub, knowledge)
    if models is None or not is_same:  # a poll or a roll-up came between
        return None
    listed = shares.model_downloads(models, Heading(hub.name, window.label), asked.top_models)

    def disagreeing() -> list[Disagreeing]:
        # Whoever is not among the largest models is downloaded less than all of these.
        among = _with_downloads(figures.disagreeing_of(db, models.model_id.tolist()), models)
        are_enough = len(among) >= DISAGREEMENTS_SHOWN
        return among if are_enough else figures.disagreeing(db, hub.id, number, DISAGREEMENTS_SHOWN)

    return _Known(found, listed, flagged, disagreeing)


def _with_downloads(said: Iterable[tuple[int, str, str]], models: Models) -> list[Disagreeing]:
    """Those of the models, with their downloads."""
    downloads = dict(zip(models.model_id.tolist(), models.downloads.tolist(), strict=True))
    return [Disagreeing(*row, downloads[row[0]]) for row in said if row[0] in downloads]


def _figures_now(db: Database, asked: Asked, window: Window, knowledge: Knowledge) -> Figures:
    this, before = _windows(db, asked, window, knowledge)
    now, then = (scoped(each, asked.scopes) for each in (this, before))
    return figures_of(db, asked.hub, this.models, now, then, knowledge)


def _worked_out(db: Database, asked: Asked, window: Window, knowledge: Knowledge) -> _Known:
    return _known(db, asked, *_windows(db, asked, window, knowledge), knowledge, daily_known=True)


def _windows(db: Database, asked: Asked, window: Window, knowledge: Knowledge) -> tuple[WindowModels, WindowModels]:
    """The models of the window and of the one before it."""
    known = hubwide.read(db, asked.hub.id)
    this, before = (window_models(db, asked.hub, each, knowledge, known) for each in (window, previous_window(window)))
    return this, before


def _known(
    db: Database, asked: Asked, this: WindowModels, before: WindowModels, knowledge: Knowledge, *, daily_known: bool
) -> _Known:
    now, then = (scoped(each, asked.scopes) for each in (this, before))
    models = this.models

    def disagreeing() -> list[Disagreeing]:
        said = disagreement_rows(db, asked.hub, knowledge)
        return _with_downloads(zip(*(said[name].tolist() for name in said), strict=True), models)

    return _Known(
        figures_of(db, asked.hub, models, now, then, knowledge, daily_known=daily_known),
        shares.model_downloads(models, Heading(asked.hub.name, this.window.label), asked.top_models),
        sorted(models.flags),
        disagreeing,
    )


def trailing_report(db: Database, asked: Asked, knowledge: Knowledge) -> ReportData:
    """The hub's own last 30 days, as its last complete poll that is not stale read them."""
    poll = hub_polls.read(db, asked.hub.id).last_good()
    if poll is None:
        raise ReportError(f"{asked.hub.name}: no complete poll yet; run `collector poll` first")
    this = trailing_models(db, asked.hub, poll, knowledge)
    if len(this.models) == 0:
        raise ReportError(f"{asked.hub.name}: the last complete poll has no 30-day count; nothing to report")
    nothing = replace(this, models=this.models.where(slice(0)), created=this.created.where(slice(0)))
    known = _known(db, asked, this, nothing, knowledge, daily_known=False)
    return _report(db, asked, known, this.window, [], knowledge)


def _report(
    db: Database,
    asked: Asked,
    known: _Known,
    window: Window,
    quality: list[dict[str, Any]],
    knowledge: Knowledge,
) -> ReportData:
    hub, found = asked.hub, known.figures
    history = _history(db, hub, window, found.tables["country_share"])
    return ReportData(
        hub=hub.name,
        endpoint=hub.endpoint,
        counters=COUNTERS.get(hub.name, "Downloads as this hub counts them."),
        window=window,
        attribution=asked.attribution,
        scopes=asked.scopes,
        tables={
            **{f"{name}.csv": table for name, table in found.tables.items()},
            PUBLISHER_SHARE.name: shares.publisher_shares(hub.name, window.label, found.uploaded, found.accounts),
            MODEL_DOWNLOADS.name: known.listed,
            QUALITY.name: _quality_table(hub, window, quality, found.spikes),
        },
        unquantised=found.unquantised,
        unknown=found.unknown,
        polls=_polls_used(db, hub, window),
        registry=RegistryUsed(knowledge.registry.version, knowledge.registry.digest),
        software_version=__version__,
        models=found.models,
        publishers=found.publishers,
        sources=_sources(db, hub),
        history=history,
        waiting=_waiting(db, hub, window, history),
        movers=found.makeup.movers,
    )


def _nothing_in(db: Database, hub: Hub, window: Window) -> str:
    first, last = calendar.reach(db, hub.id)
    if first is None or last is None:
        return f"{hub.name}: nothing was read yet; run `collector poll` or `collector import` first"
    days = f"{from_seconds(first).date()} to {from_seconds(last).date()}"
    return f"{hub.name}: {window.label} holds no downloads; readings reach from {days}: choose a window among them"


def _history(db: Database, hub: Hub, window: Window, rows: pd.DataFrame) -> pd.DataFrame:
    """The months until the window; a month reported on stands as it is reported."""
    last = month_of(window.end - 1)
    stored = Derived(db).country_history(hub.name, last.label, HISTORY)
    if window == last:
        stored = pd.concat([stored[stored["window"] != window.label], rows[list(HISTORY)]], ignore_index=True)
    elif window.end < last.end:
        stored = stored[stored["window"] != last.label]
    return stored


def _waiting(db: Database, hub: Hub, window: Window, history: pd.DataFrame) -> tuple[str, ...]:
    """The months of the history that wait to be restated; the one reported on does not stand as it is stored."""
    with db.connect() as conn:
        waits = waiting.waiting(conn, hub.id)
    return tuple(sorted(waits.keys() & {*history["window"]} - {window.label}))


# --- what a careful reader must know ----------------------------------------------------------------------------------


def _row(kind: str, note: str, **values: Any) -> dict[str, Any]:
    return {"kind": kind, "note": note, **values}


def _instant(seconds: int) -> str:
    return from_seconds(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


_EVENTS = {
    DIP: ("dip", "a fall made good within a week: the readings in between are ignored; value: downloads in the span"),
    CORRECTION: ("correction", "the hub took back downloads it had counted; value: its part in the window"),
    RESTATEMENT: ("restatement", "a jump the 30-day count does not explain; value: what is no download, in the window"),
    INSTANT: ("instant", "two readings at one instant: the later poll's counts"),
}


def _events(db: Database, hub: Hub, flagged: Sequence[int], window: Window) -> list[dict[str, Any]]:
    """Dips, corrections, restatements and doubled instants, by model."""
    if not flagged:
        return []
    names = figures.names_of(db, flagged)
    spans = events(growth_of(db, hub, flagged, window), window)
    return [row for place in range(len(spans)) for row in _event_rows(spans, place, names, window)]


def _event_rows(spans: Spans, place: int, names: Mapping[int, str], window: Window) -> Iterable[dict[str, Any]]:
    one = spans.where(spans.model_id == spans.model_id[place])
    which = int((spans.model_id[:place] == spans.model_id[place]).sum())
    downloads, corrections = part_in(one.downloads, one, window)[which], part_in(one.corrections, one, window)[which]
    span = {"from": _instant(int(spans.start[place])), "to": _instant(int(spans.end[place]))}
    for bit, (kind, note) in _EVENTS.items():
        if int(spans.flags[place]) & bit:
            value = corrections if bit in (CORRECTION, RESTATEMENT) else downloads
            yield _row(kind, note, model=names[int(spans.model_id[place])], value=float(value), **span)


def _polls_to_know(db: Database, hub: Hub, window: Window) -> list[dict[str, Any]]:
    """Gaps between complete polls, stale and thin polls, and changes of what was asked for."""
    rows = []
    log = [poll for poll in _polls(db, hub) if poll.scope != "import" and poll.finished_at is not None]
    for before, after in pairwise(log):
        if after.started_at <= window.start or before.started_at >= window.end:
            continue
        if after.started_at - before.started_at > GAP_SECONDS:
            hours = round((after.started_at - before.started_at) / 3600, 1)
            note = "no complete poll: growth is spread evenly over the gap; value: hours"
            rows.append(_row("gap", note, value=hours, **_between(before.started_at, after.started_at)))
        if (before.scope, before.top) != (after.scope, after.top):
            note = f"the list changed from {_asked(before)} to {_asked(after)}: models entered or left for that alone"
            rows.append(_row("list_size", note, value=after.top, **_between(before.started_at, after.started_at)))
    for poll in log:
        if window.start <= poll.started_at < window.end:
            span = _between(poll.started_at, poll.finished_at or poll.started_at)
            if poll.is_stale:
                note = "far fewer counters moved than usual: those that did not were not read; value: the poll"
                rows.append(_row("stale", note, value=poll.id, **span))
            if poll.is_thin and poll.scope == "all":
                note = "lists under 90 % of the poll before: absences prove nothing; value: the poll"
                rows.append(_row("thin", note, value=poll.id, **span))
    return rows


def _asked(poll: PollUsed) -> str:
    return "the whole hub" if poll.top is None else f"the {poll.top} most downloaded models"


def _between(start: int, end: int) -> dict[str, str]:
    return {"from": _instant(start), "to": _instant(end)}


def _turnover(db: Database, hub: Hub, window: Window) -> list[dict[str, Any]]:
    turnover = calendar.turnover(db, hub.id, window)
    entered = _row("entered", "models listed for the first time; value: models", value=turnover.entered)
    left = _row(
        "left", "models no longer listed by the window's last complete poll; value: models", value=turnover.left
    )
    return [row for row in (entered, left) if row["value"]]


def _disagreements(db: Database, said: list[Disagreeing]) -> list[dict[str, Any]]:
    """Models whose name says another family than their declared base, the most downloaded first."""
    found = pd.DataFrame(said, columns=list(Disagreeing._fields))
    found["value"] = half_up(found["downloads"].to_numpy(dtype=float))
    found = found.nlargest(DISAGREEMENTS_SHOWN, "value", keep="all")  # which of the last come first, names say
    names = figures.names_of(db, found["model_id"].tolist())
    found["model"] = [names[model_id] for model_id in found["model_id"].tolist()]
    shown = found.sort_values(["value", "model"], ascending=[False, True]).head(DISAGREEMENTS_SHOWN)
    columns = (shown[name].tolist() for name in ("model", "by_name", "by_declaration", "value"))
    return [
        _row(
            "disagreement",
            f"its name says {by_name}, its declared base {declared}; the declaration counts; value: downloads",
            model=model,
            value=float(value),
        )
        for model, by_name, declared, value in zip(*columns, strict=True)
    ]


def _quality_table(hub: Hub, window: Window, rows: list[dict[str, Any]], spikes: pd.DataFrame) -> pd.DataFrame:
    columns = [column.name for column in QUALITY.columns]
    table = pd.DataFrame(rows, columns=columns).assign(hub=hub.name, window=window.label)
    tables = [each for each in (table, spikes) if len(each)]
    if not tables:
        return table
    # Spikes that were stored have None for what is not there: a column of nothing else would be no numbers.
    joined = pd.concat(tables, ignore_index=True).astype({"share": float, "share_without": float})
    joined["size"] = -joined["value"].astype(float).abs()
    order = ["kind", "scope", "attribution", "size", "from", "model", "note"]
    return joined.sort_values(order, na_position="first", ignore_index=True)[columns]


# --- what the report stands on ----------------------------------------------------------------------------------------


def _polls(db: Database, hub: Hub) -> list[PollUsed]:
    return [PollUsed(**made._asdict()) for made in calendar.polls_made(db, hub.id)]


def _polls_used(db: Database, hub: Hub, window: Window) -> tuple[PollUsed, ...]:
    """The polls whose readings the window can rest on: those within it, and one on either side."""
    log = _polls(db, hub)
    inside = [n for n, poll in enumerate(log) if window.start <= poll.started_at < window.end]
    before = [n for n, poll in enumerate(log) if poll.started_at < window.start][-1:]
    after = [n for n, poll in enumerate(log) if poll.started_at >= window.end][:1]
    return tuple(log[n] for n in (*before, *inside, *after))


def _sources(db: Database, hub: Hub) -> tuple[Source, ...]:
    polled = [HUB_SOURCES[hub.name]] if hub.endpoint and hub.name in HUB_SOURCES else []
    files = [Source(file.source or file.file_name, license=file.license) for file in calendar.imports(db, hub.id)]
    return (*polled, *files)
