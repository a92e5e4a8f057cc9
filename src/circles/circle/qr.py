"""Codes to scan, drawn on the server as SVG for the page itself."""

from __future__ import annotations

from decimal import Decimal

import segno
from markupsafe import Markup
from segno.helpers import make_epc_qr


def link(address: str, label: str) -> Markup:
    """An address as a code; `label` is read out instead of it."""
    return _svg(segno.make(address, error="m", micro=False), label)


def bank_transfer(
    *, holder: str, iban: str, amount_minor: int, reference: str, label: str
) -> Markup:
    """What a bank's app fills in by itself (EPC069-12): euros only, amount above 0."""
    amount = Decimal(amount_minor).scaleb(-2)
    return _svg(make_epc_qr(name=holder, iban=iban, amount=amount, reference=reference), label)


def _svg(code: segno.QRCode, label: str) -> Markup:
    width = code.symbol_size(border=1)[0]
    path = code.svg_inline(border=1, svgclass=None, lineclass=None, omitsize=True)
    # Only the drawing is taken over: role, name and size are said in our own way.
    drawing = path[path.index("<path") : path.rindex("</svg>")]
    numbers_only = Markup(drawing)  # noqa: S704  # drawn by segno from numbers, no text in it
    return Markup(
        '<svg role="img" aria-label="{label}" viewBox="0 0 {width} {width}" width="192"'
        ' height="192"><title>{label}</title>{drawing}</svg>'
    ).format(label=label, width=width, drawing=numbers_only)
