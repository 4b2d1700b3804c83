"""Cuts the fonts of static/fonts from the package @fontsource-variable/newsreader 5.3.0 of npm.

    npm pack @fontsource-variable/newsreader@5.3.0
    tar xzf fontsource-variable-newsreader-5.3.0.tgz -C /tmp
    python3 -m venv /tmp/cut
    /tmp/cut/bin/pip install fonttools==4.68.0 brotli==1.2.1 skia-pathops==0.9.2
    /tmp/cut/bin/python tools/fonts.py /tmp/package

Writes the WOFF2 files of the pages, cut to Spanish, and the TTF of the share pictures, which is the
title with all Latin letters.
"""

import sys
from pathlib import Path
from typing import Any

from fontTools import merge, subset
from fontTools.ttLib import TTFont
from fontTools.varLib import instancer

FOLDER = Path(__file__).resolve().parent.parent / "static" / "fonts"
SPANISH = (
    "20-7E,A0,A1,A7,AA,AB,B0,B6,B7,BA,BB,BF,C1,C9,CD,D1,D3,D7,DA,DC,E1,E9,ED,F1,F3,FA,FC,"
    "2013,2014,2018,2019,201C,201D,2022,2026,2190,2192,2212"
)
FEATURES = ["kern", "liga", "tnum", "mark", "mkmk", "ccmp", "locl"]
CUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("normal", {"wght": (400, 600), "opsz": 14}),
    "title": ("normal", {"wght": 400, "opsz": 60}),
    "italic": ("italic", {"wght": 400, "opsz": 14}),
}
"""The style and the axes of each WOFF2 file."""


def main(package: Path) -> None:
    for name, (style, axes) in CUTS.items():
        write(cut(package, "latin", style, axes), FOLDER / f"newsreader-{name}.woff2", SPANISH)
    parts = []
    for script in ("latin", "latin-ext", "vietnamese"):
        parts.append(package / f"{script}.ttf")
        cut(package, script, *CUTS["title"]).save(parts[-1])
    title = merge.Merger().merge(parts)
    title.recalcTimestamp, head = False, TTFont(parts[0])["head"]
    title["head"].created, title["head"].modified = head.created, head.modified
    write(title, FOLDER / "newsreader-title.ttf", "0-FFFF")


def cut(package: Path, script: str, style: str, axes: dict[str, Any]) -> TTFont:
    file_name = f"newsreader-{script}-standard-{style}.woff2"
    font = TTFont(package / "files" / file_name, recalcTimestamp=False)
    font.flavor = None
    is_static = not any(isinstance(value, tuple) for value in axes.values())
    mode = instancer.OverlapMode
    # Overlaps of a static font print dark.
    overlap = mode.REMOVE if is_static else mode.KEEP_AND_SET_FLAGS
    return instancer.instantiateVariableFont(font, axes, overlap=overlap)


def write(font: TTFont, path: Path, letters: str) -> None:
    flavor = "woff2" if path.suffix == ".woff2" else None
    options = subset.Options(layout_features=FEATURES, hinting=False, flavor=flavor)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=subset.parse_unicodes(letters))
    subsetter.subset(font)
    subset.save_font(font, str(path), options)
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
