"""The dictionary of published columns: one place feeds the CSV files, the data package, the SQL tables and DATA.md.

Knows names, types and meanings; knows no figure. Shares are decimals in 0…1 with six places, downloads whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Type = Literal["string", "integer", "number"]


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """A column as users meet it, in CSV and in SQL alike."""

    name: str
    type: Type
    meaning: str
    key: bool = False  #: part of what makes a row unique


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A CSV file of the pack, and the derived table of the same shape."""

    name: str  #: file name without folder
    table: str  #: name of the derived table; empty when there is none
    meaning: str
    columns: tuple[PublishedColumn, ...]


def _key(name: str, meaning: str) -> PublishedColumn:
    return PublishedColumn(name, "string", meaning, key=True)


_HUB = _key("hub", "Hub whose counters these are. Hubs are never added up.")
_WINDOW = _key(
    "window", "Span of time reported on: a month (YYYY-MM), two UTC days (second one outside), or trailing-DAY."
)
_SCOPE = _key("scope", "Name of the rule for which models count (see the data package).")
_ATTRIBUTION = _key("attribution", "base: origin of the root model's publisher; publisher: origin of the uploader.")
_DOWNLOADS = PublishedColumn("downloads", "integer", "Downloads counted by the hub in the window: requests, not users.")
_SHARE = PublishedColumn("share", "number", "Part of all downloads of the scope in the window, 0 to 1.")
_MODELS = PublishedColumn("models", "integer", "Models with downloads above 0.")
_TOP_MODEL = PublishedColumn("top_model", "string", "The model with most of these downloads; empty when there is none.")
_TOP_MODEL_SHARE = PublishedColumn("top_model_share", "number", "That model's part of this row's downloads.")
_PREVIOUS_SHARE = PublishedColumn(
    "previous_share",
    "number",
    "Share in the window of equal length before (for a month the month before); empty: no data.",
)
_MEASURED = PublishedColumn(
    "measured_share",
    "number",
    "Part of the downloads measured by cumulative counters; the rest is estimated. Empty: none.",
)
_COVERED = PublishedColumn(
    "covered_share", "number", "Part of the window's time backed by readings, weighted by downloads."
)
_STATUS = PublishedColumn("status", "string", "final, or provisional: not over, not covered, or holding an open fall.")
_PUBLISHERS = PublishedColumn("publishers", "integer", "Accounts that uploaded these models.")
_CORRECTIONS = PublishedColumn(
    "corrections",
    "integer",
    "Downloads the hub took back (negative) or recounted (positive); never netted into downloads.",
)

COUNTRY_SHARE = PublishedFile(
    "country_share.csv",
    "country_share",
    "downloads and shares by country of origin. ZZ (not attributed) is a row, so the shares add up to 1.",
    (
        _HUB,
        _WINDOW,
        _SCOPE,
        _ATTRIBUTION,
        _key("country", "ISO 3166-1 alpha-2; XX: reviewed, not of one country; ZZ: not attributed."),
        PublishedColumn("country_name", "string", "Short English name of the country."),
        _DOWNLOADS,
        _SHARE,
        PublishedColumn("share_of_attributed", "number", "Part of the downloads that are not ZZ; empty for ZZ itself."),
        PublishedColumn("share_max", "number", "Share if every ZZ download were this country's; for ZZ its own share."),
        _MEASURED,
        _COVERED,
        _STATUS,
        _CORRECTIONS,
        _MODELS,
        _PUBLISHERS,
        _TOP_MODEL,
        _TOP_MODEL_SHARE,
        _PREVIOUS_SHARE,
    ),
)

FAMILY_SHARE = PublishedFile(
    "family_share.csv",
    "family_share",
    "downloads and shares by model family, whoever republished the models.",
    (
        _HUB,
        _WINDOW,
        _SCOPE,
        _key("family", "Line of models the root belongs to, e.g. Qwen; other: no known family."),
        _key("country", "Origin of the family's developer; for `other` the base origin of the models."),
        _DOWNLOADS,
        _SHARE,
        PublishedColumn(
            "derivative_part", "number", "Part of the row's downloads made by models derived from another."
        ),
        _MODELS,
        _TOP_MODEL,
        _TOP_MODEL_SHARE,
        _PREVIOUS_SHARE,
    ),
)

PUBLISHER_SHARE = PublishedFile(
    "publisher_share.csv",
    "publisher_share",
    "downloads and shares by uploading account.",
    (
        _HUB,
        _WINDOW,
        _SCOPE,
        _key("publisher", "The account that uploaded the models, as of the window's last day."),
        PublishedColumn("organisation", "string", "Who controls the account; empty: not known."),
        PublishedColumn("country", "string", "Origin of the account; ZZ: not attributed."),
        PublishedColumn(
            "kind", "string", "company, academic, nonprofit, government, community, individual; empty: not known."
        ),
        _DOWNLOADS,
        _SHARE,
        _MODELS,
    ),
)

GROUP_SHARE = PublishedFile(
    "group_share.csv",
    "group_share",
    "downloads and shares by group of countries. Groups overlap, so the shares do not add up; XX and ZZ are in none.",
    (
        _HUB,
        _WINDOW,
        _SCOPE,
        _ATTRIBUTION,
        _key("group", "Name of the group, e.g. EU: packaged or configured. As it stands now, not as of the window."),
        PublishedColumn("group_title", "string", "The group's name in full."),
        PublishedColumn("countries", "integer", "Its countries with downloads above 0."),
        _DOWNLOADS,
        _SHARE,
        PublishedColumn("share_of_attributed", "number", "Part of the downloads that are not ZZ."),
        PublishedColumn("share_max", "number", "Share if every ZZ download were of this group."),
        _MEASURED,
        _COVERED,
        _STATUS,
        _CORRECTIONS,
        PublishedColumn("models", "integer", "Models with downloads above 0; a merge within the group is one."),
        _PUBLISHERS,
        _TOP_MODEL,
        _TOP_MODEL_SHARE,
        _PREVIOUS_SHARE,
    ),
)

DERIVATIVE_SHARE = PublishedFile(
    "derivative_share.csv",
    "derivative_share",
    "new models and downloads of models made from others, by origin of their root and how they were made.",
    (
        _HUB,
        _WINDOW,
        _SCOPE,
        _key("country", "Base origin: country of the root model's publisher; XX and ZZ as everywhere."),
        _key(
            "relation",
            "How the model was made from its base: finetune, adapter, quantized, merge; unspecified: not said.",
        ),
        PublishedColumn(
            "new_models",
            "integer",
            "Such models created in the window, downloaded or not, and listed, or read in an imported file, within 32 "
            "days of its end (after an outage: by the next complete poll). A merge counts for each of its countries.",
        ),
        PublishedColumn(
            "new_models_share",
            "number",
            "Part of all new derivatives of the scope, merges divided; empty: none is new.",
        ),
        PublishedColumn("downloads", "integer", "Downloads of all such models, new or old; merges are divided."),
        PublishedColumn("share", "number", "Part of the downloads of all derivatives of the scope, 0 to 1."),
        PublishedColumn("share_of_all", "number", "Part of all downloads of the scope, originals included."),
        PublishedColumn("models", "integer", "Such models with downloads above 0."),
        _TOP_MODEL,
        _TOP_MODEL_SHARE,
        PublishedColumn(
            "previous_share",
            "number",
            "This row's share in the window of equal length before; empty: no data, or no derivatives.",
        ),
    ),
)

MODEL_DOWNLOADS = PublishedFile(
    "model_downloads.csv",
    "",
    "the largest models of the window, one row each, whatever the scope.",
    (
        _HUB,
        _WINDOW,
        _key("model", "Name of the model now (publisher/model)."),
        PublishedColumn("publisher", "string", "Its account, as of the window's last day."),
        PublishedColumn("family", "string", "Family of its root; empty: no known family."),
        PublishedColumn("country_publisher", "string", "Origin of the uploader."),
        PublishedColumn("country_base", "string", "Origin of the root; a merge of two prints as CN:0.5;US:0.5."),
        PublishedColumn(
            "base_basis", "string", "Why this root: corrected, declared, name, self, or none (not resolved)."
        ),
        _DOWNLOADS,
        _MEASURED,
        _CORRECTIONS,
        PublishedColumn("flags", "string", "dip, correction, restatement and the like, separated by blanks."),
    ),
)

QUALITY = PublishedFile(
    "quality.csv",
    "",
    "what a careful reader must know: corrections, spikes, gaps, stale polls and the like.",
    (
        _HUB,
        _WINDOW,
        PublishedColumn("scope", "string", "Scope it concerns; empty: all."),
        PublishedColumn("attribution", "string", "Attribution it concerns; empty: both."),
        PublishedColumn(
            "kind",
            "string",
            "dip, correction, restatement, instant, spike, gap, stale, thin, entered, left, list_size, disagreement.",
        ),
        PublishedColumn("model", "string", "The model; empty: the whole hub."),
        PublishedColumn("from", "string", "Begin (UTC); empty: the whole window."),
        PublishedColumn("to", "string", "End (UTC)."),
        PublishedColumn("value", "number", "How much: downloads, models, or hours, as the note says."),
        PublishedColumn("country", "string", "The country it moves most; empty: none."),
        PublishedColumn("share", "number", "That country's share as reported; empty: none."),
        PublishedColumn("share_without", "number", "That country's share without the model; empty: none."),
        PublishedColumn("note", "string", "In words."),
    ),
)

FILES: tuple[PublishedFile, ...] = (
    COUNTRY_SHARE,
    FAMILY_SHARE,
    PUBLISHER_SHARE,
    GROUP_SHARE,
    DERIVATIVE_SHARE,
    MODEL_DOWNLOADS,
    QUALITY,
)
