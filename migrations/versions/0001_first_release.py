"""The first release: all tables, and the views that users read.

Written out in full, so that later changes of the program cannot change what this migration makes.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_alert()
    _create_country()
    _create_country_share()
    _create_declared_base()
    _create_derivative_share()
    _create_family_share()
    _create_group_share()
    _create_hub()
    _create_job()
    _create_kind()
    _create_model_month()
    _create_publisher_month()
    _create_publisher_origin()
    _create_publisher_share()
    _create_build_mark()
    _create_hub_columns()
    _create_import_file()
    _create_month_build()
    _create_month_columns()
    _create_origin_renewal()
    _create_publisher()
    _create_publisher_columns()
    _create_reviewed_publisher()
    _create_poll()
    _create_model()
    _create_model_base()
    _create_model_description()
    _create_model_name()
    _create_model_origin()
    _create_model_state()
    _create_observation()
    _create_sighting_run()
    _create_absence()
    _create_disagreement()
    _create_month_figures()
    _create_origin_number()
    _create_origin_todo()
    _create_views()


def _create_country() -> None:
    op.create_table(
        "country",
        sa.Column("code", sa.Text(), nullable=False, comment="ISO 3166-1 alpha-2, XK, XX or ZZ."),
        sa.Column("name", sa.Text(), nullable=False, comment="Short English name."),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_country")),
        comment="Names of the country codes.",
    )


def _create_country_share() -> None:
    op.create_table(
        "country_share",
        sa.Column("hub", sa.Text(), nullable=False, comment="Hub whose counters these are. Hubs are never added up."),
        sa.Column(
            "window",
            sa.Text(),
            nullable=False,
            comment="Span of time reported on: a month (YYYY-MM), two UTC days (second one outside), or trailing-DAY.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="Name of the rule for which models count (see the data package).",
        ),
        sa.Column(
            "attribution",
            sa.Text(),
            nullable=False,
            comment="base: origin of the root model's publisher; publisher: origin of the uploader.",
        ),
        sa.Column(
            "country",
            sa.Text(),
            nullable=False,
            comment="ISO 3166-1 alpha-2; XX: reviewed, not of one country; ZZ: not attributed.",
        ),
        sa.Column("country_name", sa.Text(), nullable=True, comment="Short English name of the country."),
        sa.Column(
            "downloads",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads counted by the hub in the window: requests, not users.",
        ),
        sa.Column(
            "share", sa.Double(), nullable=True, comment="Part of all downloads of the scope in the window, 0 to 1."
        ),
        sa.Column(
            "share_of_attributed",
            sa.Double(),
            nullable=True,
            comment="Part of the downloads that are not ZZ; empty for ZZ itself.",
        ),
        sa.Column(
            "share_max",
            sa.Double(),
            nullable=True,
            comment="Share if every ZZ download were this country's; for ZZ its own share.",
        ),
        sa.Column(
            "measured_share",
            sa.Double(),
            nullable=True,
            comment="Part of the downloads measured by cumulative counters; the rest is estimated. Empty: none.",
        ),
        sa.Column(
            "covered_share",
            sa.Double(),
            nullable=True,
            comment="Part of the window's time backed by readings, weighted by downloads.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=True,
            comment="final, or provisional: not over, not covered, or holding an open fall.",
        ),
        sa.Column(
            "corrections",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads the hub took back (negative) or recounted (positive); never netted into downloads.",
        ),
        sa.Column("models", sa.BigInteger(), nullable=True, comment="Models with downloads above 0."),
        sa.Column("publishers", sa.BigInteger(), nullable=True, comment="Accounts that uploaded these models."),
        sa.Column(
            "top_model",
            sa.Text(),
            nullable=True,
            comment="The model with most of these downloads; empty when there is none.",
        ),
        sa.Column("top_model_share", sa.Double(), nullable=True, comment="That model's part of this row's downloads."),
        sa.Column(
            "previous_share",
            sa.Double(),
            nullable=True,
            comment="Share in the window of equal length before (for a month the month before); empty: no data.",
        ),
        sa.PrimaryKeyConstraint("hub", "window", "scope", "attribution", "country", name=op.f("pk_country_share")),
        comment="Derived: downloads and shares by country of origin. ZZ (not attributed) is a row, so the shares add up to 1.",  # noqa: E501
    )


def _create_derivative_share() -> None:
    op.create_table(
        "derivative_share",
        sa.Column("hub", sa.Text(), nullable=False, comment="Hub whose counters these are. Hubs are never added up."),
        sa.Column(
            "window",
            sa.Text(),
            nullable=False,
            comment="Span of time reported on: a month (YYYY-MM), two UTC days (second one outside), or trailing-DAY.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="Name of the rule for which models count (see the data package).",
        ),
        sa.Column(
            "country",
            sa.Text(),
            nullable=False,
            comment="Base origin: country of the root model's publisher; XX and ZZ as everywhere.",
        ),
        sa.Column(
            "relation",
            sa.Text(),
            nullable=False,
            comment="How the model was made from its base: finetune, adapter, quantized, merge; unspecified: not said.",
        ),
        sa.Column(
            "new_models",
            sa.BigInteger(),
            nullable=True,
            comment="Such models created in the window, downloaded or not, and listed, or read in an imported file, within 32 days of its end (after an outage: by the next complete poll). A merge counts for each of its countries.",  # noqa: E501
        ),
        sa.Column(
            "new_models_share",
            sa.Double(),
            nullable=True,
            comment="Part of all new derivatives of the scope, merges divided; empty: none is new.",
        ),
        sa.Column(
            "downloads",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads of all such models, new or old; merges are divided.",
        ),
        sa.Column(
            "share",
            sa.Double(),
            nullable=True,
            comment="Part of the downloads of all derivatives of the scope, 0 to 1.",
        ),
        sa.Column(
            "share_of_all",
            sa.Double(),
            nullable=True,
            comment="Part of all downloads of the scope, originals included.",
        ),
        sa.Column("models", sa.BigInteger(), nullable=True, comment="Such models with downloads above 0."),
        sa.Column(
            "top_model",
            sa.Text(),
            nullable=True,
            comment="The model with most of these downloads; empty when there is none.",
        ),
        sa.Column("top_model_share", sa.Double(), nullable=True, comment="That model's part of this row's downloads."),
        sa.Column(
            "previous_share",
            sa.Double(),
            nullable=True,
            comment="This row's share in the window of equal length before; empty: no data, or no derivatives.",
        ),
        sa.PrimaryKeyConstraint("hub", "window", "scope", "country", "relation", name=op.f("pk_derivative_share")),
        comment="Derived: new models and downloads of models made from others, by origin of their root and how they were made.",  # noqa: E501
    )


def _create_family_share() -> None:
    op.create_table(
        "family_share",
        sa.Column("hub", sa.Text(), nullable=False, comment="Hub whose counters these are. Hubs are never added up."),
        sa.Column(
            "window",
            sa.Text(),
            nullable=False,
            comment="Span of time reported on: a month (YYYY-MM), two UTC days (second one outside), or trailing-DAY.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="Name of the rule for which models count (see the data package).",
        ),
        sa.Column(
            "family",
            sa.Text(),
            nullable=False,
            comment="Line of models the root belongs to, e.g. Qwen; other: no known family.",
        ),
        sa.Column(
            "country",
            sa.Text(),
            nullable=False,
            comment="Origin of the family's developer; for `other` the base origin of the models.",
        ),
        sa.Column(
            "downloads",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads counted by the hub in the window: requests, not users.",
        ),
        sa.Column(
            "share", sa.Double(), nullable=True, comment="Part of all downloads of the scope in the window, 0 to 1."
        ),
        sa.Column(
            "derivative_part",
            sa.Double(),
            nullable=True,
            comment="Part of the row's downloads made by models derived from another.",
        ),
        sa.Column("models", sa.BigInteger(), nullable=True, comment="Models with downloads above 0."),
        sa.Column(
            "top_model",
            sa.Text(),
            nullable=True,
            comment="The model with most of these downloads; empty when there is none.",
        ),
        sa.Column("top_model_share", sa.Double(), nullable=True, comment="That model's part of this row's downloads."),
        sa.Column(
            "previous_share",
            sa.Double(),
            nullable=True,
            comment="Share in the window of equal length before (for a month the month before); empty: no data.",
        ),
        sa.PrimaryKeyConstraint("hub", "window", "scope", "family", "country", name=op.f("pk_family_share")),
        comment="Derived: downloads and shares by model family, whoever republished the models.",
    )


def _create_group_share() -> None:
    op.create_table(
        "group_share",
        sa.Column("hub", sa.Text(), nullable=False, comment="Hub whose counters these are. Hubs are never added up."),
        sa.Column(
            "window",
            sa.Text(),
            nullable=False,
            comment="Span of time reported on: a month (YYYY-MM), two UTC days (second one outside), or trailing-DAY.",
        ),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="Name of the rule for which models count (see the data package).",
        ),
        sa.Column(
            "attribution",
            sa.Text(),
            nullable=False,
            comment="base: origin of the root model's publisher; publisher: origin of the uploader.",
        ),
        sa.Column(
            "group",
            sa.Text(),
            nullable=False,
            comment="Name of the group, e.g. EU: packaged or configured. As it stands now, not as of the window.",
        ),
        sa.Column("group_title", sa.Text(), nullable=True, comment="The group's name in full."),
        sa.Column("countries", sa.BigInteger(), nullable=True, comment="Its countries with downloads above 0."),
        sa.Column(
            "downloads",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads counted by the hub in the window: requests, not users.",
        ),
        sa.Column(
            "share", sa.Double(), nullable=True, comment="Part of all downloads of the scope in the window, 0 to 1."
        ),
        sa.Column("share_of_attributed", sa.Double(), nullable=True, comment="Part of the downloads that are not ZZ."),
        sa.Column("share_max", sa.Double(), nullable=True, comment="Share if every ZZ download were of this group."),
        sa.Column(
            "measured_share",
            sa.Double(),
            nullable=True,
            comment="Part of the downloads measured by cumulative counters; the rest is estimated. Empty: none.",
        ),
        sa.Column(
            "covered_share",
            sa.Double(),
            nullable=True,
            comment="Part of the window's time backed by readings, weighted by downloads.",
        ),
        sa.Column(
            "status",
            sa.Text(),
            nullable=True,
            comment="final, or provisional: not over, not covered, or holding an open fall.",
        ),
        sa.Column(
            "corrections",
            sa.BigInteger(),
            nullable=True,
            comment="Downloads the hub took back (negative) or recounted (positive); never netted into downloads.",
        ),
        sa.Column(
            "models",
            sa.BigInteger(),
            nullable=True,
            comment="Models with downloads above 0; a merge within the group is one.",
        ),
        sa.Column("publishers", sa.BigInteger(), nullable=True, comment="Accounts that uploaded these models."),
        sa.Column(
            "top_model",
            sa.Text(),
            nullable=True,
            comment="The model with most of these downloads; empty when there is none.",
        ),
        sa.Column("top_model_share", sa.Double(), nullable=True, comment="That model's part of this row's downloads."),
        sa.Column(
            "previous_share",
            sa.Double(),
            nullable=True,
            comment="Share in the window of equal length before (for a month the month before); empty: no data.",
        ),
        sa.PrimaryKeyConstraint("hub", "window", "scope", "attribution", "group", name=op.f("pk_group_share")),
        comment="Derived: downloads and shares by group of countries. Groups overlap, so the shares do not add up; XX and ZZ are in none.",  # noqa: E501
    )


def _create_hub() -> None:
    op.create_table(
        "hub",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the hub in this database."),
        sa.Column("name", sa.Text(), nullable=False, comment="Name as in the configuration, e.g. huggingface."),
        sa.Column(
            "endpoint", sa.Text(), nullable=False, comment="Address asked last; empty when only files were imported."
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hub")),
        sa.UniqueConstraint("name", name=op.f("uq_hub_name")),
        comment="Public places that host models and count their downloads.",
    )


def _create_publisher_origin() -> None:
    op.create_table(
        "publisher_origin",
        sa.Column("hub", sa.Text(), nullable=False, comment="Name of the hub."),
        sa.Column("publisher", sa.Text(), nullable=False, comment="The account, exactly as spelt on the hub."),
        sa.Column("valid_from", sa.Text(), nullable=False, comment="First UTC day; 0001-01-01 when open."),
        sa.Column("valid_to", sa.Text(), nullable=False, comment="First UTC day after; 9999-12-31 when open."),
        sa.Column(
            "organisation", sa.Text(), nullable=False, comment="Who controls the account; may be empty for individuals."
        ),
        sa.Column(
            "country",
            sa.Text(),
            nullable=False,
            comment="Origin: ISO 3166-1 alpha-2, XX not of one country, ZZ unknown.",
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="company, academic, nonprofit, government, community, individual.",
        ),
        sa.Column("basis", sa.Text(), nullable=False, comment="Why, in words."),
        sa.Column("confidence", sa.Text(), nullable=False, comment="certain or likely."),
        sa.Column("reviewed_on", sa.Text(), nullable=False, comment="Day of the review."),
        sa.Column(
            "folded", sa.Text(), nullable=False, comment="The account in lower case: an account is one in any spelling."
        ),
        sa.PrimaryKeyConstraint("hub", "publisher", "valid_from", name=op.f("pk_publisher_origin")),
        comment="The registry as loaded last: which organisation and country controls which account, when, and why.",
    )
    op.create_index(
        op.f("ix_publisher_origin_hub_folded_publisher"),
        "publisher_origin",
        ["hub", "folded", "publisher"],
        unique=False,
    )


def _create_reviewed_publisher() -> None:
    op.create_table(
        "reviewed_publisher",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column("publisher_id", sa.Integer(), nullable=False, comment="The account."),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_reviewed_publisher_hub_id")),
        sa.ForeignKeyConstraint(["publisher_id"], ["publisher.id"], name=op.f("fk_reviewed_publisher_publisher_id")),
        sa.PrimaryKeyConstraint("hub_id", "publisher_id", name=op.f("pk_reviewed_publisher")),
        comment="Derived: accounts that the registry names, in any spelling and at any time.",
        sqlite_with_rowid=False,
    )


def _create_publisher_share() -> None:
    op.create_table(
        "publisher_share",
        sa.Column("hub_id", sa.Integer(), autoincrement=False, nullable=False, comment="The hub."),
        sa.Column(
            "month",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Calendar month (UTC) as year × 100 + month.",
        ),
        sa.Column("scope", sa.Text(), nullable=False, comment="Name of the rule for which models count."),
        sa.Column(
            "publisher_id",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="The account that uploaded them.",
        ),
        sa.Column("downloads", sa.BigInteger(), nullable=False, comment="Downloads counted by the hub in the month."),
        sa.Column(
            "share_millionths",
            sa.Integer(),
            nullable=False,
            comment="Part of all downloads of the scope.",
        ),
        sa.Column("models", sa.Integer(), nullable=False, comment="Models with downloads above 0."),
        sa.PrimaryKeyConstraint("hub_id", "month", "scope", "publisher_id", name=op.f("pk_publisher_share")),
        comment="Derived: downloads by uploading account and month, in numbers; words are in publisher_share_month.",
        sqlite_with_rowid=False,
    )


def _create_publisher_columns() -> None:
    op.create_table(
        "publisher_columns",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column(
            "month",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Calendar month (UTC) as year × 100 + month.",
        ),
        sa.Column("scope", sa.Text(), nullable=False, comment="Name of the rule for which models count."),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="The column; publisher_id: the steps from each to the next."
        ),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="A letter for their kind (bhiqd), then a number for each row, by publisher_id.",
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_publisher_columns_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "month", "scope", "name", name=op.f("pk_publisher_columns")),
        comment="Derived: the rows of publisher_share, as the roll-up reads them. Use publisher_share for SQL.",
    )


def _create_publisher_month() -> None:
    op.create_table(
        "publisher_month",
        sa.Column("hub_id", sa.Integer(), autoincrement=False, nullable=False, comment="The hub."),
        sa.Column(
            "month",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Calendar month (UTC) as year × 100 + month.",
        ),
        sa.Column("publisher_id", sa.Integer(), autoincrement=False, nullable=False, comment="The account."),
        sa.Column(
            "organisation",
            sa.Text(),
            nullable=False,
            comment="Who controls the account; may be empty for individuals.",
        ),
        sa.Column(
            "country",
            sa.Text(),
            nullable=False,
            comment="Origin: ISO 3166-1 alpha-2, XX not of one country, ZZ unknown.",
        ),
        sa.Column(
            "kind",
            sa.Text(),
            nullable=False,
            comment="company, academic, nonprofit, government, community, individual.",
        ),
        sa.PrimaryKeyConstraint("hub_id", "month", "publisher_id", name=op.f("pk_publisher_month")),
        comment="Derived: accounts of publisher_share that the registry knows, as of the month's last day.",
        sqlite_with_rowid=False,
    )


def _create_build_mark() -> None:
    op.create_table(
        "build_mark",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column(
            "what",
            sa.Text(),
            nullable=False,
            comment="shares YYYY-MM; restate YYYY-MM: it waits; lineage files …",
        ),
        sa.Column(
            "fingerprint",
            sa.Text(),
            nullable=False,
            comment="From what it was worked out; restate: since when (Unix seconds).",
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_build_mark_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "what", name=op.f("pk_build_mark")),
        comment="Derived: from which facts, registry and scopes shares were worked out, and which months wait.",
    )


def _create_hub_columns() -> None:
    op.create_table(
        "hub_columns",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column(
            "name",
            sa.Text(),
            nullable=False,
            comment="What it holds (tasks and sets of roots: JSON); differing …: of few models, and counts for these.",
        ),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="A letter for their kind (bhiqd), then a number for each model, by model_id.",
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_hub_columns_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "name", name=op.f("pk_hub_columns")),
        comment="Derived: what model and model_origin say of all models, as the roll-up reads it. Use these for SQL.",
    )


def _create_import_file() -> None:
    op.create_table(
        "import_file",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the import in this database."),
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub whose counters the file holds."),
        sa.Column("file_name", sa.Text(), nullable=False, comment="Name of the file, without its folder."),
        sa.Column(
            "sha256", sa.Text(), nullable=False, comment="SHA-256 of the file's bytes: the same file twice is once."
        ),
        sa.Column(
            "source", sa.Text(), nullable=False, comment="Where the file comes from, as the user said it; may be empty."
        ),
        sa.Column(
            "license", sa.Text(), nullable=False, comment="Terms of the file, as the user said them; may be empty."
        ),
        sa.Column("imported_at", sa.BigInteger(), nullable=False, comment="When it was imported (UTC, Unix seconds)."),
        sa.Column("readings", sa.Integer(), nullable=False, comment="Readings in the file."),
        sa.Column(
            "stored", sa.Integer(), nullable=False, comment="Observations stored from it (unchanged readings are not)."
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_import_file_hub_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_file")),
        sa.UniqueConstraint("hub_id", "sha256", name=op.f("uq_import_file_hub_id_sha256")),
        comment="Files of history that were imported, with their provenance.",
    )


def _create_job() -> None:
    op.create_table(
        "job",
        sa.Column(
            "name", sa.Text(), nullable=False, comment="What the daemon does: backup, check, report HUB YYYY-MM …"
        ),
        sa.Column(
            "done_at", sa.BigInteger(), nullable=False, comment="When it was last done to the end (UTC, Unix seconds)."
        ),
        sa.Column(
            "note", sa.Text(), nullable=False, comment="What it rested on or found, to tell what is due; may be empty."
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job")),
        comment="What the daemon did last, so that what is due outlives it. Polls are in poll.",
    )


def _create_alert() -> None:
    op.create_table(
        "alert",
        sa.Column(
            "key", sa.Text(), nullable=False, comment="What happened, to what and since when: each is told once."
        ),
        sa.Column("raised_at", sa.BigInteger(), nullable=False, comment="When it was noticed (UTC, Unix seconds)."),
        sa.Column("told_at", sa.BigInteger(), comment="When the webhook took it (UTC, Unix seconds); null: not yet."),
        sa.Column("words", sa.Text(), nullable=False, comment="What is told, in one line."),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_alert")),
        comment="What needed a person.",
    )


def _create_month_build() -> None:
    op.create_table(
        "month_build",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column("month", sa.Integer(), nullable=False, comment="Calendar month (UTC) as year × 100 + month."),
        sa.Column(
            "fingerprint", sa.Text(), nullable=False, comment="What the rows were worked out from; differs: rebuild."
        ),
        sa.Column(
            "last_poll_id", sa.Integer(), nullable=False, comment="The last poll they take in: later ones are added."
        ),
        sa.Column("content", sa.Text(), nullable=False, comment="The fingerprint at their last change."),
        sa.Column(
            "covered",
            sa.Double(),
            nullable=False,
            comment="The largest part of the month that any model's readings back.",
        ),
        sa.Column(
            "open_falls", sa.Integer(), nullable=False, comment="Falls and jumps too young to be judged for good."
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_month_build_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "month", name=op.f("pk_month_build")),
        comment="Derived: from which state of the facts the rows of a month were worked out.",
    )


def _create_publisher() -> None:
    op.create_table(
        "publisher",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the publisher in this database."),
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub the account lives on."),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="The account, the part of a model's name before the slash."
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_publisher_hub_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_publisher")),
        sa.UniqueConstraint("hub_id", "name", name=op.f("uq_publisher_hub_id_name")),
        comment="Accounts that models live under.",
    )


def _create_poll() -> None:
    op.create_table(
        "poll",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the poll; rises, but order readings by time."),
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub asked."),
        sa.Column(
            "scope",
            sa.Text(),
            nullable=False,
            comment="all: the whole hub; top: its most downloaded; import: from a file.",
        ),
        sa.Column(
            "top", sa.Integer(), nullable=True, comment="How many models a poll of scope top asks for; null otherwise."
        ),
        sa.Column(
            "started_at",
            sa.BigInteger(),
            nullable=False,
            comment="Start (UTC, Unix seconds); readings count from here.",
        ),
        sa.Column(
            "finished_at",
            sa.BigInteger(),
            nullable=True,
            comment="End (UTC, Unix seconds); null while running or if the process died.",
        ),
        sa.Column(
            "status", sa.Text(), nullable=False, comment="running, complete or failed; a killed poll stays running."
        ),
        sa.Column(
            "cursor",
            sa.Text(),
            nullable=True,
            comment="Where to go on after the last stored page; null at the start and at the end.",
        ),
        sa.Column("pages", sa.Integer(), nullable=False, comment="Pages stored."),
        sa.Column("models_listed", sa.Integer(), nullable=False, comment="Different models listed."),
        sa.Column("models_new", sa.Integer(), nullable=False, comment="Of these, seen for the first time on this hub."),
        sa.Column(
            "models_moved", sa.Integer(), nullable=False, comment="Of these, with a counter other than the one before."
        ),
        sa.Column("models_with_all_time", sa.Integer(), nullable=False, comment="Of these, with a cumulative counter."),
        sa.Column("rows_skipped", sa.Integer(), nullable=False, comment="Rows that could not be read."),
        sa.Column("retries", sa.Integer(), nullable=False, comment="Requests tried again."),
        sa.Column("waited_seconds", sa.Double(), nullable=False, comment="Seconds spent in waits the hub asked for."),
        sa.Column(
            "is_stale",
            sa.Boolean(),
            nullable=False,
            comment="Far fewer counters moved than usual: unmoved ones unread.",
        ),
        sa.Column(
            "is_thin",
            sa.Boolean(),
            nullable=False,
            comment="Lists under 90 % of the poll before: absences prove nothing.",
        ),
        sa.Column(
            "reaches_back_to",
            sa.BigInteger(),
            nullable=True,
            comment="Derived: where the earliest growth it read begins (UTC, Unix seconds); null: it read none.",
        ),
        sa.Column("error", sa.Text(), nullable=True, comment="Why it failed, in one line; null when it did not."),
        sa.Column(
            "import_id", sa.Integer(), nullable=True, comment="The file the readings come from; null when polled."
        ),
        sa.CheckConstraint("scope IN ('all', 'top', 'import')", name=op.f("ck_poll_scope")),
        sa.CheckConstraint("status IN ('running', 'complete', 'failed')", name=op.f("ck_poll_status")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_poll_hub_id")),
        sa.ForeignKeyConstraint(["import_id"], ["import_file.id"], name=op.f("fk_poll_import_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll")),
        comment="Attempts to read a hub: run log, resume point and calendar at once. An imported day is a poll as well.",  # noqa: E501
    )
    op.create_index(op.f("ix_poll_hub_id_started_at"), "poll", ["hub_id", "started_at"], unique=False)


def _create_kind() -> None:
    op.create_table(
        "kind",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the pair in this database."),
        sa.Column(
            "pipeline_tag",
            sa.Text(),
            nullable=True,
            comment="Task, as the hub says, e.g. text-generation; null: not said.",
        ),
        sa.Column(
            "library_name",
            sa.Text(),
            nullable=True,
            comment="Library, as the hub says, e.g. transformers; null: not said.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kind")),
        comment="Tasks and libraries as hubs say them of models: each pair once, for room.",
    )
    op.create_index(op.f("ix_kind_pipeline_tag"), "kind", ["pipeline_tag"], unique=False)


def _create_model() -> None:
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the model in this database."),
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub the model lives on."),
        sa.Column(
            "hub_key",
            sa.Text(),
            nullable=True,
            comment="The hub's own lasting key; null while known from imports only.",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="Name now (publisher/model); not an identity."),
        sa.Column("publisher_id", sa.Integer(), nullable=False, comment="The account it lives under now."),
        sa.Column(
            "created_at",
            sa.BigInteger(),
            nullable=True,
            comment="Created, as the hub says (UTC, Unix seconds); null: not said.",
        ),
        sa.Column(
            "kind_id",
            sa.Integer(),
            nullable=True,
            comment="Its task and library, as the hub says; null: neither is said.",
        ),
        sa.Column(
            "first_poll_id", sa.Integer(), nullable=True, comment="The poll that listed it first; null: never listed."
        ),
        sa.ForeignKeyConstraint(["first_poll_id"], ["poll.id"], name=op.f("fk_model_first_poll_id")),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_model_hub_id")),
        sa.ForeignKeyConstraint(["kind_id"], ["kind.id"], name=op.f("fk_model_kind_id")),
        sa.ForeignKeyConstraint(["publisher_id"], ["publisher.id"], name=op.f("fk_model_publisher_id")),
        sa.CheckConstraint("id < 33554432", name=op.f("ck_model_fits_into_a_reading")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("hub_id", "hub_key", name=op.f("uq_model_hub_id_hub_key")),
        comment="Models, one row for each of the hub's keys.",
    )
    op.create_index(op.f("ix_model_hub_id_name"), "model", ["hub_id", "name"], unique=False)


def _create_declared_base() -> None:
    op.create_table(
        "declared_base",
        sa.Column("id", sa.Integer(), nullable=False, comment="Number of the declaration in this database."),
        sa.Column("name", sa.Text(), nullable=False, comment="The base, as declared (publisher/model)."),
        sa.Column(
            "relation", sa.Text(), nullable=True, comment="finetune, adapter, quantized or merge; null: not said."
        ),
        sa.Column("hub_key", sa.Text(), nullable=True, comment="The hub's key of the base; null: not said."),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_declared_base")),
        comment="Bases in the words in which models declare them: each once, for room.",
    )
    op.create_index(op.f("ix_declared_base_name"), "declared_base", ["name"], unique=False)


def _create_model_base() -> None:
    op.create_table(
        "model_base",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model that was made from another."),
        sa.Column(
            "position", sa.Integer(), nullable=False, comment="Place in the hub's list, from 0; merges have several."
        ),
        sa.Column("base_id", sa.Integer(), nullable=False, comment="The base, as it declares it."),
        sa.Column("poll_id", sa.Integer(), nullable=False, comment="The poll that saw this declaration first."),
        sa.ForeignKeyConstraint(["base_id"], ["declared_base.id"], name=op.f("fk_model_base_base_id")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_base_model_id")),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name=op.f("fk_model_base_poll_id")),
        sa.PrimaryKeyConstraint("model_id", "position", name=op.f("pk_model_base")),
        comment="What models declare they were made from, as of the last sighting. Self-declared: it can be wrong.",
        sqlite_with_rowid=False,
    )


def _create_model_description() -> None:
    op.create_table(
        "model_description",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column(
            "pipeline_tag_at",
            sa.BigInteger(),
            nullable=True,
            comment="When the newest dump that says the task was made; null: none does.",
        ),
        sa.Column(
            "library_name_at",
            sa.BigInteger(),
            nullable=True,
            comment="When the newest dump that says the library was made; null: none does.",
        ),
        sa.Column(
            "bases_at",
            sa.BigInteger(),
            nullable=True,
            comment="When the newest dump that says the bases was made; null: none does.",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_description_model_id")),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_description")),
        comment="How old the words of imported dumps on models are (UTC, Unix seconds); later words replace them.",
        sqlite_with_rowid=False,
    )


def _create_model_month() -> None:
    op.create_table(
        "model_month",
        sa.Column(
            "month",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Calendar month (UTC) as year × 100 + month.",
        ),
        sa.Column("model_id", sa.Integer(), autoincrement=False, nullable=False, comment="The model."),
        sa.Column("publisher_id", sa.Integer(), nullable=False, comment="Its account on the month's last day."),
        sa.Column(
            "downloads", sa.Double(), nullable=False, comment="Downloads in the month; unrounded where estimated."
        ),
        sa.Column(
            "estimated", sa.Double(), nullable=False, comment="The part of them that is estimated, not measured."
        ),
        sa.Column(
            "corrections", sa.BigInteger(), nullable=False, comment="Falls and restatements; signed, never netted."
        ),
        sa.Column(
            "covered_from",
            sa.BigInteger(),
            nullable=True,
            comment="Readings back the month from here (UTC, Unix seconds); null: its start.",
        ),
        sa.Column(
            "tiled_seconds",
            sa.Double(),
            nullable=False,
            comment="Seconds of it that tiles of 30-day counts back.",
        ),
        sa.Column(
            "flags",
            sa.Text(),
            nullable=True,
            comment="dip, correction, restatement …, separated by blanks; null: none.",
        ),
        sa.PrimaryKeyConstraint("month", "model_id", name=op.f("pk_model_month")),
        comment="Derived: what each model did in each month. Models without downloads, corrections or flags have no row.",  # noqa: E501
        sqlite_with_rowid=False,
    )


def _create_model_name() -> None:
    op.create_table(
        "model_name",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column(
            "replaced_at",
            sa.BigInteger(),
            nullable=False,
            comment="When another name was first seen (UTC, Unix seconds).",
        ),
        sa.Column("name", sa.Text(), nullable=False, comment="The name it bore until then."),
        sa.Column("publisher_id", sa.Integer(), nullable=False, comment="The account it lived under until then."),
        sa.Column("poll_id", sa.Integer(), nullable=False, comment="The poll that saw the next name first."),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_name_model_id")),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name=op.f("fk_model_name_poll_id")),
        sa.ForeignKeyConstraint(["publisher_id"], ["publisher.id"], name=op.f("fk_model_name_publisher_id")),
        sa.PrimaryKeyConstraint("model_id", "replaced_at", name=op.f("pk_model_name")),
        comment="Earlier names of models. A renamed model keeps its history.",
    )
    op.create_index(op.f("ix_model_name_name"), "model_name", ["name"], unique=False)


def _create_model_origin() -> None:
    op.create_table(
        "model_origin",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column(
            "root_name", sa.Text(), nullable=False, comment="A model at the end of its lineage (perhaps never polled)."
        ),
        sa.Column(
            "root_publisher",
            sa.Text(),
            nullable=False,
            comment="The account of that root; its origin is the base origin.",
        ),
        sa.Column(
            "weight", sa.Double(), nullable=False, comment="This root's part; the weights of a model add up to 1."
        ),
        sa.Column(
            "basis", sa.Text(), nullable=False, comment="corrected, declared, name, self, or none (not resolved: ZZ)."
        ),
        sa.Column(
            "relation",
            sa.Text(),
            nullable=True,
            comment="How it was made from its base: finetune, adapter, quantized, merge; null: self.",
        ),
        sa.Column("family", sa.Text(), nullable=True, comment="Family of the root; null: none known."),
        sa.Column("line", sa.Text(), nullable=True, comment="Sub-line of the family, e.g. Qwen3; null: none known."),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_origin_model_id")),
        sa.PrimaryKeyConstraint("model_id", "root_name", name=op.f("pk_model_origin")),
        comment="Derived: the roots of every model, by lineage. Countries follow by date from publisher_origin.",
        sqlite_with_rowid=False,
    )


def _create_model_state() -> None:
    op.create_table(
        "model_state",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column(
            "downloads_all_time",
            sa.BigInteger(),
            nullable=True,
            comment="Cumulative counter at the latest reading that had one.",
        ),
        sa.Column(
            "downloads_30d",
            sa.BigInteger(),
            nullable=True,
            comment="Rolling 30-day count at the latest reading that had one.",
        ),
        sa.Column("likes", sa.Integer(), nullable=True, comment="Likes at the latest reading that had them."),
        sa.Column(
            "changed_at",
            sa.BigInteger(),
            nullable=True,
            comment="First sighting of the counter's present value (Unix seconds).",
        ),
        sa.Column(
            "seen_at",
            sa.BigInteger(),
            nullable=True,
            comment="Last sighting of that value; a stale poll does not move it.",
        ),
        sa.Column(
            "seen_before_at",
            sa.BigInteger(),
            nullable=True,
            comment="The sighting before, to go back to when the poll proves stale.",
        ),
        sa.Column(
            "rose_at",
            sa.BigInteger(),
            nullable=True,
            comment="Last rise by more than 1,000 (Unix seconds): its 30-day counts are kept.",
        ),
        sa.Column(
            "listed_poll_id",
            sa.Integer(),
            nullable=True,
            comment="The last poll that listed the model, readable or not.",
        ),
        sa.Column(
            "metadata_crc",
            sa.BigInteger(),
            nullable=True,
            comment="CRC-32 of its description in the words it was sent in: are they others?",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_model_state_model_id")),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_model_state")),
        comment="The latest of every model: what the next page is compared with.",
        # Every poll rewrites every row: room in each page keeps the new version beside the old, the index untouched.
        postgresql_with={"fillfactor": 70},
    )


def _create_observation() -> None:
    # SQLite works these columns out when they are read; PostgreSQL before 18 can only store them.
    on_server = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "observation",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="Number of the reading: poll_id x 33554432 + model_id. Only this finds a reading quickly.",
        ),
        sa.Column(
            "poll_id",
            sa.Integer(),
            sa.Computed("id >> 25", persisted=on_server),
            nullable=False,
            comment="The poll that read it: the first part of id.",
        ),
        sa.Column(
            "model_id",
            sa.Integer(),
            sa.Computed("id & 33554431", persisted=on_server),
            nullable=False,
            comment="The model read: the second part of id.",
        ),
        sa.Column(
            "time_and_span",
            sa.BigInteger(),
            nullable=False,
            comment="seconds and span_seconds in one number, for room: (span - 86,400) x 8192 + seconds, and 2^44 -"
            " 8192 more for every 8192 of these; a span of -1 stands for none.",
        ),
        sa.Column(
            "seconds",
            sa.Integer(),
            sa.Computed("(time_and_span & 8191) + (((time_and_span + 1073741824) >> 44) << 13)", persisted=on_server),
            nullable=False,
            comment="Time of the reading: seconds after the poll's started_at.",
        ),
        sa.Column(
            "span_seconds",
            sa.Integer(),
            sa.Computed("nullif((((time_and_span + 1073741824) >> 13) & 2147483647) - 44672, -1)", persisted=on_server),
            nullable=True,
            comment="Derived: seconds from the last sighting of the value before to this reading; null at the first.",
        ),
        sa.Column("likes", sa.Integer(), nullable=True, comment="Likes as the hub said them; null: not said."),
        sa.Column(
            "downloads_all_time",
            sa.BigInteger(),
            nullable=True,
            comment="Cumulative counter as the hub said it; may fall. Null: not said.",
        ),
        sa.Column(
            "downloads_30d",
            sa.BigInteger(),
            nullable=True,
            comment="The hub's rolling 30-day count; never add two up. Null: not said.",
        ),
        sa.Column(
            "delta",
            sa.BigInteger(),
            nullable=True,
            comment="Derived: this counter minus the one before, signed; null at the first sighting. Not downloads.",
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_observation_model_id")),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name=op.f("fk_observation_poll_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
        comment="Readings that differ from the one before (change-only): what the hub said of a model at an instant.",
        postgresql_partition_by="RANGE (id)",  # by month of recording: collector.store.server
    )
    unusual = sa.text("(delta IS NULL OR delta < 0 OR delta > 2 * coalesce(downloads_30d, 0) + 1000)")
    op.create_index(
        op.f("ix_observation_unusual"),
        "observation",
        ["poll_id"],
        unique=False,
        sqlite_where=unusual,
        postgresql_where=unusual,
    )
    if on_server:
        # For readings below the first month's partition; polls and imports open the months as they come.
        op.execute("CREATE TABLE observation_other PARTITION OF observation DEFAULT")


def _create_sighting_run() -> None:
    op.create_table(
        "sighting_run",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column("poll_id", sa.Integer(), nullable=False, comment="The poll that wrote to the hub's models last."),
        sa.Column(
            "first_model_id", sa.Integer(), autoincrement=False, nullable=False, comment="The first of the models …"
        ),
        sa.Column(
            "last_model_id", sa.Integer(), nullable=False, comment="… and the last; every number between is one."
        ),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="When the poll read them (UTC, Unix seconds)."),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_sighting_run_hub_id")),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name=op.f("fk_sighting_run_poll_id")),
        sa.PrimaryKeyConstraint("hub_id", "poll_id", "first_model_id", name=op.f("pk_sighting_run")),
        comment="Models numbered in a row that the last poll read at one moment: model_state says the same of each.",
        sqlite_with_rowid=False,
    )


def _create_absence() -> None:
    op.create_table(
        "absence",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column("poll_id", sa.Integer(), nullable=False, comment="The first complete poll that did not list it."),
        sa.Column("listed_poll_id", sa.Integer(), nullable=False, comment="The last poll that listed it before."),
        sa.Column(
            "returned_poll_id",
            sa.Integer(),
            nullable=True,
            comment="The complete poll that lists it again; null: none yet.",
        ),
        sa.ForeignKeyConstraint(["listed_poll_id"], ["poll.id"], name=op.f("fk_absence_listed_poll_id")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_absence_model_id")),
        sa.ForeignKeyConstraint(["poll_id"], ["poll.id"], name=op.f("fk_absence_poll_id")),
        sa.ForeignKeyConstraint(["returned_poll_id"], ["poll.id"], name=op.f("fk_absence_returned_poll_id")),
        sa.PrimaryKeyConstraint("model_id", "poll_id", name=op.f("pk_absence")),
        comment="Models that a hub no longer listed, from when to when. Thin polls prove no absence.",
        sqlite_with_rowid=False,
    )


def _create_month_columns() -> None:
    op.create_table(
        "month_columns",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column(
            "month",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="Calendar month (UTC) as year × 100 + month.",
        ),
        sa.Column(
            "name", sa.Text(), nullable=False, comment="What the column holds: numbers, or texts of flags as JSON."
        ),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="A letter for their kind (bhiqd), then a number for each row, by model_id.",
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_month_columns_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "month", "name", name=op.f("pk_month_columns")),
        comment="Derived: the rows of model_month, as the roll-up reads them. Use model_month for SQL.",
    )


def _create_month_figures() -> None:
    op.create_table(
        "month_figures",
        sa.Column("hub", sa.Text(), nullable=False, comment="Name of the hub."),
        sa.Column("window", sa.Text(), nullable=False, comment="The month (YYYY-MM)."),
        sa.Column(
            "figures", sa.Text(), nullable=False, comment="Unrounded shares, spikes, movers and the like, as JSON."
        ),
        sa.PrimaryKeyConstraint("hub", "window", name=op.f("pk_month_figures")),
        comment="Derived: what a report says of a month beside the share tables, so that it works no share out again.",
    )


def _create_disagreement() -> None:
    op.create_table(
        "disagreement",
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model."),
        sa.Column(
            "by_name", sa.Text(), nullable=False, comment="Family its name leads to; a root where no family is known."
        ),
        sa.Column(
            "by_declaration", sa.Text(), nullable=False, comment="What its declared bases lead to, the same way; by ;"
        ),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_disagreement_model_id")),
        sa.PrimaryKeyConstraint("model_id", name=op.f("pk_disagreement")),
        comment="Derived: models whose name leads to another family than their declared base. The declaration counts.",
        sqlite_with_rowid=False,
    )


def _create_origin_number() -> None:
    op.create_table(
        "origin_number",
        sa.Column(
            "block",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="The hub's number × 65536 + the first 16 bits, counted from the lowest, of the numbers in it.",
        ),
        sa.Column(
            "entries",
            sa.LargeBinary(),
            nullable=False,
            comment="Six bytes for each number, in order: its last 16 bits and the model, the lowest byte first.",
        ),
        sa.PrimaryKeyConstraint("block", name=op.f("pk_origin_number")),
        comment="Derived: which models to look at when a name or key is new or gone, by CRC-32 of names and questions.",
    )


def _create_origin_renewal() -> None:
    op.create_table(
        "origin_renewal",
        sa.Column("hub_id", sa.Integer(), nullable=False, comment="The hub."),
        sa.Column(
            "number",
            sa.Integer(),
            autoincrement=False,
            nullable=False,
            comment="From 1, counted since all of the hub's were written at once.",
        ),
        sa.Column(
            "models", sa.LargeBinary(), nullable=False, comment="The models it is about, in order, four bytes each."
        ),
        sa.Column(
            "entries",
            sa.LargeBinary(),
            nullable=False,
            comment="Eight bytes for each number of theirs, in order: number × 2^32 + model, the lowest byte first.",
        ),
        sa.ForeignKeyConstraint(["hub_id"], ["hub.id"], name=op.f("fk_origin_renewal_hub_id")),
        sa.PrimaryKeyConstraint("hub_id", "number", name=op.f("pk_origin_renewal")),
        comment="Derived: what origin_number has not taken in everywhere. Of each model the last renewal counts.",
    )


def _create_origin_todo() -> None:
    op.create_table(
        "origin_todo",
        sa.Column("id", sa.Integer(), nullable=False, comment="Rises with every entry."),
        sa.Column("model_id", sa.Integer(), nullable=False, comment="The model; it may stand here several times."),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_origin_todo_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_origin_todo")),
        comment="Models that are new, bear another name or declare other bases since roots were worked out last.",
    )


class Dialect(NamedTuple):
    """What the two engines write differently."""

    instant: str  #: Unix seconds as ISO text
    half_up: str  #: a whole number
    six_places: str
    weight: str  #: six digits from the first that is not 0, without trailing zeros
    joined: str  #: the aggregate that joins texts
    by_code: str  #: order of texts by code point


SQLITE = Dialect(
    instant=r"strftime('%Y-%m-%dT%H\:%M\:%SZ', {0}, 'unixepoch')",
    half_up="CAST({0} + 0.5 AS INTEGER)",
    six_places="round({0}, 6)",
    weight="printf('%.6g', {0})",
    joined="group_concat",
    by_code="COLLATE BINARY",
)
POSTGRESQL = Dialect(
    instant=r"""to_char(to_timestamp({0}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24\:MI\:SS"Z"')""",
    half_up="CAST(floor({0} + 0.5) AS bigint)",
    six_places="CAST(round(CAST({0} AS numeric), 6) AS double precision)",
    weight="trim_scale(round(CAST({0} AS numeric), 5 - CAST(floor(log(CAST({0} AS numeric))) AS integer)))",
    joined="string_agg",
    by_code='COLLATE "C"',
)


def _create_views() -> None:
    say = {"sqlite": SQLITE, "postgresql": POSTGRESQL}[op.get_bind().dialect.name]
    shares = (COUNTRY_SHARE, FAMILY_SHARE, PUBLISHER_SHARE, GROUP_SHARE, DERIVATIVE_SHARE)
    for statement in (*shares, REGISTRY, _poll_log(say), _readings(say), _model_downloads(say)):
        op.execute(statement)


COUNTRY_SHARE = """
CREATE VIEW country_share_month AS
SELECT hub, "window", scope, attribution, country, country_name, downloads, share, share_of_attributed, share_max,
       measured_share, covered_share, status, corrections, models, publishers, top_model, top_model_share,
       previous_share
FROM country_share
"""

FAMILY_SHARE = """
CREATE VIEW family_share_month AS
SELECT hub, "window", scope, family, country, downloads, share, derivative_part, models, top_model, top_model_share,
       previous_share
FROM family_share
"""

# SQLite walks CROSS JOINs as written: one month of the view then reads the rows of one month. Millionths divided by a
# million are the numbers nearest to six decimals, which rounding makes as well.
PUBLISHER_SHARE = """
CREATE VIEW publisher_share_month AS
SELECT w.hub, w."window", s.scope, p.name AS publisher, coalesce(k.organisation, '') AS organisation,
       coalesce(k.country, 'ZZ') AS country, coalesce(k.kind, '') AS kind, s.downloads,
       CAST(s.share_millionths AS double precision) / 1000000 AS share, s.models
FROM month_figures w CROSS JOIN hub h CROSS JOIN publisher_share s CROSS JOIN publisher p
     LEFT JOIN publisher_month k ON k.hub_id = s.hub_id AND k.month = s.month AND k.publisher_id = s.publisher_id
WHERE h.name = w.hub AND s.hub_id = h.id AND s.month = CAST(replace(w."window", '-', '') AS integer)
  AND p.id = s.publisher_id
"""

GROUP_SHARE = """
CREATE VIEW group_share_month AS
SELECT hub, "window", scope, attribution, "group", group_title, countries, downloads, share, share_of_attributed,
       share_max, measured_share, covered_share, status, corrections, models, publishers, top_model, top_model_share,
       previous_share
FROM group_share
"""

DERIVATIVE_SHARE = """
CREATE VIEW derivative_share_month AS
SELECT hub, "window", scope, country, relation, new_models, new_models_share, downloads, share, share_of_all, models,
       top_model, top_model_share, previous_share
FROM derivative_share
"""

REGISTRY = """
CREATE VIEW registry AS
SELECT hub, publisher, organisation, country, kind, nullif(valid_from, '0001-01-01') AS valid_from,
       nullif(valid_to, '9999-12-31') AS valid_to, basis, confidence, reviewed_on
FROM publisher_origin
"""


def _poll_log(say: Dialect) -> str:
    return f"""
CREATE VIEW poll_log AS
SELECT p.id AS poll, h.name AS hub, p.scope, p.top, p.status, {say.instant.format("p.started_at")} AS started_at,
       {say.instant.format("p.finished_at")} AS finished_at, p.pages, p.models_listed, p.models_new, p.models_moved,
       p.models_with_all_time, p.rows_skipped, p.retries, p.waited_seconds, p.is_stale, p.is_thin, p.error,
       f.file_name AS import_file
FROM poll p JOIN hub h ON h.id = p.hub_id LEFT JOIN import_file f ON f.id = p.import_id
"""


def _readings(say: Dialect) -> str:
    # The last line says nothing new: it finds the readings of one model, or of one poll, without reading all of them.
    return f"""
CREATE VIEW readings AS
SELECT h.name AS hub, m.name AS model, m.hub_key, {say.instant.format("(p.started_at + o.seconds)")} AS observed_at,
       o.downloads_all_time, o.downloads_30d, o.likes, p.id AS poll
FROM observation o JOIN poll p ON p.id = o.poll_id JOIN model m ON m.id = o.model_id JOIN hub h ON h.id = m.hub_id
WHERE o.id = CAST(p.id AS bigint) * 33554432 + m.id AND p.hub_id = m.hub_id
"""


def _model_downloads(say: Dialect) -> str:
    # SQLite walks CROSS JOINs as written: one month of the view then reads one month of model_month.
    return f"""
CREATE VIEW model_downloads_month AS
WITH month AS (
    SELECT b.month, h.id AS hub_id, h.name AS hub,
           CAST(b.month / 100 AS text) || '-' || substr(CAST(100 + b.month % 100 AS text), 2, 2) AS label
    FROM month_build b JOIN hub h ON h.id = b.hub_id
)
SELECT w.hub, w.label AS "window", m.name AS model, p.name AS publisher,
       {_main_root("family", say)} AS family,
       {_country_of("p.name")} AS country_publisher,
       {_base_countries(say)} AS country_base,
       {_main_root("basis", say)} AS base_basis,
       {say.half_up.format("d.downloads")} AS downloads,
       {say.six_places.format("(d.downloads - d.estimated) / nullif(d.downloads, 0)")} AS measured_share,
       d.corrections, d.flags
FROM month w CROSS JOIN model_month d CROSS JOIN model m CROSS JOIN publisher p
WHERE d.month = w.month AND m.id = d.model_id AND m.hub_id = w.hub_id AND p.id = d.publisher_id
  AND (d.downloads > 0 OR d.corrections <> 0)
"""


def _main_root(column: str, say: Dialect) -> str:
    """Of the root with the largest part; ties end at the name."""
    return f"""(
           SELECT o.{column} FROM model_origin o WHERE o.model_id = m.id
           ORDER BY o.weight DESC, o.root_name {say.by_code} LIMIT 1
       )"""


def _base_countries(say: Dialect) -> str:
    """The countries of all roots; several with their weights, the largest first."""
    return f"""coalesce((
           SELECT {say.joined}(
               c.country || CASE WHEN c.countries > 1 THEN ':' || {say.weight.format("c.weight")} ELSE '' END, ';'
           ) OVER (
               ORDER BY c.weight DESC, c.country {say.by_code}
               ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
           )
           FROM (
               SELECT r.country, sum(r.weight) AS weight, count(*) OVER () AS countries
               FROM (
                   SELECT o.weight,
                          CASE WHEN o.basis = 'none' THEN 'ZZ' ELSE {_country_of("o.account")} END AS country
                   FROM (
                       SELECT a.weight, a.basis, {_account_then("a", say)} AS account
                       FROM model_origin a WHERE a.model_id = m.id
                   ) o
               ) r
               GROUP BY r.country
           ) c
           LIMIT 1
       ), 'ZZ')"""


def _account_then(root: str, say: Dialect) -> str:
    """The account of a root on the month's last day: a later transfer changes no past.

    As text, an instant lies after the month when it is above day 32.
    """
    return f"""coalesce((
                           SELECT q.name
                           FROM model t JOIN model_name n ON n.model_id = t.id JOIN publisher q ON q.id = n.publisher_id
                           WHERE t.hub_id = w.hub_id AND t.name = {root}.root_name
                             AND {say.instant.format("n.replaced_at")} > w.label || '-32'
                           ORDER BY n.replaced_at LIMIT 1
                       ), {root}.root_publisher)"""


def _country_of(publisher: str) -> str:
    """The registry's country on the month's last day: the account exactly as spelt, else in any case, else ZZ.

    As text, a day lies in the month or before it when it is not above day 31, whatever the month's length.
    """
    valid = "g.hub = w.hub AND g.valid_from <= w.label || '-31' AND g.valid_to > w.label || '-31'"
    row = f"SELECT g.country FROM publisher_origin g WHERE {valid}"
    return (
        f"coalesce(({row} AND g.publisher = {publisher} ORDER BY g.valid_from DESC LIMIT 1),"
        f" ({row} AND g.folded = lower({publisher}) ORDER BY g.publisher, g.valid_from DESC LIMIT 1), 'ZZ')"
    )
