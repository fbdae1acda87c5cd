"""What a step is asked, and what it says. Knows no step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

Said = dict[str, Any]
SERVER = "BENCH_SERVER_URL"  # of a step's environment, since it may hold a password: see Asked.server


class Asked(NamedTuple):
    """What a step works on."""

    database: str  #: file
    host: str  #: of the loopback hub
    day: int
    words: tuple[str, ...] = ()  #: further arguments of the step
    server: str = ""  #: URL of a server's database in place of the file; the configuration stays beside the file

    @property
    def url(self) -> str:
        """The database."""
        return self.server or f"sqlite:///{self.database}"

    @property
    def config(self) -> Path:
        """The configuration beside the database."""
        return Path(self.database).with_suffix(".toml")

    @property
    def folder(self) -> Path:
        """Where the Parquet files lie that peers read."""
        return Path(self.database).with_suffix(".parquet")
