"""The notebook's face: `RunDetails`, the studio's charts and table beside the code."""
