"""The listing of models: what may be asked for, the order, the keyset cursor, one page.

Rules: hub-api reference, sections 2.1 to 2.7. Knows no socket, no rate limit and no fault. A cursor holds the
sort value and key of the last row, so a page says what the hub holds when it is asked for, not when the walk began.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from collector.demo import wire
from collector.demo.answers import bad_request
from collector.demo.world import HubModel, Snapshot

Pairs = Sequence[tuple[str, str]]
Place = tuple[bool, int, str]  # (nothing to sort by, value or its negative, key): the order of rows
MAX_LIMIT = 1000


def _wire_int(model: HubModel, name: str, value: int | None) -> int | None:
    told = model.wire.get(name, value)
    return told if isinstance(told, int) else None


def _second(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


SORT_VALUES: Mapping[str, Callable[[HubModel], int | None]] = {
    "createdAt": lambda model: _second(model.created_at),
    "downloads": lambda model: _wire_int(model, "downloads", model.last_30d),
    "lastModified": lambda model: _second(model.last_modified or model.created_at),
    "likes": lambda model: _wire_int(model, "likes", model.likes),
    "trendingScore": lambda model: _wire_int(model, "trendingScore", model.trending),
}
_DATES = frozenset({"createdAt", "lastModified"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What is not established of the real hub: either way can be had."""

    over_limit: Literal["clamp", "refuse"] = "clamp"  #: a limit above `most_rows`
    most_rows: int = MAX_LIMIT  #: of a page; fewer than the real hub's, and a small world has several pages
    sort_field_added: bool = False  #: with `expand`, the sort field comes too


@dataclass(frozen=True, slots=True)
class Order:
    """A sort field with its direction."""

    field: str = "trendingScore"
    ascending: bool = False

    def place(self, model: HubModel) -> Place:
        """Where a model stands: by value, ties by ascending key, those without a value last."""
        return self.place_of(SORT_VALUES[self.field](model), model.hub_key)

    def place_of(self, value: int | None, key: str) -> Place:
        """Where a value stands."""
        return (value is None, (value or 0) if self.ascending else -(value or 0), key)


@dataclass(frozen=True, slots=True)
class Query:
    """A listing request that is in order."""

    order: Order
    limit: int
    names: tuple[str, ...]  #: wire names of a row, beside `_id` and `id`
    after: Place | None  #: place of the last row of the page before
    accepts: Callable[[HubModel], bool]


@dataclass(frozen=True, slots=True)
class ListingPage:
    """One page of rows."""

    rows: list[wire.Row]
    next_cursor: str | None  #: None on the last page
    row_before: wire.Row | None  #: last row of the page before, as it is now


def parse_query(pairs: Pairs, rules: Rules) -> Query:
    """The request that these parameters make; Refusal (400) as the hub refuses. Unknown ones are ignored."""
    order = _order(_last(pairs, "sort") or "trendingScore", _last(pairs, "direction") or "-1")
    cursor = _last(pairs, "cursor")
    return Query(
        order,
        _limit(_last(pairs, "limit"), rules),
        _names(pairs, order, rules),
        None if cursor is None else place_after(cursor, order),
        _filter(pairs),
    )


def expand_names(pairs: Pairs, allowed: Iterable[str]) -> tuple[str, ...]:
    """The values of `expand` and `expand[]`; Refusal when one is not allowed."""
    names = tuple(value for name, value in pairs if name in ("expand", "expand[]"))
    if not set(names) <= set(allowed):
        raise bad_request(wire.invalid_option(allowed))
    return names


def _last(pairs: Pairs, name: str) -> str | None:
    return next((value for other, value in reversed(pairs) if other == name), None)


def _order(field: str, direction: str) -> Order:
    if field not in SORT_VALUES:
        raise bad_request("Invalid sort parameter")
    if direction not in ("1", "-1"):
        raise bad_request("Invalid direction parameter")
    if direction == "1" and field != "createdAt":
        raise bad_request(f"Ascending order is not supported for {field}")
    return Order(field, direction == "1")


def _limit(text: str | None, rules: Rules) -> int:
    limit = MAX_LIMIT if text is None else int(text) if text.isascii() and text.isdigit() else 0
    if limit < 1 or (limit > rules.most_rows and rules.over_limit == "refuse"):
        raise bad_request("Invalid limit parameter")
    return min(limit, rules.most_rows)


def _names(pairs: Pairs, order: Order, rules: Rules) -> tuple[str, ...]:
    if names := expand_names(pairs, wire.LIST_NAMES):
        return (*names, order.field) if rules.sort_field_added else names
    # With `filter=` the hub sends fat rows unasked.
    fat = _last(pairs, "full") == "true" or _last(pairs, "filter") is not None
    return wire.FULL_ROW if fat else wire.BARE_ROW


def _filter(pairs: Pairs) -> Callable[[HubModel], bool]:
    author, search, task = (_last(pairs, name) for name in ("author", "search", "pipeline_tag"))
    labels = {value for name, value in pairs if name == "filter"}

    def accepts(model: HubModel) -> bool:
        return (
            (author is None or model.publisher == author)
            and (search is None or search.casefold() in model.name.casefold())
            and (task is None or model.pipeline_tag == task)
            and labels <= {*model.tags, model.pipeline_tag, model.library_name}
        )

    return accepts


def cursor_after(order: Order, model: HubModel) -> str:
    """The filter, in the hub's database language, of all that comes after a model."""
    value = SORT_VALUES[order.field](model)
    told = _to_wire(order.field, value)
    beyond: list[object] = [{order.field: told, "_id": {"$gt": model.hub_key}}]
    if value is not None:
        beyond += [{order.field: {"$gt" if order.ascending else "$lt": told}}, {order.field: None}]
    return base64.b64encode(json.dumps({"$or": beyond}, separators=(",", ":")).encode()).decode()


def place_after(cursor: str, order: Order) -> Place:
    """Where the row stood that a cursor was made of; Refusal when it is no cursor or one of another order."""
    try:
        ties, *beyond = json.loads(base64.b64decode(cursor, validate=True))["$or"]
        value, key = _from_wire(order.field, ties[order.field]), str(ties["_id"]["$gt"])
        if beyond and ("$gt" in beyond[0][order.field]) != order.ascending:
            raise ValueError("the other direction")
    except (binascii.Error, ValueError, LookupError, TypeError) as problem:
        raise bad_request("Invalid cursor") from problem
    return order.place_of(value, key)


def _to_wire(field: str, value: int | None) -> int | str | None:
    return wire.instant(datetime.fromtimestamp(value, UTC)) if field in _DATES and value is not None else value


def _from_wire(field: str, value: object) -> int | None:
    if field in _DATES and isinstance(value, str):
        return _second(datetime.fromisoformat(value))
    if value is None or isinstance(value, int):
        return value
    raise ValueError("not a sort value")


class Listing:
    """Pages of a world. Keeps each order that was asked for until the world changes."""

    def __init__(self) -> None:
        self._sorted: dict[Order, tuple[object, list[Place]]] = {}

    def page(self, world: Snapshot, query: Query, token: str | None) -> ListingPage:
        """The rows after the query's place, for this asker (None: anonymous)."""
        places = self._places(world, query.order)
        start = 0 if query.after is None else bisect_right(places, query.after)
        found = _visible(world, places, start, query, token)
        models = [model for _, model in zip(range(query.limit), found, strict=False)]
        more = next(found, None) is not None
        return ListingPage(
            [wire.row(model, query.names, world) for model in models],
            cursor_after(query.order, models[-1]) if more else None,
            _row_before(world, query),
        )

    def _places(self, world: Snapshot, order: Order) -> list[Place]:
        stamp, places = self._sorted.get(order, (None, []))
        if stamp != world.stamp:
            places = sorted(map(order.place, world.models.values()))
            self._sorted[order] = (world.stamp, places)
        return places


def _visible(world: Snapshot, places: list[Place], start: int, query: Query, token: str | None) -> Iterator[HubModel]:
    for position in range(start, len(places)):
        model = world.models[places[position][2]]
        if model.visible_to(token) and query.accepts(model):
            yield model


def _row_before(world: Snapshot, query: Query) -> wire.Row | None:
    model = None if query.after is None else world.models.get(query.after[2])
    return None if model is None else wire.row(model, query.names, world)
