"""The SQL views that users read, with the meaning of every column: what DATA.md says of them.

Knows no SQL: the migrations make the views, and a test holds them against this list.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.columns import (
    COUNTRY_SHARE,
    DERIVATIVE_SHARE,
    FAMILY_SHARE,
    GROUP_SHARE,
    MODEL_DOWNLOADS,
    PUBLISHER_SHARE,
    PublishedFile,
)


@dataclass(frozen=True, slots=True)
class View:
    """A view, and what its columns mean, in their order."""

    meaning: str
    columns: dict[str, str]


_NULL = {"Empty": "Null", "empty": "null"}  # what a CSV file leaves empty is null in SQL
_MONTH = "Calendar month (UTC), YYYY-MM."


def _published(file: PublishedFile, meaning: str) -> View:
    """The columns of a CSV file; its windows are months here."""
    columns = {column.name: _in_sql(column.meaning) for column in file.columns}
    return View(meaning, columns | {"window": _MONTH})


def _in_sql(meaning: str) -> str:
    for csv, sql in _NULL.items():
        meaning = meaning.replace(csv, sql)
    return meaning


VIEWS: dict[str, View] = {
    "country_share_month": _published(
        COUNTRY_SHARE, "Downloads and shares by country of origin and month: the rows of country_share.csv."
    ),
    "family_share_month": _published(
        FAMILY_SHARE, "Downloads and shares by model family and month: the rows of family_share.csv."
    ),
    "publisher_share_month": _published(
        PUBLISHER_SHARE, "Downloads and shares by uploading account and month: the rows of publisher_share.csv."
    ),
    "group_share_month": _published(
        GROUP_SHARE,
        'Downloads and shares by group of countries and month: the rows of group_share.csv. Write "group" in quotes.',
    ),
    "derivative_share_month": _published(
        DERIVATIVE_SHARE, "New models and downloads of derivatives by month: the rows of derivative_share.csv."
    ),
    "model_downloads_month": _published(
        MODEL_DOWNLOADS, "Downloads by model and month, every model: model_downloads.csv holds the largest only."
    ),
    "poll_log": View(
        "Attempts to read a hub, imported days included.",
        {
            "poll": "Number of the poll.",
            "hub": "Name of the hub.",
            "scope": "all: the whole hub; top: its most downloaded; import: from a file.",
            "top": "How many models a poll of scope top asks for; null otherwise.",
            "status": "running, complete or failed; a killed poll stays running.",
            "started_at": "Start (UTC, ISO 8601).",
            "finished_at": "End (UTC, ISO 8601); null while running or if the process died.",
            "pages": "Pages stored.",
            "models_listed": "Different models listed.",
            "models_new": "Of these, seen for the first time on this hub.",
            "models_moved": "Of these, with a counter other than the one before.",
            "models_with_all_time": "Of these, with a cumulative counter.",
            "rows_skipped": "Rows that could not be read.",
            "retries": "Requests tried again.",
            "waited_seconds": "Seconds spent in waits the hub asked for.",
            "is_stale": "Far fewer counters moved than usual: the unmoved ones count as not read.",
            "is_thin": "Lists under 90 % of the poll before: what it lacks proves nothing.",
            "error": "Why it failed, in one line; null when it did not.",
            "import_file": "Name of the file the readings come from; null when polled.",
        },
    ),
    "readings": View(
        "What the hubs said of each model, reading by reading, where it differs from the reading before.",
        {
            "hub": "Name of the hub.",
            "model": "Name of the model now (publisher/model).",
            "hub_key": "The hub's own lasting key; null while known from imports only.",
            "observed_at": "When it was read (UTC, ISO 8601).",
            "downloads_all_time": "Cumulative counter as the hub said it; may fall. Null: not said.",
            "downloads_30d": "The hub's rolling 30-day count; never add two up. Null: not said.",
            "likes": "Likes as the hub said them; null: not said.",
            "poll": "Number of the poll that read it.",
        },
    ),
    "registry": View(
        "Which organisation and country controls which account, from when to when, and why we think so.",
        {
            "hub": "Name of the hub.",
            "publisher": "The account, as spelt on the hub.",
            "organisation": "Who controls the account; may be empty for individuals.",
            "country": "Origin: ISO 3166-1 alpha-2, XX not of one country, ZZ reviewed and unknown.",
            "kind": "company, academic, nonprofit, government, community, individual.",
            "valid_from": "First UTC day; null when open.",
            "valid_to": "First UTC day after; null when open.",
            "basis": "Why, in words.",
            "confidence": "certain or likely.",
            "reviewed_on": "Day of the review.",
        },
    ),
}
