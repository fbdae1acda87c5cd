"""A CSV file line by line: the way that tells every fault by its line. `blocks` is the quick way for plain files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import numpy as np

from collector.errors import ImportFileError
from collector.importing.contents import Contents
from collector.importing.describing import Describer
from collector.importing.shapes import HEADER, Shape, shape_of
from collector.importing.values import Fault, Faults, Values, count_of
from collector.series import NOT_SAID

BOM = b"\xef\xbb\xbf"
_LONGEST_LINE = 100_000  # bytes; below the CSV reader's own limit for a field


class _Broken(Exception):
    """A line after which nothing can be read."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def read_lines(content: io.BufferedIOBase, where: str, file_name: str, latest: int) -> Contents:
    """What the file says; ImportFileError names the faulty lines."""
    faults = Faults()
    rows: _Rows | None = None
    try:
        records = _records(_lines(content))
        rows = _Rows(_shape(where, records, file_name), latest)
        for line, values in records:
            try:
                rows.add(line, values)
            except Fault as fault:
                faults.add(line, fault)
    except _Broken as broken:
        faults.add(broken.line, broken)
    faults.refuse(where)
    if rows is None:
        raise AssertionError("a file that broke off has a fault")
    return rows.contents()


def _lines(content: io.BufferedIOBase) -> Iterator[str]:
    """The lines of a file. Decoded one by one, so that a fault has the number of its own line."""
    lines = iter(lambda: content.readline(_LONGEST_LINE + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > _LONGEST_LINE:
            raise _Broken(number, f"has more than {_LONGEST_LINE} bytes; write one row to a line")
        try:
            yield (line.removeprefix(BOM) if number == 1 else line).decode("utf-8")
        except UnicodeDecodeError as error:
            raise _Broken(number, "is not UTF-8; save the file as UTF-8") from error


def _records(lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
    """The records that are not empty, stripped, each with the line it begins on."""
    reader = csv.reader(lines, strict=True)
    begins = 1
    try:
        for values in reader:
            if values:
                yield begins, [value.strip() for value in values]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _Broken(begins, "is not CSV; mend its quotes, and end lines with LF or CRLF") from error


def _shape(where: str, records: Iterator[tuple[int, list[str]]], file_name: str) -> Shape:
    """What the columns mean; ImportFileError when they do not say what the file holds."""
    line, names = next(records, (1, []))
    if not names:
        raise ImportFileError(f"{where}: is empty; write a header such as {HEADER}, and rows")
    shape = shape_of(names, file_name)
    if isinstance(shape, Shape):
        return shape
    faults = Faults()
    for fault in shape:
        faults.add(line, fault)
    faults.refuse(where)
    raise AssertionError("a header without shape has a fault")


class _Rows:
    """Records under a header to readings."""

    def __init__(self, shape: Shape, latest: int) -> None:
        self._shape = shape
        # A column that is not there reads the empty field that `add` puts behind each record.
        self._places = tuple(-1 if place is None else place for place in (*shape.places, shape.author))
        self._described = tuple(-1 if place is None else place for place in shape.described)
        self._values = Values(latest)
        self._describer = Describer.of(shape, latest)
        self._rows: list[tuple[int, ...]] = []

    def add(self, line: int, values: list[str]) -> None:
        """One more record. Fault says what is wrong with it."""
        if len(values) != self._shape.width:
            raise Fault(f"{len(values)} fields instead of {self._shape.width}; quote fields that hold a comma")
        values.append("")
        model, observed_at, all_time, rolling, likes, author = map(values.__getitem__, self._places)
        row = (
            self._values.place(model, author),
            line,
            self._values.instant(observed_at or self._shape.day),
            count_of(all_time, "downloads_all_time"),
            count_of(rolling, "downloads_30d"),
            count_of(likes, "likes"),
        )
        if self._describer is not None:
            said = [values[place] for place in self._described]
            if not self._describer.add(self._values.names[row[0]], row[2], said):
                return
        self._rows.append(tuple(NOT_SAID if value is None else value for value in row))

    def contents(self) -> Contents:
        """All of them."""
        columns = tuple(np.array(self._rows, np.int64).reshape(-1, 6).T)
        return Contents.of(self._values, [columns], self._shape.ignored, self._describer)
