"""Facts to model_origin: keeps the roots of a hub's models current, and tells them where they are not stored.

Store → origins → store. Knows when roots are worked out again; knows no rule of lineage, no SQL, no file, no download
and no country (those follow by date from the roots' publishers).
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from collector.origins.knowledge import Knowledge
from collector.origins.lineage import Declared, Lineage, ModelName
from collector.store import marks, queries
from collector.store.database import Database
from collector.store.derived import Derived, Root
from collector.store.queries import Hub

RULES = "1"  #: rises with every change of the lineage rules, so that no stored root outlives them


def refresh_origins(db: Database, hub: Hub, knowledge: Knowledge) -> None:
    """Work out the roots of the hub's models again when names, declared bases or the lineage files changed.

    After a poll only the models whose roots are others than before are written, and only the shares they go into are
    built anew.
    """
    mark = _origins_mark(db, hub, knowledge)
    if marks.mark_of(db, hub.id, "origins") == mark:
        return
    files = marks.digest(RULES, knowledge.lineage_digest)
    if marks.mark_of(db, hub.id, "lineage files") == files:
        Derived(db).update_origins(hub.id, resolved(db, hub, knowledge))
    else:
        Derived(db).replace_origins(hub.id, resolved(db, hub, knowledge))
        marks.set_mark(db, hub.id, "lineage files", files)
    marks.set_mark(db, hub.id, "origins", mark)


def root_rows(db: Database, hub: Hub, knowledge: Knowledge) -> pd.DataFrame:
    """The roots of all models of the hub, columns as `Root`: as stored when they are current, else worked out now."""
    if marks.mark_of(db, hub.id, "origins") == _origins_mark(db, hub, knowledge):
        return Derived(db).origin_rows(hub.id)
    return pd.DataFrame(list(resolved(db, hub, knowledge)), columns=list(Root._fields))


def resolved(db: Database, hub: Hub, knowledge: Knowledge) -> Iterator[Root]:
    """The roots of every model of the hub, by lineage."""
    return (Root(*root) for root in lineage(db, hub, knowledge).roots())


def lineage(db: Database, hub: Hub, knowledge: Knowledge) -> Lineage:
    """The lineage of all models of the hub, worked out now."""
    former: dict[str, int | None] = {}
    for row in queries.former_names(db, hub.id):
        former[row.name] = row.model_id if former.get(row.name, row.model_id) == row.model_id else None
    return Lineage(
        [ModelName(*row) for row in queries.model_names(db, hub.id)],
        [Declared(*row) for row in queries.declared_bases(db, hub.id)],
        former,
        knowledge.families,
        [correction for correction in knowledge.corrections if correction.hub == hub.name],
    )


def _origins_mark(db: Database, hub: Hub, knowledge: Knowledge) -> str:
    return marks.digest(RULES, knowledge.lineage_digest, marks.names_fingerprint(db, hub.id))
