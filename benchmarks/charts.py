"""A small bar chart as SVG, on a logarithmic scale.

It must not need a drawing library.
"""

import math
from collections.abc import Mapping
from xml.sax.saxutils import escape

_ROW, _LEFT, _WIDTH = 22, 150, 320


def write_chart(title: str, bars: Mapping[str, float]) -> str:
    """Draw named values, each bar as long as the logarithm of its value."""
    low = math.log10(min(bars.values()) / 2)
    span = math.log10(max(bars.values())) - low or 1
    height = 34 + _ROW * len(bars)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 90}" '
        f'height="{height}" font-family="sans-serif" font-size="12" role="img" '
        f'aria-label="{escape(title)}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="6" y="18" font-weight="bold">{escape(title)} (log scale)</text>',
    ]
    for place, (name, value) in enumerate(bars.items()):
        y, long = 30 + _ROW * place, _WIDTH * (math.log10(value) - low) / span
        parts += [
            f'<text x="{_LEFT - 6}" y="{y + 13}" text-anchor="end">{escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 3}" width="{long:.1f}" height="13" fill="#2b6cb0"/>',
            f'<text x="{_LEFT + long + 5:.1f}" y="{y + 13}">{value:g}</text>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
