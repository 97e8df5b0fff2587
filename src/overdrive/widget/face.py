"""The widget as Jupyter knows it: one module, one style sheet, and the last state."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import anywidget
import traitlets

from ..studio.report import PLOTTING, STATIC

OWN = Path(__file__).parent / "static"
MODULES = [
    *(STATIC / name for name in (*PLOTTING, "cells.js", "panel.js", "selection.js", "table.js")),
    *(OWN / name for name in ("line.js", "theme.js", "widget.js")),
]
"""Each after those that it imports; the last is the widget."""

_LOADER = """
const sources = {sources};
const homes = {{}};
for (const [name, text] of Object.entries(sources)) {{
  const bound = text.replace(/from "\\.\\/([\\w.]+)"/g, (_, other) => `from "${{homes[other]}}"`);
  homes[name] = URL.createObjectURL(new Blob([bound], {{ type: "text/javascript" }}));
}}
const {{ default: widget }} = await import(homes["widget.js"]);
export default widget;
"""
"""A widget is loaded from a blob, from where no neighbour is in reach: so they come along, as blobs too."""


@cache
def script() -> str:
    """The widget's module: the studio's own modules, and what is different in a notebook."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in MODULES}
    return _LOADER.format(sources=json.dumps(sources))


@cache
def style() -> str:
    """The studio's style sheet, for what is inside of the widget alone, and what is different there."""
    studio, own = (place.read_text(encoding="utf-8") for place in (STATIC / "studio.css", OWN / "widget.css"))
    return f".overdrive-widget {{\n{studio}\n}}\n{own}"


class SweepWidget(anywidget.AnyWidget):
    """`state` is the last state (JSON), which a saved notebook keeps; what is new comes as messages."""

    _esm = script()
    _css = style()
    state = traitlets.Unicode("").tag(sync=True)
