"""What the documentation says is run: every Python block, every command line's options, every link.

Blocks of one file share their names, from top to bottom. A block marked `no-test` is left out.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page, *languages):
    """The code blocks of a page: (line number, what stands beside the language, code)."""
    text = page.read_text()
    for match in BLOCK.finditer(text):
        if match[1] in languages:
            yield text.count("\n", 0, match.start()) + 2, match[2].split(), match[3]


def commands():
    """Every `$ overdrive ...` and `$ make ...` line of the documentation, in words."""
    for page in PAGES:
        for _, _, code in blocks(page, "console", "bash", "sh"):
            for line in code.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words and words[0] in ("overdrive", "make"):
                    yield page.name, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "documentation"}
    for line, beside, code in blocks(page, "python"):
        if "no-test" not in beside:
            # Blank lines in front, so that an error shows its line on the page.
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_blocks_that_are_not_run_are_python(page):
    for _, _, code in blocks(page, "python"):
        compile(code, str(page), "exec")


def test_commands_exist_with_their_options():
    helps: dict[str, str] = {}
    for page, words in commands():
        if words[0] != "overdrive" or words[1].startswith("-"):
            continue
        name = words[1]
        if name not in helps:
            done = subprocess.run(
                [sys.executable, "-m", "overdrive", name, "--help"], capture_output=True, text=True
            )
            assert done.returncode == 0, f"{page}: overdrive {name}: {done.stderr}"
            helps[name] = done.stdout
        own = words[: words.index("--")] if "--" in words else words
        for word in own:
            if word.startswith("--"):
                assert word.partition("=")[0] in helps[name], f"{page}: overdrive {name} has no {word}"


def test_make_targets_exist():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, words in commands():
        if words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= targets, page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
