"""What the reading of a file comes to, however it was read. Knows no file format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from collector.importing.describing import Describer
from collector.importing.values import Values
from collector.series import NOT_SAID, Ints
from collector.store.bulk import FileReadings


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says."""

    readings: FileReadings
    silent: int  #: rows without a counter: they say nothing
    ignored: tuple[str, ...]  #: columns that were passed over
    private: int = 0  #: rows of private repositories, which were dropped

    @classmethod
    def of(
        cls,
        values: Values,
        parts: Sequence[tuple[Ints, ...]],
        ignored: tuple[str, ...],
        describer: Describer | None = None,
    ) -> Self:
        """From columns, part after part: place of the name, line, instant, cumulative count, 30-day count, likes."""
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)] or [np.zeros(0, np.int64)] * 6
        name, line, at, all_time, rolling, likes = columns
        every = FileReadings(tuple(values.names), name, line, at, all_time, rolling, likes)
        said = (every.all_time != NOT_SAID) | (every.rolling != NOT_SAID)
        readings = every if said.all() else every.where(said)
        if describer is None:
            return cls(readings, int((~said).sum()), ignored)
        readings = replace(readings, descriptions=describer.result())
        return cls(readings, int((~said).sum()), ignored, describer.private)
