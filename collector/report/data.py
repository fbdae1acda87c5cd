"""What a report is made of: the published tables of one hub and one window, and what they stand on.

Knows no SQL, no files and no clock; whoever builds it has counted already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from collector.columns import PublishedFile
from collector.errors import ReportError
from collector.measure.movers import COLUMNS as MOVERS
from collector.measure.shares import AllModels, Concentration
from collector.model import Attribution, Scope, Window

HISTORY = ("window", "scope", "attribution", "country", "country_name", "downloads", "share")  #: columns of a history


@dataclass(frozen=True, slots=True)
class PollUsed:
    """A poll, or a day of an imported file, whose readings the window rests on."""

    id: int
    scope: str  #: all: the whole hub; top: its most downloaded; import: from a file
    started_at: int  #: Unix seconds
    finished_at: int | None  #: Unix seconds; None when it never ended
    is_stale: bool = False
    is_thin: bool = False
    top: int | None = None  #: models asked for; None: the whole hub, or a file
    file: str = ""  #: name of the imported file; empty when polled


@dataclass(frozen=True, slots=True)
class Source:
    """Where figures or labels come from; its licence travels with them."""

    title: str
    path: str = ""  #: address; empty when there is none
    license: str = ""  #: terms in words or as an SPDX name; empty when not known


@dataclass(frozen=True, slots=True)
class RegistryUsed:
    """The registry of origins as it was when the report was made."""

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that a pack and its headline say."""

    hub: str
    endpoint: str  #: address polled; empty when only files were imported
    counters: str  #: what this hub counts as a download, in words
    window: Window
    attribution: Attribution  #: the headline of the configuration
    scopes: tuple[Scope, ...]
    tables: Mapping[str, pd.DataFrame]  #: by file name, in published columns and rows sorted as they are to be printed
    unquantised: Mapping[str, Mapping[str, float]]  #: by scope: base shares by country without quantised copies
    polls: tuple[PollUsed, ...]
    registry: RegistryUsed
    software_version: str
    models: AllModels
    publishers: Mapping[str, Concentration]  #: by scope
    sources: tuple[Source, ...] = ()
    #: By scope and attribution: the part of all downloads that is not attributed, by reason (`measure.shares`).
    unknown: Mapping[tuple[str, Attribution], Mapping[str, float]] = field(default_factory=dict)
    #: Rows of country_share.csv of this and earlier months: window, scope, attribution, country, country_name, …
    history: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(HISTORY)))
    #: The months of `history` (YYYY-MM, in order) that stand as their models were described before.
    waiting: tuple[str, ...] = ()

    @property
    def waiting_named(self) -> str:
        """The months that wait, in words; empty where none does."""
        if len(self.waiting) < 2:
            return "".join(self.waiting)
        return f"{len(self.waiting)} of the months {self.waiting[0]} to {self.waiting[-1]}"

    #: The models behind changes of share: scope, attribution, and the columns of `measure.movers`.
    movers: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["scope", "attribution", *MOVERS]))

    def table(self, file: PublishedFile, scope: str, attribution: Attribution | None = None) -> pd.DataFrame:
        """The rows of a file for one scope (and attribution); ReportError when the report has no such scope."""
        if scope not in (known := [each.name for each in self.scopes]):
            raise ReportError(f"scope {scope!r} is not in this report: choose one of {', '.join(known)}")
        rows = self.tables[file.name]
        chosen = rows["scope"] == scope
        if attribution is not None:
            chosen &= rows["attribution"] == attribution
        return rows[chosen].reset_index(drop=True)
