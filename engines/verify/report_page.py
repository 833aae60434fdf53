"""The report as one page: no script, nothing fetched, every text of the file escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from mien.engines.verify.plain import plain
from mien.engines.verify.report import Report
from mien.engines.verify.report_text import Section, clock_text, sections

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.3rem; overflow-wrap: anywhere; }
section { border-top: 1px solid #8886; padding: .4rem 0 .8rem; }
h2 { font-size: 1.05rem; margin: .6rem 0 .2rem; overflow-wrap: anywhere; }
ul { margin: .2rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
svg { width: 100%; height: auto; display: block; margin: .6rem 0; }
footer { color: #777; font-size: .85rem; border-top: 1px solid #8886; padding-top: .6rem; }
"""
#: Of the timeline, in the picture's own units.
_WIDTH, _BAR = 800.0, 26.0
_MARKED, _UNMARKED = "#2a78d0", "#9a9a9a"
#: Windows that are drawn; more than this are narrower than a pixel.
_MOST_WINDOWS = 2000


def report_page(report: Report) -> str:
    """A whole HTML document (UTF-8) with the answers as text and a timeline of the mark as a picture."""
    hashed = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'"
    name = escape(plain(report.file.media.name))
    body = "\n".join(_section(section, report) for section in sections(report))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="referrer" content="no-referrer">\n<title>Mien: {name}</title>\n<style>{_STYLE}</style>\n'
        f"</head>\n<body>\n<h1>What {name} says about itself</h1>\n{body}\n"
        "<footer>Three answers that say nothing of each other, and no verdict. Made with mien verify.</footer>\n"
        "</body>\n</html>\n"
    )


def _section(section: Section, report: Report) -> str:
    picture = timeline(report) if section.title == "Marked" else ""
    lines = "".join(f"<li>{escape(line)}</li>" for line in section.lines)
    return (
        f"<section>\n<h2>{escape(section.title)}: {escape(section.answer)}</h2>\n{picture}"
        f"{f'<ul>{lines}</ul>' if lines else ''}\n</section>"
    )


def timeline(report: Report) -> str:
    """An SVG of when the mark was found and when not; empty for a still, and where nothing was looked at."""
    windows = report.marked.windows[:_MOST_WINDOWS]
    end_s = max((window.end_s for window in windows), default=0.0)
    if report.file.media.kind == "still" or end_s <= 0:
        return ""
    bars = "".join(
        f'<rect x="{window.start_s / end_s * _WIDTH:.2f}" y="0" height="{_BAR:.0f}" '
        f'width="{max((window.end_s - window.start_s) / end_s * _WIDTH, 0.5):.2f}" '
        f'fill="{_UNMARKED if window.payload is None else _MARKED}"><title>'
        f"{clock_text(window.start_s)} to {clock_text(window.end_s)}: "
        f"{'no mark found' if window.payload is None else 'marked'}</title></rect>"
        for window in windows
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH:.0f} {_BAR + 44:.0f}" role="img" aria-label="When the mark was found">'
        f"{bars}{''.join(_ticks(end_s))}{_legend()}</svg>\n"
    )


def _ticks(end_s: float) -> Iterator[str]:
    for share, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end")):
        yield (
            f'<text x="{share * _WIDTH:.0f}" y="{_BAR + 16:.0f}" font-size="13" fill="currentColor" '
            f'text-anchor="{anchor}">{clock_text(share * end_s)}</text>'
        )


def _legend() -> str:
    top = _BAR + 26
    return "".join(
        f'<rect x="{x}" y="{top:.0f}" width="12" height="12" fill="{colour}"/>'
        f'<text x="{x + 18}" y="{top + 11:.0f}" font-size="13" fill="currentColor">{text}</text>'
        for x, colour, text in ((0, _MARKED, "mark found"), (140, _UNMARKED, "looked at, no mark found"))
    )
