"""Everything this software knows of origins, read once: registry, families, lineage corrections, countries, groups.

Knows where the packaged files lie; knows no model of a database and no download.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.model import CountryGroup
from collector.origins.families import Families, load_families
from collector.origins.groups import joined, load_groups
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
    groups: tuple[CountryGroup, ...]  #: packaged and the user's own, by name
    lineage_digest: str  #: of the files that decide roots and families; another digest, other roots


def load_knowledge(own: Path | None, groups: Sequence[CountryGroup] = (), data: Path = DATA) -> Knowledge:
    """The packaged files and the user's own registry rows and groups, which win.

    RegistryError names file, line and reason. The user's groups are taken as they are: see `group_faults`.
    """
    countries = load_countries(data / "countries.csv")
    families, corrections = data / "families.toml", data / "lineage_corrections.csv"
    return Knowledge(
        load_registry(data / "publishers.csv", own, countries),
        load_families(families),
        tuple(load_corrections(corrections)),
        countries,
        joined(load_groups(data / "groups.toml", countries), groups),
        hashlib.sha256(families.read_bytes() + b"\0" + corrections.read_bytes()).hexdigest(),
    )
