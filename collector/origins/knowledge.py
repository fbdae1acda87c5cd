"""Everything this software knows of origins, read once: registry, families, lineage corrections, country names.

Knows where the packaged files lie; knows no model of a database and no download.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from collector.origins.families import Families, load_families
from collector.origins.lineage import Correction, load_corrections
from collector.origins.registry import Registry, load_countries, load_registry

DATA = Path(__file__).parent.parent / "data"


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What origins are worked out from."""

    registry: Registry
    families: Families
    corrections: tuple[Correction, ...]
    countries: Mapping[str, str]  #: short name by code
    lineage_digest: str  #: of the files that decide roots and families; another digest, other roots


def load_knowledge(own: Path | None, data: Path = DATA) -> Knowledge:
    """The packaged files and the user's own registry rows, which win. RegistryError names file, line and reason."""
    countries = load_countries(data / "countries.csv")
    families, corrections = data / "families.toml", data / "lineage_corrections.csv"
    return Knowledge(
        load_registry(data / "publishers.csv", own, countries),
        load_families(families),
        tuple(load_corrections(corrections)),
        countries,
        hashlib.sha256(families.read_bytes() + b"\0" + corrections.read_bytes()).hexdigest(),
    )
