"""Charts as SVG text that a page can hold: lines, stacked areas, bars. Pure; knows numbers and labels, no share.

Colours are classes (`c0` … `c8`) that the page's style sheet names, so that a chart follows light and dark. Every text
comes from outside and is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 190, 14, 34
_BARS_WIDTH = 560  # narrow, so that a phone can show them without making the words too small
_ROW = 26  # height of a bar with its gap
_NAMES, _VALUES = 180, 64  # room for the names of bars, and for their values
_LABEL_GAP = 15

Words = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one layer."""

    name: str
    values: tuple[float, ...]  #: NaN where nothing is known
    colour: int  #: number of its class


def lines(title: str, labels: Sequence[str], series: Sequence[Series], words: Words) -> str:
    """Values over time, one line each, named at its end."""
    top = _nice(max((value for each in series for value in each.values if value == value), default=0.0))
    x, y = _places(labels), _heights(top)
    parts = [*_frame(labels, x, top, y, words)]
    for each in series:
        points = [(x[n], y(value), value, labels[n]) for n, value in enumerate(each.values) if value == value]
        path = "M" + " L".join(f"{px:.1f} {py:.1f}" for px, py, _, _ in points)
        parts.append(f'<path class="line c{each.colour}" d="{path}"/>' if points else "")
        parts += [
            f'<circle class="dot c{each.colour}" cx="{px:.1f}" cy="{py:.1f}" r="3.5">'
            f"<title>{escape(f'{each.name}, {label}: {words(value)}')}</title></circle>"
            for px, py, value, label in points
        ]
    ends = [(y(each.values[-1]), each) for each in series if each.values and each.values[-1] == each.values[-1]]
    return _svg("series", title, (WIDTH, HEIGHT), [*parts, *_names(ends, x[-1] if x else 0.0, words)])


def areas(title: str, labels: Sequence[str], series: Sequence[Series], words: Words) -> str:
    """Values over time, stacked, the first series at the bottom."""
    below = [0.0] * len(labels)
    layers: list[tuple[Series, list[float], list[float]]] = []
    for each in series:
        above = [low + (value if value == value else 0.0) for low, value in zip(below, each.values, strict=True)]
        layers.append((each, below, above))
        below = above
    top = _nice(max(below, default=0.0))
    x, y = _places(labels), _heights(top)
    parts = [*_frame(labels, x, top, y, words)]
    ends = []
    for each, low, high in layers:
        xs = x if len(x) > 1 else [x[0] - 30, x[0] + 30]
        lows, highs = (side if len(x) > 1 else [side[0], side[0]] for side in (low, high))
        upper = [f"{px:.1f} {y(value):.1f}" for px, value in zip(xs, highs, strict=True)]
        lower = [f"{px:.1f} {y(value):.1f}" for px, value in zip(xs, lows, strict=True)][::-1]
        told = "; ".join(f"{label} {words(value)}" for label, value in zip(labels, each.values, strict=True))
        area = " L".join([*upper, *lower])
        parts.append(
            f'<path class="area c{each.colour}" d="M{area} Z"><title>{escape(f"{each.name}: {told}")}</title></path>'
        )
        ends.append((y((lows[-1] + highs[-1]) / 2), each))
    right = (x[-1] if len(x) > 1 else x[0] + 30) if x else 0.0
    return _svg("series", title, (WIDTH, HEIGHT), [*parts, *_names(ends, right, words)])


def bars(title: str, rows: Sequence[tuple[str, Sequence[Series]]], words: Words) -> str:
    """Horizontal bars; a row of several series is stacked."""
    most = max((math.fsum(part.values[0] for part in parts) for _, parts in rows), default=0.0) or 1.0
    width, drawn = _BARS_WIDTH - _NAMES - _VALUES, []
    for place, (name, parts) in enumerate(rows):
        top, left = place * _ROW + 4, float(_NAMES)
        drawn.append(f'<text class="name" x="{_NAMES - 8}" y="{top + 14}">{escape(_short(name, 23))}</text>')
        for part in parts:
            length = part.values[0] / most * width
            tip = escape(f"{name}{', ' if part.name else ''}{part.name}: {words(part.values[0])}")
            drawn.append(
                f'<rect class="bar c{part.colour}" x="{left:.1f}" y="{top}" width="{max(length, 0.5):.1f}" height="18">'
                f"<title>{tip}</title></rect>"
            )
            left += length
        total = words(math.fsum(part.values[0] for part in parts))
        drawn.append(f'<text class="value" x="{left + 6:.1f}" y="{top + 14}">{escape(total)}</text>')
    return _svg("bars", title, (_BARS_WIDTH, max(len(rows), 1) * _ROW + 8), drawn)


def _svg(kind: str, title: str, size: tuple[int, int], parts: Sequence[str]) -> str:
    head = f'<svg class="{kind}" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
    return f"{head}{''.join(parts)}</svg>"


def _places(labels: Sequence[str]) -> list[float]:
    """Where each label stands across; a lone one in the middle."""
    width = WIDTH - _LEFT - _RIGHT
    if len(labels) == 1:
        return [_LEFT + width / 2]
    return [_LEFT + width * n / (len(labels) - 1) for n in range(len(labels))]


def _heights(top: float) -> Callable[[float], float]:
    height = HEIGHT - _TOP - _BOTTOM
    return lambda value: _TOP + height * (1 - value / top)


def _nice(most: float) -> float:
    """The end of an axis: 1, 2, 2.5, 4, 5 or 8 times a power of ten, at or above the largest value."""
    if most <= 0:
        return 1.0
    unit: float = 10.0 ** math.floor(math.log10(most))
    return next(step * unit for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8, 10) if step * unit >= most * 0.9999)


def _frame(
    labels: Sequence[str], x: Sequence[float], top: float, y: Callable[[float], float], words: Words
) -> Iterator[str]:
    """Rules across with their values, and the labels below: as many as there is room for."""
    for quarter in range(5):
        value = top * quarter / 4
        yield f'<path class="rule" d="M{_LEFT} {y(value):.1f} H{WIDTH - _RIGHT}"/>'
        yield f'<text class="tick" x="{_LEFT - 8}" y="{y(value) + 4:.1f}">{escape(words(value))}</text>'
    step = max(1, math.ceil(len(labels) / 9))
    for n in range(len(labels) - 1, -1, -step):
        # On a phone there is room for every second one.
        often = "label" if (len(labels) - 1 - n) // step % 2 == 0 else "label wide-only"
        yield f'<text class="{often}" x="{x[n]:.1f}" y="{HEIGHT - 10}">{escape(labels[n])}</text>'


def _names(ends: Sequence[tuple[float, Series]], x: float, words: Words) -> Iterator[str]:
    """Name and last value at the end of each line and layer, with a leader, pushed apart where they would overlap."""
    heights = [height for height, _ in sorted(ends, key=_height)]
    for n in range(1, len(heights)):
        heights[n] = max(heights[n], heights[n - 1] + _LABEL_GAP)
    highest = float(HEIGHT - _BOTTOM)
    for n in range(len(heights) - 1, -1, -1):
        heights[n] = highest = min(heights[n], highest)
        highest -= _LABEL_GAP
    for height, (end, each) in zip(heights, sorted(ends, key=_height), strict=True):
        yield f'<path class="leader c{each.colour}" d="M{x + 5:.1f} {end:.1f} L{x + 18:.1f} {height:.1f}"/>'
        at = f'x="{x + 22:.1f}" y="{height + 4:.1f}"'
        said = f"{_short(each.name, 15)} {words(each.values[-1])}"
        yield f'<text class="end c{each.colour}" {at}>{escape(said)}</text>'


def _height(end: tuple[float, Series]) -> float:
    return end[0]


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
