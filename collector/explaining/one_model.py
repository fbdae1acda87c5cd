"""Every reading, span, tile, rule and label behind one model's month. Read-only; no other model is read.

Knows where each step is kept and how to tell it; counts with the measure's own functions. It is asked often and must
answer at once: nothing that loads slowly is imported here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from collector.asking import Now, knowledge_of, month_with_figures, reported_hub
from collector.config import Config
from collector.errors import ReportError
from collector.measure.spans import part_in, touching
from collector.measure.tracing import is_tiled, tiles_of
from collector.measure.windows import cut, flag_names, growth
from collector.model import DAY, Window, from_seconds, publisher_of
from collector.origins.knowledge import Knowledge
from collector.origins.lineage import Root
from collector.origins.registry import record
from collector.report.text import clean
from collector.rooting import lineage_of
from collector.series import NO_DELTA, NOT_SAID, Readings
from collector.store import calendar, hub_polls, queries
from collector.store import readings as facts
from collector.store.database import Database
from collector.store.queries import Hub, KnownModel

Found = dict[str, Any]

_BESIDE = 40 * DAY  # readings shown before and after the month: what judgements and estimates rest on
_REGISTRY = (
    *("hub", "publisher", "organisation", "country", "kind", "valid_from", "valid_to"),
    *("basis", "confidence", "reviewed_on"),
)


def explain_model(config: Config, name: str, month: str | None, hub: str | None, now: Now) -> Found:
    """Everything behind a model's downloads in a month. ReportError for an unknown model or month."""
    knowledge = knowledge_of(config)
    with Database.open(config.database.url, write=False) as db:
        of = reported_hub(db, hub)
        window = month_with_figures(db, of.name, month, now)
        model, others = _the_model(db, of, name)
        return {
            "model": _described(db, model, others),
            "month": window.label,
            **_counted(db, of, model, window),
            **_placed(db, of, model, window, knowledge),
        }


def _the_model(db: Database, hub: Hub, name: str) -> tuple[KnownModel, list[KnownModel]]:
    found = queries.models_named(db, name, hub.name)
    if not found:
        known = f"collector sql \"SELECT name FROM model WHERE name LIKE '%{clean(name)[:40]}%'\""
        raise ReportError(
            f"{clean(name)[:200]}: no model of this name was read on {hub.name}; look for it with {known}"
        )
    return found[0], found[1:]


def _described(db: Database, model: KnownModel, others: list[KnownModel]) -> Found:
    former = queries.former_names(db, model.hub_id, model.id)
    return {
        "name": model.name,
        "hub": model.hub,
        "hub_key": model.hub_key,
        "publisher": model.publisher,
        "created_at": _instant(model.created_at),
        "pipeline_tag": model.pipeline_tag,
        "former_names": [{"name": each.name, "until": _instant(each.replaced_at)} for each in former],
        "others_of_this_name": [each.hub_key for each in others],  # each is explained by its key in place of the name
    }


def _counted(db: Database, hub: Hub, model: KnownModel, window: Window) -> Found:
    """Readings, spans, tiles and the figure."""
    every = facts.readings_of_models(db, hub.id, [model.id])
    models = facts.models(db, hub.id, window, [model.id])
    polls = hub_polls.read(db, hub.id)
    until = hub_polls.as_of(db, hub.id, polls)
    as_of = -1 if until is None else until
    grown = growth(every, models, polls.completed(), as_of)
    figure = cut(grown, every, models, window, as_of)
    spans = grown.spans.where(touching(grown.spans, window))
    inside, corrections = part_in(spans.downloads, spans, window), part_in(spans.corrections, spans, window)
    told = [
        {
            "from": _instant(int(spans.start[n])),
            "to": _instant(int(spans.end[n])),
            "downloads": int(spans.downloads[n]),
            "days": (int(spans.end[n]) - int(spans.start[n])) / DAY,
            "days_in_month": _inside(int(spans.start[n]), int(spans.end[n]), window) / DAY,
            "downloads_in_month": int(inside[n]),
            "corrections_in_month": int(corrections[n]),
            "estimated": bool(spans.estimated[n]),
            "flags": flag_names(int(spans.flags[n])),
        }
        for n in np.lexsort((spans.end, spans.start)).tolist()
    ]
    tiles = tiles_of(every, models, window, as_of) if len(every) and is_tiled(grown, window) else []
    downloads = float(figure.downloads[0])
    return {
        "gone": bool(models.gone[0]),
        "last_read_at": None if models.seen_at[0] == NOT_SAID else _instant(int(models.seen_at[0])),
        "readings": list(_readings(db, hub, every, window)),
        "spans": told,
        "tiles": [
            {
                "from": _instant(tile.start),
                "to": _instant(tile.end),
                "downloads_30d_at_its_end": None if tile.downloads_30d != tile.downloads_30d else tile.downloads_30d,
                "stands_on": [
                    {"observed_at": _instant(each.at), "downloads_30d": each.downloads_30d} for each in tile.stands_on
                ],
                "days": (tile.end - tile.start) / DAY,
                "days_in_month": tile.inside_seconds / DAY,
                "downloads_in_month": tile.downloads,
            }
            for tile in tiles
        ],
        "figure": {
            "downloads": math.floor(downloads + 0.5),
            "downloads_unrounded": downloads,
            "estimated": float(figure.estimated[0]),
            "corrections": int(figure.corrections[0]),
            "covered_share": round(float(figure.covered[0]), 6),
            "flags": flag_names(int(figure.flags[0])),
            "from_spans": int(inside.sum()),
            "from_tiles": downloads - int(inside.sum()),
        },
    }


def _inside(start: int, end: int, window: Window) -> int:
    """Seconds of a span that lie in the window."""
    return max(min(end, window.end) - max(start, window.start), 0)


def _readings(db: Database, hub: Hub, every: Readings, window: Window) -> Iterator[Found]:
    """The readings in the month and beside it, with the poll or the file each comes from."""
    polls = {poll.id: poll for poll in calendar.polls_made(db, hub.id)}
    near = (every.at >= window.start - _BESIDE) & (every.at <= window.end + _BESIDE)
    # The last reading before and the first one after bound the spans that reach into the month.
    for bound in (np.flatnonzero(every.at < window.start)[-1:], np.flatnonzero(every.at >= window.end)[:1]):
        near[bound] = True
    for n in np.flatnonzero(near).tolist():
        poll = polls.get(int(every.poll_id[n]))
        yield {
            "observed_at": _instant(int(every.at[n])),
            "downloads_all_time": _said(every.all_time[n]),
            "downloads_30d": _said(every.rolling[n]),
            "delta": None if every.delta[n] == NO_DELTA else int(every.delta[n]),
            "grew_since": None if every.span[n] == NOT_SAID else _instant(int(every.at[n] - every.span[n])),
            "poll": int(every.poll_id[n]),
            "file": poll.file or None if poll is not None else None,
            "stale": bool(poll is not None and poll.is_stale),
        }


def _said(value: np.int64) -> int | None:
    return None if value == NOT_SAID else int(value)


def _placed(db: Database, hub: Hub, model: KnownModel, window: Window, knowledge: Knowledge) -> Found:
    """Uploader, lineage and roots, with their rows of the registry on the month's last day.

    A model that was handed over since counts for the account that it lived under on that day, as one or as a root.
    """
    known = lineage_of(db, hub, knowledge, {model.id})
    roots = list(known.roots({model.id}))
    then = queries.names_at(db, hub.id, {model.name, *(root.root_name for root in roots)}, window.end)
    account = publisher_of(then[model.name]) if model.name in then else model.publisher
    return {
        "account": account,
        "uploader": _registered(knowledge, hub, account, window),
        "lineage": [step._asdict() for step in known.path(model.id)],
        "roots": [
            {
                "root": root.root_name,
                "weight": root.weight,
                "basis": root.basis,
                "relation": root.relation,
                "family": root.family,
                "registry": None
                if root.basis == "none"
                else _registered(knowledge, hub, _account_of(root, then), window),
            }
            for root in roots
        ],
    }


def _account_of(root: Root, then: Mapping[str, str]) -> str:
    """The account that a root lived under, where it was handed over since."""
    name = root.root_name
    return publisher_of(then[name]) if name in then else root.root_publisher or publisher_of(name)


def _registered(knowledge: Knowledge, hub: Hub, account: str, window: Window) -> dict[str, Any] | None:
    """The registry's row of an account on the window's last day; None: it has none, so the account is ZZ."""
    row = knowledge.registry.row(hub.name, account, window.last_day)
    return None if row is None else dict(zip(_REGISTRY, record(row), strict=True))


def _instant(seconds: int | None) -> str | None:
    return None if seconds is None else from_seconds(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def model_lines(found: Found) -> Iterator[str]:
    """The same in words."""
    model, figure = found["model"], found["figure"]
    yield f"{model['name']} on {model['hub']} in {found['month']}: {figure['downloads']:,} downloads"
    yield f"hub key {model['hub_key'] or 'not known (imported)'}; created {model['created_at'] or 'not said'}"
    yield from (f"was called {each['name']} until {each['until']}" for each in model["former_names"])
    yield from _cautions(found)
    yield ""
    yield "What the hub said (readings that differ from the one before, and those beside the month):"
    for each in found["readings"]:
        counts = f"all time {_count(each['downloads_all_time'])}, 30 days {_count(each['downloads_30d'])}"
        change = "" if each["delta"] is None else f", {each['delta']:+,} since {each['grew_since']}"
        where = f"file {each['file']}" if each["file"] else f"poll {each['poll']}"
        yield f"  {each['observed_at']}  {counts}{change}  ({where}{', stale' if each['stale'] else ''})"
    yield ""
    yield "The arithmetic:"
    yield from _sums(found)
    yield ""
    yield from _origin_lines(found)


def _cautions(found: Found) -> Iterator[str]:
    """What a reader could mistake the model for."""
    others = [key or "of imported files alone" for key in found["model"]["others_of_this_name"]]
    if others:
        yield f"another model bears or bore this name: {', '.join(others)}; `collector explain KEY` explains it"
    if found["gone"]:
        read = f"; last read {found['last_read_at']}" if found["last_read_at"] else ""
        yield f"gone: the hub's last two complete lists lack it{read}; what it did before stays"


#: What the flags of spans mean.
_MEANINGS = {
    "dip": "the counter fell and was made good within 7 days: growth runs from the reading before to the one after",
    "correction": "the hub took back downloads: what it took is no download of any month, and counting goes on below",
    "restatement": "the hub recounted the past: of the rise only what its 30-day count explains is downloads",
    "instant": "two readings of one instant: the later poll's counts",
}


def _sums(found: Found) -> Iterator[str]:
    figure = found["figure"]
    for each in found["spans"]:
        marks = [*each["flags"], *(["estimated"] if each["estimated"] else [])]
        taken = f", {each['corrections_in_month']:+,} corrected" if each["corrections_in_month"] else ""
        yield (
            f"  {each['downloads']:,} in ({each['from']}, {each['to']}], {each['days_in_month']:.3f} of its "
            f"{each['days']:.3f} days in the month: {each['downloads_in_month']:,}{taken}"
            f"{' [' + ', '.join(marks) + ']' if marks else ''}"
        )
    if found["tiles"]:
        yield "  Without a cumulative counter the month is cut, from its end, into tiles of 30 days; a tile takes the"
        yield "  30-day count at its end, on the line between the readings within 15 days before and after."
    for each in found["tiles"]:
        count = each["downloads_30d_at_its_end"]
        said = "no 30-day count within 15 days of its end" if count is None else f"30-day count {count:,.1f} at its end"
        yield (
            f"  tile {each['from']} to {each['to']}: {said}{_line(each['stands_on'])}; {each['days_in_month']:.3f} of "
            f"its {each['days']:.3f} days in the month: {each['downloads_in_month']:,.1f} [estimated]"
        )
    parts = [f"{figure['from_spans']:,} from spans"] if found["spans"] else []
    parts += [f"{figure['from_tiles']:,.1f} from tiles"] if found["tiles"] else []
    yield f"  together {' + '.join(parts) or 'nothing'} = {figure['downloads']:,} downloads"
    told = {flag for each in found["spans"] for flag in each["flags"]}
    yield from (f"  {flag}: {meaning}" for flag, meaning in _MEANINGS.items() if flag in told)
    yield (
        f"  {figure['estimated']:,.1f} of them estimated; corrections {figure['corrections']:+,}, never netted; "
        f"{100 * figure['covered_share']:.1f} % of the month backed by readings"
    )


def _line(sightings: Sequence[Found]) -> str:
    """Which readings a tile's count stands on."""
    read = [f"{each['downloads_30d']:,} of {each['observed_at']}" for each in sightings]
    if len(read) == 2:
        return f" (on the line from {read[0]} to {read[1]})"
    return f" (as read: {read[0]})" if read else ""


def _origin_lines(found: Found) -> Iterator[str]:
    then = "" if found["account"] == found["model"]["publisher"] else f" {found['account']}, its account then,"
    yield f"Counts for the uploader{then} as {_label(found['uploader'])}"
    yield "Lineage:"
    for step in found["lineage"]:
        way = f"{step['relation'] or 'made'} from {', '.join(step['bases'])}" if step["bases"] else "the lineage ends"
        yield f"  {step['model']}: {way} ({step['basis']})"
    for root in found["roots"]:
        family = f", family {root['family']}" if root["family"] else ""
        yield f"Counts with weight {root['weight']:.3g} for root {root['root']} ({root['basis']}{family}) as"
        yield f"  {_label(root['registry'])}"


def _label(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "ZZ: the registry has no row for this account, or the base cannot be resolved"
    span = f"{row['valid_from'] or '…'} to {row['valid_to'] or '…'}"
    who = f"{row['organisation'] or row['publisher']} ({row['kind']}, {row['confidence']}, {span})"
    return f"{row['country']}: {who}: {row['basis']}"


def _count(value: int | None) -> str:
    return "not said" if value is None else f"{value:,}"
