"""Drawings made of dots: a dot is one of something a finger can count.

Every drawing is one SVG of stroked paths with zero-length dashes and round caps, so that any number
of dots is one element. They carry `fill="none"`, widths and `currentColor` words, so that a page
without its stylesheet still reads well. Colour comes from classes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

PITCH = 13
ROW_DOTS_MAX = 60
RING_THICK_MAX = 30
RING_DOTS_MAX = 60

_START = Markup('<svg fill="none" class="{kind}" viewBox="0 0 {w} {h}" width="{w}" height="{h}" ')


def _svg(kind: str, w: float, h: float, body: Markup, label: str = "") -> Markup:
    start = _START.format(kind=kind, w=_n(w), h=_n(h))
    says = Markup('role="img" aria-label="{}">').format(label) if label else None
    return start + (says or Markup('aria-hidden="true">')) + body + Markup("</svg>")


def _n(value: float) -> str:
    return f"{round(value, 1):g}"


def mark() -> Markup:
    """The sign before the circle's name: twelve dots round."""
    return _svg(
        "ring",
        40,
        40,
        Markup(
            '<circle class="d-ink" cx="20" cy="20" r="16" pathLength="12" stroke-width="5"'
            ' stroke-dasharray="0 1"/>'
        ),
    )


def ring(members: int, mine: bool = False) -> Markup:
    """The fund, held by as many dots as there are members; the reader's own one is filled.

    Above sixty the dots would run together: then only a thin line stands, and the number speaks.
    """
    if members <= 0:
        return _svg("ring", 200, 200, Markup(""))
    width = 15 if members <= RING_THICK_MAX else 7.5
    if members > RING_DOTS_MAX:
        body = Markup('<circle class="d-edge" cx="100" cy="100" r="90" stroke-width="2"/>')
        return _svg("ring", 200, 200, body)
    body = Markup(
        '<circle class="d-edge" cx="100" cy="100" r="90" pathLength="{n}" stroke-width="{w}"'
        ' stroke-dasharray="0 1" transform="rotate(-90 100 100)"/>'
    ).format(n=members, w=_n(width))
    if mine:
        body += Markup(
            '<circle class="d-full" cx="100" cy="100" r="90" pathLength="{n}" stroke-width="{w}"'
            ' stroke-dasharray="0 {n}" transform="rotate(-90 100 100)"/>'
        ).format(n=members, w=_n(width + 2))
    return _svg("ring", 200, 200, body)


def _row(count: int, at: int, y: float, kind: str, width: float) -> Markup:
    return Markup(
        '<path class="{kind}" d="M{x} {y}h{long}" stroke-width="{w}" stroke-dasharray="0 13"/>'
    ).format(
        kind=kind,
        x=_n(6.5 + PITCH * at),
        y=_n(y),
        long=_n(PITCH * (count - 1) + 0.1),
        w=_n(width),
    )


def dots(count: int, kind: str = "full") -> Markup:
    """A row of dots: `full` (this one counts), `edge` (weak) or `hollow`; nothing above sixty."""
    if not 0 < count <= ROW_DOTS_MAX:
        return Markup("")
    if kind == "hollow":
        body = _row(count, 0, 6.5, "d-edge", 10) + _row(count, 0, 6.5, "d-hole", 6.5)
    else:
        body = _row(count, 0, 6.5, "d-full" if kind == "full" else "d-edge", 10)
    return _svg("dots", PITCH * count, PITCH, body)


def strip(gone: int, going: int, left: int) -> Markup:
    """The fund step by step: what went before, what goes now, what is left; in dots."""
    total = gone + going + left
    if not 0 < total <= ROW_DOTS_MAX:
        return Markup("")
    body = Markup("")
    if gone:
        body += _row(gone, 0, 6.5, "d-gone", 4)
    if going:
        body += _row(going, gone, 6.5, "d-full", 11)
    if left:
        body += _row(left, gone + going, 6.5, "d-edge", 10)
        body += _row(left, gone + going, 6.5, "d-hole", 6.5)
    return _svg("strip", PITCH * total, PITCH, body)


# ------------------------------------------------------------------ the month in days


@dataclass(frozen=True)
class Span:
    """A phase in the row of days: first and last day (from 0), and whether it is now."""

    label: str
    first: int
    last: int
    here: bool = False


_DAY = 11


def days(count: int, today: int | None, spans: Sequence[Span], label: str) -> Markup:
    """One dot a day, today the big one; a line and a word under each phase. `today` from 0."""
    body = Markup("")
    now = -1 if today is None else today
    if now > 0:
        body += _days_row(0, min(now, count), "d-gone", 7)
    ahead = max(now + 1, 0)
    if ahead < count:
        body += _days_row(ahead, count - ahead, "d-edge", 8)
        body += _days_row(ahead, count - ahead, "d-hole", 5)
    if 0 <= now < count:
        body += Markup('<path class="d-full" d="M{x} 9h.1" stroke-width="16"/>').format(
            x=_n(6 + _DAY * now)
        )
    for span in spans:
        body += _span(span)
    return _svg("days", _DAY * count + 2, 44, body, label)


def _days_row(first: int, count: int, kind: str, width: float) -> Markup:
    return Markup(
        '<path class="{kind}" d="M{x} 9h{long}" stroke-width="{w}" stroke-dasharray="0 11"/>'
    ).format(kind=kind, x=_n(6 + _DAY * first), long=_n(_DAY * (count - 1) + 0.1), w=_n(width))


def _span(span: Span) -> Markup:
    x, end = 2 + _DAY * span.first, _DAY * (span.last + 1) - 1
    return Markup(
        '<path class="{line}" d="M{x} 23H{end}" stroke-width="{w}" stroke-linecap="butt"/>'
        '<text fill="currentColor" class="{words}" x="{x}" y="39" font-size="13"{weight}>'
        "{label}</text>"
    ).format(
        line="d-full" if span.here else "d-edge",
        x=x,
        end=max(end, x + 4),
        w="2.5" if span.here else "1",
        words="" if span.here else "soft",
        weight=Markup(' font-weight="600"') if span.here else "",
        label=span.label,
    )


# ------------------------------------------------------------------ in and out, by month


@dataclass(frozen=True)
class Column:
    """A month of the chart: minor units in and out, with the figures as words."""

    label: str
    in_minor: int
    out_minor: int
    in_text: str
    out_text: str
    # What was there at the month's end; drawn when a column has words for it.
    end_minor: int = 0
    end_text: str = ""


_PER_ROW, _COLUMN_DOTS_MAX = 4, 40
_CELL, _COLUMN = 11.5, 58
# A chart of one month must not be blown up to the width of six.
_COLUMNS_MIN = 6


def chart_unit(highest_minor: int, minor_per_unit: int) -> int:
    """What one dot stands for, in minor units: 1, 2 or 5 times a power of ten of whole units,
    so that the tallest column stays under forty dots."""
    step = max(minor_per_unit, 1)
    while True:
        for times in (1, 2, 5):
            if highest_minor <= _COLUMN_DOTS_MAX * step * times:
                return step * times
        step *= 10


def chart(columns: Sequence[Column], unit_minor: int, label: str) -> Markup:
    """In above the line filled, out below hollow, four dots a row, the figure at each column;
    under it, if columns have it, what was there at each month's end, in weak dots."""
    up = max((_rows(c.in_minor, unit_minor) for c in columns), default=0)
    down = max((_rows(c.out_minor, unit_minor) for c in columns), default=0)
    top = up * _CELL + 24
    width = _COLUMN * max(len(columns), _COLUMNS_MIN)
    height = top + 18 + max(down, 1) * _CELL + 24
    body = Markup("")
    for y in (top, top + 18):
        body += Markup('<line x1="0" y1="{y}" x2="{w}" y2="{y}" stroke-width="1"/>').format(
            y=_n(y), w=width
        )
    for at, column in enumerate(columns):
        body += _column(column, _COLUMN * at, top, unit_minor)
    if any(column.end_text for column in columns):
        tall = max(_rows(column.end_minor, unit_minor) for column in columns) * _CELL
        base = height + 26 + tall
        body += Markup('<line x1="0" y1="{y}" x2="{w}" y2="{y}" stroke-width="1"/>').format(
            y=_n(base), w=width
        )
        for at, column in enumerate(columns):
            body += _end(column, _COLUMN * at, base, unit_minor)
        height = base + 8
    return Markup(
        '<svg fill="none" class="chart" width="{w}" viewBox="0 0 {w} {h}" role="img"'
        ' aria-label="{label}">{body}</svg>'
    ).format(w=width, h=_n(height), label=label, body=body)


def _rows(amount_minor: int, unit_minor: int) -> int:
    dots_needed = -(-amount_minor // unit_minor)
    return -(-dots_needed // _PER_ROW)


def _column(column: Column, x: int, top: float, unit_minor: int) -> Markup:
    body = _words(column.label, x + 6, top + 13.5, soft=False)
    body += _pile(column.in_minor, unit_minor, x + 10.5, top - 8, -1)
    above = top - 4 - max(_rows(column.in_minor, unit_minor), 0) * _CELL - 1
    body += _words(column.in_text, x + 6, above if column.in_minor else top - 8, soft=True)
    body += _pile(column.out_minor, unit_minor, x + 10.5, top + 27, 1)
    below = top + 31.5 + _rows(column.out_minor, unit_minor) * _CELL
    return body + _words(column.out_text, x + 6, below, soft=True)


def _end(column: Column, x: int, base: float, unit_minor: int) -> Markup:
    body = _pile(column.end_minor, unit_minor, x + 10.5, base - 8, -1, weak=True)
    above = base - 5 - _rows(column.end_minor, unit_minor) * _CELL
    return body + _words(column.end_text, x + 6, above if column.end_minor else base - 8, soft=True)


def _words(text: str, x: float, y: float, *, soft: bool) -> Markup:
    return Markup('<text fill="currentColor"{c} x="{x}" y="{y}" font-size="13">{t}</text>').format(
        c=Markup(' class="soft"') if soft else "", x=_n(x), y=_n(y), t=text
    )


def _pile(
    amount_minor: int, unit_minor: int, x: float, y: float, way: int, *, weak: bool = False
) -> Markup:
    """Rows of four from the line outwards; a remainder is a smaller dot, by area."""
    whole, rest = divmod(amount_minor, unit_minor)
    body, hollow = Markup(""), way > 0
    for row in range(-(-whole // _PER_ROW)):
        count = min(_PER_ROW, whole - row * _PER_ROW)
        body += _chart_dots(x, y + way * _CELL * row, count, 9, hollow, weak)
    if rest:
        row, place = divmod(whole, _PER_ROW)
        width = max(9 * (rest / unit_minor) ** 0.5, 3)
        body += _chart_dots(x + _CELL * place, y + way * _CELL * row, 1, width, hollow, weak)
    return body


def _chart_dots(x: float, y: float, count: int, width: float, hollow: bool, weak: bool) -> Markup:
    path = Markup(
        '<path class="{kind}" d="M{x} {y}h{long}" stroke-width="{w}" stroke-dasharray="0 11.5"/>'
    )
    place = {"x": _n(x), "y": _n(y), "long": _n(_CELL * (count - 1) + 0.1)}
    if not hollow:
        return path.format(kind="d-edge" if weak else "d-full", w=_n(width), **place)
    ink = path.format(kind="d-ink", w=_n(width), **place)
    return ink + path.format(kind="d-hole", w=_n(width * 0.62), **place)
