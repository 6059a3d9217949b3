"""The look of a picture: shapes of states, colours in the light, in the dark and on paper.

It must not know life cycles.
"""

from collections.abc import Mapping

SHAPES: Mapping[str, str] = {
    "draft": '<circle r="5" fill="none" stroke-width="2"/>',
    "quarantine": '<path d="M0-6 6 0 0 6-6 0Z"/>',
    "testing": '<path d="M0-6 6 5H-6Z"/>',
    "released": '<circle r="6"/>',
    "rejected": '<path d="M-5-5 5 5M5-5-5 5" fill="none" stroke-width="2.5"/>',
    "recalled": '<path d="M0-6 6-1.5 3.7 5.5H-3.7L-6-1.5Z"/>',
}
_COLOURS: Mapping[str, tuple[str, str]] = {
    "draft": ("#616D75", "#97A6B1"),
    "quarantine": ("#9A6307", "#FEE6B0"),
    "testing": ("#14285C", "#B9D5FD"),
    "released": ("#08814B", "#8BFDE3"),
    "rejected": ("#7F0C0E", "#FB6A70"),
    "recalled": ("#A326AD", "#F06CF1"),
}


def style() -> str:
    """Write the colours once: light, dark, and light again on paper. Pages link it as flow.css."""
    light = "".join(f"--c-{name}:var(--st-{name},{c[0]});" for name, c in _COLOURS.items())
    dark = "".join(f"--c-{name}:var(--st-{name},{c[1]});" for name, c in _COLOURS.items())
    marks = "".join(
        f".flow .{name} .mark{{fill:var(--c-{name});stroke:var(--c-{name})}}" for name in _COLOURS
    )
    return (
        f".flow{{{light}color:var(--ink,#1b2126);--f-paper:var(--bg,#fff);"
        "font:14px system-ui,'PingFang SC','Microsoft YaHei','Noto Sans SC',sans-serif}"
        f"@media (prefers-color-scheme:dark){{.flow{{{dark}color:var(--ink,#e8edf0);"
        "--f-paper:var(--bg,#14181b)}}"
        f"@media print{{.flow{{{light}color:#000;--f-paper:#fff}}}}"
        ".flow text{fill:currentColor}.flow rect{fill:var(--f-paper);stroke:currentColor}"
        ".flow .final rect{stroke-width:3}.flow .from,.flow marker path{fill:currentColor}"
        ".flow .lane{stroke:currentColor;stroke-opacity:.3;stroke-dasharray:2 4}"
        ".flow .way{fill:none;stroke:currentColor;stroke-width:1.2}"
        ".flow .step{font-size:13px;text-anchor:middle;paint-order:stroke;"
        f"stroke:var(--f-paper);stroke-width:4px}}{marks}"
        ".flow rect.frame{fill:none;stroke-opacity:.45}"
        ".flow .region rect.frame{stroke-dasharray:6 3}"
        ".flow .bar{stroke:currentColor;stroke-width:3}"
        ".flow .added>rect,.flow .added .way,.flow .added .bar{stroke:var(--c-released);"
        "stroke-width:3}.flow .changed>rect,.flow .changed .way,.flow .changed .bar"
        "{stroke:var(--c-quarantine);stroke-width:3}"
        ".flow .removed>rect,.flow .removed .way,.flow .removed .bar{stroke:var(--c-rejected);"
        "stroke-dasharray:5 4}.flow .removed text{text-decoration:line-through}"
    )
