"""What a step is asked, and what it says. Knows no step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

Said = dict[str, Any]


class Asked(NamedTuple):
    """What a step works on."""

    database: str  #: file
    host: str  #: of the loopback hub
    day: int
    words: tuple[str, ...] = ()  #: further arguments of the step

    @property
    def config(self) -> Path:
        """The configuration beside the database."""
        return Path(self.database).with_suffix(".toml")

    @property
    def folder(self) -> Path:
        """Where the Parquet files lie that peers read."""
        return Path(self.database).with_suffix(".parquet")
