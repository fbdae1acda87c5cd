"""The tables, with what every column means. Knows no SQL statement beyond its own shape.

Facts (`hub` … `model_state`) are what hubs said. Derived tables can be dropped and rebuilt to the same bytes.
Instants are whole Unix seconds (UTC), so that the same arithmetic runs on SQLite and PostgreSQL; the views show dates.

What only PostgreSQL's tables have (partitions, room in pages, rows that an index leaves out) stands in the migrations
alone: said here, it would load that dialect at the start of every command, 20 ms of CPU.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from collector.columns import COUNTRY_SHARE, DERIVATIVE_SHARE, FAMILY_SHARE, GROUP_SHARE, PublishedFile
from collector.store.timing import NO_SPAN, seconds_sql, span_sql

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Bits of a reading's number that are its model's; the rest is its poll's (`collector.store.numbering`).
MODEL_BITS = 25

hub = Table(
    "hub",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the hub in this database."),
    Column("name", Text, nullable=False, unique=True, comment="Name as in the configuration, e.g. huggingface."),
    Column("endpoint", Text, nullable=False, comment="Address asked last; empty when only files were imported."),
    comment="Public places that host models and count their downloads.",
)

publisher = Table(
    "publisher",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the publisher in this database."),
    Column("hub_id", ForeignKey("hub.id"), nullable=False, comment="The hub the account lives on."),
    Column("name", Text, nullable=False, comment="The account, the part of a model's name before the slash."),
    UniqueConstraint("hub_id", "name"),
    comment="Accounts that models live under.",
)

import_file = Table(
    "import_file",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the import in this database."),
    Column("hub_id", ForeignKey("hub.id"), nullable=False, comment="The hub whose counters the file holds."),
    Column("file_name", Text, nullable=False, comment="Name of the file, without its folder."),
    Column("sha256", Text, nullable=False, comment="SHA-256 of the file's bytes: the same file twice is once."),
    Column("source", Text, nullable=False, comment="Where the file comes from, as the user said it; may be empty."),
    Column("license", Text, nullable=False, comment="Terms of the file, as the user said them; may be empty."),
    Column("imported_at", BigInteger, nullable=False, comment="When it was imported (UTC, Unix seconds)."),
    Column("readings", Integer, nullable=False, comment="Readings in the file."),
    Column("stored", Integer, nullable=False, comment="Observations stored from it (unchanged readings are not)."),
    UniqueConstraint("hub_id", "sha256"),
    comment="Files of history that were imported, with their provenance.",
)

poll = Table(
    "poll",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the poll; rises, but order readings by time."),
    Column("hub_id", ForeignKey("hub.id"), nullable=False, comment="The hub asked."),
    Column("scope", Text, nullable=False, comment="all: the whole hub; top: its most downloaded; import: from a file."),
    Column("top", Integer, comment="How many models a poll of scope top asks for; null otherwise."),
    Column("started_at", BigInteger, nullable=False, comment="Start (UTC, Unix seconds); readings count from here."),
    Column("finished_at", BigInteger, comment="End (UTC, Unix seconds); null while running or if the process died."),
    Column("status", Text, nullable=False, comment="running, complete or failed; a killed poll stays running."),
    Column("cursor", Text, comment="Where to go on after the last stored page; null at the start and at the end."),
    Column("pages", Integer, nullable=False, comment="Pages stored."),
    Column("models_listed", Integer, nullable=False, comment="Different models listed."),
    Column("models_new", Integer, nullable=False, comment="Of these, seen for the first time on this hub."),
    Column("models_moved", Integer, nullable=False, comment="Of these, with a counter other than the one before."),
    Column("models_with_all_time", Integer, nullable=False, comment="Of these, with a cumulative counter."),
    Column("rows_skipped", Integer, nullable=False, comment="Rows that could not be read."),
    Column("retries", Integer, nullable=False, comment="Requests tried again."),
    Column("waited_seconds", Double, nullable=False, comment="Seconds spent in waits the hub asked for."),
    Column("is_stale", Boolean, nullable=False, comment="Far fewer counters moved than usual: unmoved ones unread."),
    Column("is_thin", Boolean, nullable=False, comment="Lists under 90 % of the poll before: absences prove nothing."),
    Column(
        "reaches_back_to",
        BigInteger,
        comment="Derived: where the earliest growth it read begins (UTC, Unix seconds); null: it read none.",
    ),
    Column("error", Text, comment="Why it failed, in one line; null when it did not."),
    Column("import_id", ForeignKey("import_file.id"), comment="The file the readings come from; null when polled."),
    CheckConstraint("status IN ('running', 'complete', 'failed')", name="status"),
    CheckConstraint("scope IN ('all', 'top', 'import')", name="scope"),
    # Serves: the last polls of a hub; the polls that a window needs.
    Index(None, "hub_id", "started_at"),
    comment="Attempts to read a hub: run log, resume point and calendar at once. An imported day is a poll as well.",
)

kind = Table(
    "kind",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the pair in this database."),
    Column("pipeline_tag", Text, comment="Task, as the hub says, e.g. text-generation; null: not said."),
    Column("library_name", Text, comment="Library, as the hub says, e.g. transformers; null: not said."),
    # Serves: which number a task and a library have.
    Index(None, "pipeline_tag"),
    comment="Tasks and libraries as hubs say them of models: each pair once, for room.",
)

model = Table(
    "model",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the model in this database."),
    Column("hub_id", ForeignKey("hub.id"), nullable=False, comment="The hub the model lives on."),
    Column("hub_key", Text, comment="The hub's own lasting key; null while known from imports only."),
    Column("name", Text, nullable=False, comment="Name now (publisher/model); not an identity."),
    Column("publisher_id", ForeignKey("publisher.id"), nullable=False, comment="The account it lives under now."),
    Column("created_at", BigInteger, comment="Created, as the hub says (UTC, Unix seconds); null: not said."),
    Column("kind_id", ForeignKey("kind.id"), comment="Its task and library, as the hub says; null: neither is said."),
    Column("first_poll_id", ForeignKey("poll.id"), comment="The poll that listed it first; null: never listed."),
    UniqueConstraint("hub_id", "hub_key"),
    # Serves: look-up by name (explain, import, lineage).
    Index(None, "hub_id", "name"),
    CheckConstraint(f"id < {1 << MODEL_BITS}", name="fits_into_a_reading"),
    comment="Models, one row for each of the hub's keys.",
)

model_name = Table(
    "model_name",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    Column(
        "replaced_at", BigInteger, primary_key=True, comment="When another name was first seen (UTC, Unix seconds)."
    ),
    Column("name", Text, nullable=False, comment="The name it bore until then."),
    Column(
        "publisher_id", ForeignKey("publisher.id"), nullable=False, comment="The account it lived under until then."
    ),
    Column("poll_id", ForeignKey("poll.id"), nullable=False, comment="The poll that saw the next name first."),
    # Serves: which model bore this name.
    Index(None, "name"),
    comment="Earlier names of models. A renamed model keeps its history.",
)

declared_base = Table(
    "declared_base",
    metadata,
    Column("id", Integer, primary_key=True, comment="Number of the declaration in this database."),
    Column("name", Text, nullable=False, comment="The base, as declared (publisher/model)."),
    Column("relation", Text, comment="finetune, adapter, quantized or merge; null: not said."),
    Column("hub_key", Text, comment="The hub's key of the base; null: not said."),
    # Serves: which number a declaration has.
    Index(None, "name"),
    comment="Bases in the words in which models declare them: each once, for room.",
)

model_base = Table(
    "model_base",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model that was made from another."),
    Column("position", Integer, primary_key=True, comment="Place in the hub's list, from 0; merges have several."),
    Column("base_id", ForeignKey("declared_base.id"), nullable=False, comment="The base, as it declares it."),
    Column("poll_id", ForeignKey("poll.id"), nullable=False, comment="The poll that saw this declaration first."),
    comment="What models declare they were made from, as of the last sighting. Self-declared: it can be wrong.",
    sqlite_with_rowid=False,
)

model_description = Table(
    "model_description",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    *(
        Column(f"{name}_at", BigInteger, comment=f"When the newest dump that says {words} was made; null: none does.")
        for name, words in (("pipeline_tag", "the task"), ("library_name", "the library"), ("bases", "the bases"))
    ),
    comment="How old the words of imported dumps on models are (UTC, Unix seconds); later words replace them.",
    sqlite_with_rowid=False,
)

#: Readings that are no plain rise: the first of a counter, a fall, a rise that its 30-day count may not explain (more
#: than twice that count by more than 1,000: `collector.measure.steps`). In literals, so that the index serves it.
UNUSUAL = "(delta IS NULL OR delta < 0 OR delta > 2 * coalesce(downloads_30d, 0) + 1000)"

# No CHECK: with one, and columns that are worked out, a connection that only reads cannot VACUUM INTO (SQLite 3.40),
# which is how a backup is made. Who writes is held to what fits (`timing.time_and_span`), and `db check` looks.
observation = Table(
    "observation",
    metadata,
    Column(
        "id",
        BigInteger().with_variant(Integer(), "sqlite"),
        primary_key=True,
        autoincrement=False,
        comment=f"Number of the reading: poll_id x {1 << MODEL_BITS} + model_id. Only this finds a reading quickly.",
    ),
    Column(
        "poll_id",
        ForeignKey("poll.id"),
        Computed(f"id >> {MODEL_BITS}", persisted=False),
        nullable=False,
        comment="The poll that read it: the first part of id.",
    ),
    Column(
        "model_id",
        ForeignKey("model.id"),
        Computed(f"id & {(1 << MODEL_BITS) - 1}", persisted=False),
        nullable=False,
        comment="The model read: the second part of id.",
    ),
    Column(
        "time_and_span",
        BigInteger,
        nullable=False,
        comment="seconds and span_seconds in one number, for room: (span - 86,400) x 8192 + seconds, and 2^44 - 8192"
        " more for every 8192 of these; a span of -1 stands for none.",
    ),
    Column(
        "seconds",
        Integer,
        Computed(seconds_sql("time_and_span"), persisted=False),
        nullable=False,
        comment="Time of the reading: seconds after the poll's started_at.",
    ),
    Column(
        "span_seconds",
        Integer,
        Computed(f"nullif({span_sql('time_and_span')}, {NO_SPAN})", persisted=False),
        comment="Derived: seconds from the last sighting of the value before to this reading; null at the first.",
    ),
    Column("likes", Integer, comment="Likes as the hub said them; null: not said."),
    Column(
        "downloads_all_time", BigInteger, comment="Cumulative counter as the hub said it; may fall. Null: not said."
    ),
    Column("downloads_30d", BigInteger, comment="The hub's rolling 30-day count; never add two up. Null: not said."),
    Column(
        "delta",
        BigInteger,
        comment="Derived: this counter minus the one before, signed; null at the first sighting. Not downloads.",
    ),
    # Serves: what a window's growth rests on beside its plain sums, without a look at every reading.
    Index("ix_observation_unusual", "poll_id", sqlite_where=text(UNUSUAL)),
    comment="Readings that differ from the one before (change-only): what the hub said of a model at an instant.",
)

model_state = Table(
    "model_state",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    Column("downloads_all_time", BigInteger, comment="Cumulative counter at the latest reading that had one."),
    Column("downloads_30d", BigInteger, comment="Rolling 30-day count at the latest reading that had one."),
    Column("likes", Integer, comment="Likes at the latest reading that had them."),
    Column("changed_at", BigInteger, comment="First sighting of the counter's present value (Unix seconds)."),
    Column("seen_at", BigInteger, comment="Last sighting of that value; a stale poll does not move it."),
    Column("seen_before_at", BigInteger, comment="The sighting before, to go back to when the poll proves stale."),
    Column("rose_at", BigInteger, comment="Last rise by more than 1,000 (Unix seconds): its 30-day counts are kept."),
    # No foreign key: it changes for every model every day, and looking each up took a thirtieth of a poll's CPU time
    # (measured at 300,000 models). `db check` looks.
    Column("listed_poll_id", Integer, comment="The last poll that listed the model, readable or not."),
    Column(
        "metadata_crc", BigInteger, comment="CRC-32 of its description in the words it was sent in: are they others?"
    ),
    comment="The latest of every model: what the next page is compared with.",
)

sighting_run = Table(
    "sighting_run",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column("poll_id", ForeignKey("poll.id"), primary_key=True, comment="The poll that wrote to the hub's models last."),
    Column("first_model_id", Integer, primary_key=True, autoincrement=False, comment="The first of the models …"),
    Column("last_model_id", Integer, nullable=False, comment="… and the last; every number between is one."),
    Column("seen_at", BigInteger, nullable=False, comment="When the poll read them (UTC, Unix seconds)."),
    comment="Models numbered in a row that the last poll read at one moment: model_state says the same of each.",
    sqlite_with_rowid=False,
)

absence = Table(
    "absence",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    Column("poll_id", ForeignKey("poll.id"), primary_key=True, comment="The first complete poll that did not list it."),
    Column("listed_poll_id", ForeignKey("poll.id"), nullable=False, comment="The last poll that listed it before."),
    Column("returned_poll_id", ForeignKey("poll.id"), comment="The complete poll that lists it again; null: none yet."),
    comment="Models that a hub no longer listed, from when to when. Thin polls prove no absence.",
    sqlite_with_rowid=False,
)

publisher_origin = Table(
    "publisher_origin",
    metadata,
    Column("hub", Text, primary_key=True, comment="Name of the hub."),
    Column("publisher", Text, primary_key=True, comment="The account, exactly as spelt on the hub."),
    Column("valid_from", Text, primary_key=True, comment="First UTC day; 0001-01-01 when open."),
    Column("valid_to", Text, nullable=False, comment="First UTC day after; 9999-12-31 when open."),
    Column("organisation", Text, nullable=False, comment="Who controls the account; may be empty for individuals."),
    Column("country", Text, nullable=False, comment="Origin: ISO 3166-1 alpha-2, XX not of one country, ZZ unknown."),
    Column("kind", Text, nullable=False, comment="company, academic, nonprofit, government, community, individual."),
    Column("basis", Text, nullable=False, comment="Why, in words."),
    Column("confidence", Text, nullable=False, comment="certain or likely."),
    Column("reviewed_on", Text, nullable=False, comment="Day of the review."),
    Column("folded", Text, nullable=False, comment="The account in lower case: an account is one in any spelling."),
    # Serves: the look-up of an account that a model's name spells in another case.
    Index(None, "hub", "folded", "publisher"),
    comment="The registry as loaded last: which organisation and country controls which account, when, and why.",
)

country = Table(
    "country",
    metadata,
    Column("code", Text, primary_key=True, comment="ISO 3166-1 alpha-2, XK, XX or ZZ."),
    Column("name", Text, nullable=False, comment="Short English name."),
    comment="Names of the country codes.",
)

model_origin = Table(
    "model_origin",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    Column("root_name", Text, primary_key=True, comment="A model at the end of its lineage (perhaps never polled)."),
    Column("root_publisher", Text, nullable=False, comment="The account of that root; its origin is the base origin."),
    Column("weight", Double, nullable=False, comment="This root's part; the weights of a model add up to 1."),
    Column("basis", Text, nullable=False, comment="corrected, declared, name, self, or none (not resolved: ZZ)."),
    Column("relation", Text, comment="How it was made from its base: finetune, adapter, quantized, merge; null: self."),
    Column("family", Text, comment="Family of the root; null: none known."),
    Column("line", Text, comment="Sub-line of the family, e.g. Qwen3; null: none known."),
    comment="Derived: the roots of every model, by lineage. Countries follow by date from publisher_origin.",
    sqlite_with_rowid=False,
)

disagreement = Table(
    "disagreement",
    metadata,
    Column("model_id", ForeignKey("model.id"), primary_key=True, comment="The model."),
    Column("by_name", Text, nullable=False, comment="Family its name leads to; a root where no family is known."),
    Column("by_declaration", Text, nullable=False, comment="What its declared bases lead to, the same way; by ;"),
    comment="Derived: models whose name leads to another family than their declared base. The declaration counts.",
    sqlite_with_rowid=False,
)

origin_todo = Table(
    "origin_todo",
    metadata,
    Column("id", Integer, primary_key=True, comment="Rises with every entry."),
    Column("model_id", ForeignKey("model.id"), nullable=False, comment="The model; it may stand here several times."),
    comment="Models that are new, bear another name or declare other bases since roots were worked out last.",
)

origin_number = Table(
    "origin_number",
    metadata,
    Column(
        "block",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="The hub's number × 65536 + the first 16 bits, counted from the lowest, of the numbers in it.",
    ),
    Column(
        "entries",
        LargeBinary,
        nullable=False,
        comment="Six bytes for each number, in order: its last 16 bits and the model, the lowest byte first.",
    ),
    comment="Derived: which models to look at when a name or key is new or gone, by CRC-32 of names and questions.",
)

origin_renewal = Table(
    "origin_renewal",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column(
        "number",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="From 1, counted since all of the hub's were written at once.",
    ),
    Column("models", LargeBinary, nullable=False, comment="The models it is about, in order, four bytes each."),
    Column(
        "entries",
        LargeBinary,
        nullable=False,
        comment="Eight bytes for each number of theirs, in order: number × 2^32 + model, the lowest byte first.",
    ),
    comment="Derived: what origin_number has not taken in everywhere. Of each model the last renewal counts.",
)

hub_columns = Table(
    "hub_columns",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column(
        "name",
        Text,
        primary_key=True,
        comment="What it holds (tasks and sets of roots: JSON); differing …: of few models, and counts for these.",
    ),
    Column(
        "content",
        LargeBinary,
        nullable=False,
        comment="A letter for their kind (bhiqd), then a number for each model, by model_id.",
    ),
    comment="Derived: what model and model_origin say of all models, as the roll-up reads it. Use these for SQL.",
)

model_month = Table(
    "model_month",
    metadata,
    # No foreign keys: at hundreds of thousands of rows a poll it takes longer to look each up than to write the rows.
    Column(
        "month", Integer, primary_key=True, autoincrement=False, comment="Calendar month (UTC) as year × 100 + month."
    ),
    Column("model_id", Integer, primary_key=True, autoincrement=False, comment="The model."),
    Column("publisher_id", Integer, nullable=False, comment="Its account on the month's last day."),
    Column("downloads", Double, nullable=False, comment="Downloads in the month; unrounded where estimated."),
    Column("estimated", Double, nullable=False, comment="The part of them that is estimated, not measured."),
    Column("corrections", BigInteger, nullable=False, comment="Falls and restatements; signed, never netted."),
    Column(
        "covered_from", BigInteger, comment="Readings back the month from here (UTC, Unix seconds); null: its start."
    ),
    Column("tiled_seconds", Double, nullable=False, comment="Seconds of it that tiles of 30-day counts back."),
    Column("flags", Text, comment="dip, correction, restatement …, separated by blanks; null: none."),
    comment="Derived: what each model did in each month. Models without downloads, corrections or flags have no row.",
    sqlite_with_rowid=False,
)

month_columns = Table(
    "month_columns",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column(
        "month", Integer, primary_key=True, autoincrement=False, comment="Calendar month (UTC) as year × 100 + month."
    ),
    Column("name", Text, primary_key=True, comment="What the column holds: numbers, or texts of flags as JSON."),
    Column(
        "content",
        LargeBinary,
        nullable=False,
        comment="A letter for their kind (bhiqd), then a number for each row, by model_id.",
    ),
    comment="Derived: the rows of model_month, as the roll-up reads them. Use model_month for SQL.",
)

month_build = Table(
    "month_build",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column("month", Integer, primary_key=True, comment="Calendar month (UTC) as year × 100 + month."),
    Column("fingerprint", Text, nullable=False, comment="What the rows were worked out from; differs: rebuild."),
    Column("last_poll_id", Integer, nullable=False, comment="The last poll they take in: later ones are added."),
    Column("content", Text, nullable=False, comment="The fingerprint at their last change."),
    Column("covered", Double, nullable=False, comment="The largest part of the month that any model's readings back."),
    Column("open_falls", Integer, nullable=False, comment="Falls and jumps too young to be judged for good."),
    comment="Derived: from which state of the facts the rows of a month were worked out.",
)

month_figures = Table(
    "month_figures",
    metadata,
    Column("hub", Text, primary_key=True, comment="Name of the hub."),
    Column("window", Text, primary_key=True, comment="The month (YYYY-MM)."),
    Column("figures", Text, nullable=False, comment="Unrounded shares, spikes, movers and the like, as JSON."),
    comment="Derived: what a report says of a month beside the share tables, so that it works no share out again.",
)

reviewed_publisher = Table(
    "reviewed_publisher",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column("publisher_id", ForeignKey("publisher.id"), primary_key=True, comment="The account."),
    comment="Derived: accounts that the registry names, in any spelling and at any time.",
    sqlite_with_rowid=False,
)

build_mark = Table(
    "build_mark",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column("what", Text, primary_key=True, comment="shares YYYY-MM; restate YYYY-MM: it waits; lineage files …"),
    Column(
        "fingerprint",
        Text,
        nullable=False,
        comment="From what it was worked out; restate: since when (Unix seconds).",
    ),
    comment="Derived: from which facts, registry and scopes shares were worked out, and which months wait.",
)

job = Table(
    "job",
    metadata,
    Column("name", Text, primary_key=True, comment="What the daemon does: backup, check, report HUB YYYY-MM …"),
    Column("done_at", BigInteger, nullable=False, comment="When it was last done to the end (UTC, Unix seconds)."),
    Column("note", Text, nullable=False, comment="What it rested on or found, to tell what is due; may be empty."),
    comment="What the daemon did last, so that what is due outlives it. Polls are in poll.",
)

alert = Table(
    "alert",
    metadata,
    Column("key", Text, primary_key=True, comment="What happened, to what and since when: each is told once."),
    Column("raised_at", BigInteger, nullable=False, comment="When it was noticed (UTC, Unix seconds)."),
    Column("told_at", BigInteger, comment="When the webhook took it (UTC, Unix seconds); null: not yet."),
    Column("words", Text, nullable=False, comment="What is told, in one line."),
    comment="What needed a person.",
)


def _published(file: PublishedFile) -> Table:
    """The derived table of a CSV file: the same columns with the same meaning, months only."""
    columns: list[Column[Any]] = [
        Column(c.name, _SQL_TYPES[c.type], primary_key=c.key, nullable=not c.key, comment=c.meaning)
        for c in file.columns
    ]
    return Table(file.table, metadata, *columns, comment=f"Derived: {file.meaning}")


_SQL_TYPES = {"string": Text, "integer": BigInteger, "number": Double}
country_share = _published(COUNTRY_SHARE)
family_share = _published(FAMILY_SHARE)
group_share = _published(GROUP_SHARE)
derivative_share = _published(DERIVATIVE_SHARE)

publisher_share = Table(
    "publisher_share",
    metadata,
    # No foreign keys here and below: with hundreds of thousands of rows a month, each key would be looked up.
    Column("hub_id", Integer, primary_key=True, autoincrement=False, comment="The hub."),
    Column(
        "month", Integer, primary_key=True, autoincrement=False, comment="Calendar month (UTC) as year × 100 + month."
    ),
    Column("scope", Text, primary_key=True, comment="Name of the rule for which models count."),
    Column("publisher_id", Integer, primary_key=True, autoincrement=False, comment="The account that uploaded them."),
    Column("downloads", BigInteger, nullable=False, comment="Downloads counted by the hub in the month."),
    Column("share_millionths", Integer, nullable=False, comment="Part of all downloads of the scope."),
    Column("models", Integer, nullable=False, comment="Models with downloads above 0."),
    comment="Derived: downloads by uploading account and month, in numbers; words are in publisher_share_month.",
    sqlite_with_rowid=False,
)

publisher_columns = Table(
    "publisher_columns",
    metadata,
    Column("hub_id", ForeignKey("hub.id"), primary_key=True, comment="The hub."),
    Column(
        "month", Integer, primary_key=True, autoincrement=False, comment="Calendar month (UTC) as year × 100 + month."
    ),
    Column("scope", Text, primary_key=True, comment="Name of the rule for which models count."),
    Column("name", Text, primary_key=True, comment="The column; publisher_id: the steps from each to the next."),
    Column(
        "content",
        LargeBinary,
        nullable=False,
        comment="A letter for their kind (bhiqd), then a number for each row, by publisher_id.",
    ),
    comment="Derived: the rows of publisher_share, as the roll-up reads them. Use publisher_share for SQL.",
)

publisher_month = Table(
    "publisher_month",
    metadata,
    Column("hub_id", Integer, primary_key=True, autoincrement=False, comment="The hub."),
    Column(
        "month", Integer, primary_key=True, autoincrement=False, comment="Calendar month (UTC) as year × 100 + month."
    ),
    Column("publisher_id", Integer, primary_key=True, autoincrement=False, comment="The account."),
    Column("organisation", Text, nullable=False, comment="Who controls the account; may be empty for individuals."),
    Column("country", Text, nullable=False, comment="Origin: ISO 3166-1 alpha-2, XX not of one country, ZZ unknown."),
    Column("kind", Text, nullable=False, comment="company, academic, nonprofit, government, community, individual."),
    comment="Derived: accounts of publisher_share that the registry knows, as of the month's last day.",
    sqlite_with_rowid=False,
)
