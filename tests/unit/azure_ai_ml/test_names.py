"""The table of v2's names: each leads to something, and the page for people names it."""

from importlib import import_module
from pathlib import Path

import pytest

from overdrive.azure_ai_ml.names import TABLE

NAMES = [(module, name, target) for module, names in TABLE.items() for name, target in names.items()]


@pytest.mark.parametrize(("module", "name", "target"), NAMES, ids=lambda value: str(value)[:40])
def test_every_name_leads_to_something(module, name, target):
    if target.startswith("!"):
        assert len(target) > 20  # says what to do instead
    else:
        home, _, attribute = target.partition(":")
        assert getattr(import_module(home), attribute).__doc__


def test_the_page_names_what_there_is():
    page = (Path(__file__).parents[3] / "docs" / "azure-ai-ml.md").read_text()
    for name in (
        "command(...)",
        "Input",
        "Output",
        "Environment",
        "SweepJob",
        "load_job",
        "MLClient",
        "Model",
    ):
        assert f"`{name}" in page or f"{name}(" in page, name
