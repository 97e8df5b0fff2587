"""Figures of a sweep, as Plotly JSON: one chart a file, shown by whoever can show Plotly. Pure."""
