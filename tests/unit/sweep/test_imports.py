"""What a warm process imports for a script, and what keeps it cold."""

from textwrap import dedent

import pytest

from overdrive.sweep.imports import imports_of, survey
from overdrive.sweep.script import ScriptRunConfig


def of(**files):
    texts = {f"{name.replace('__', '/')}.py": dedent(text) for name, text in files.items()}
    return survey("train.py", texts.get)


def test_imports_are_found_in_order_and_those_of_functions_and_conditions_left_out():
    found = of(
        train="""
        from __future__ import annotations
        import os, numpy as np
        import torch.nn as nn
        from sklearn.svm import SVC, LinearSVC
        from math import *
        try:
            import lightgbm
        except ImportError:
            lightgbm = None
        if nn is None:
            import pandas
        def main():
            import scipy
        """
    )
    assert found[:2] == (
        ("os", "numpy", "torch.nn", "sklearn.svm:SVC", "sklearn.svm:LinearSVC", "math", "lightgbm"),
        (),
    )


def test_own_modules_are_followed_and_never_named():
    texts = {
        "src/train.py": "from model.net import Net\nimport data\nfrom . import nothing",
        "src/model/__init__.py": "import torch",
        "src/model/net.py": "from .layers import Layer\nfrom ..odd import x\nimport einops",
        "src/model/layers.py": "import numpy",
        "src/data.py": "import pandas, data",
        "data/__init__.py": "import of_another_folder",
    }
    found = survey("src/train.py", texts.get)
    assert set(found.modules) == {"torch", "einops", "numpy", "pandas", "nothing", "odd:x"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("import os; os.environ['OMP_NUM_THREADS'] = '1'", "environment"),
        ("import os; os.environ.setdefault('A', '1')", "environment"),
        ("from os import environ; environ['A'] = '1'", "environment"),
        ("import os; os.putenv('A', '1')", "environment"),
        ("import os; del os.environ['A']", "environment"),
        ("import sys; sys.path.insert(0, 'lib')", "sys.path"),
        ("import sys; sys.path = []", "sys.path"),
        ("import sys; sys.path[:0] = ['lib']", "sys.path"),
        ("import sys; sys.modules['json'] = None", "sys.modules"),
        ("def f():\n import tensorflow.keras", "tensorflow"),
        ("from jax import numpy", "jax"),
        ("this is no Python", "cannot be read"),
    ],
)
def test_obstacles_are_named_with_their_place(line, words):
    (obstacle,) = of(train=line).obstacles
    assert words in obstacle and obstacle.startswith("train.py")


@pytest.mark.parametrize(
    "line",
    ["import os; x = os.environ['A']", "import sys; sys.path.append('x')", "path = []; path.insert(0, 1)"],
)
def test_reading_is_no_obstacle(line):
    assert of(train=line).obstacles == ()


def test_a_script_that_is_not_there_imports_nothing():
    assert survey("train.py", {}.get) == ((), (), None)


@pytest.mark.parametrize(
    ("script", "modules"),
    [
        (ScriptRunConfig(script="src/train.py"), ("numpy",)),
        (ScriptRunConfig(command="python -u src/train.py --x ${{search_space.x}}"), ("numpy",)),
        (ScriptRunConfig(script="src/train.py", warm=["torch"]), ("torch",)),
    ],
)
def test_what_is_made_ready_for_a_script(script, modules):
    texts = {
        "src/train.py": "import numpy, prepare",
        "src/prepare.py": "import overdrive\n@overdrive.prepare\ndef f(): ...",
    }
    found = imports_of(script, texts.get)
    assert set(modules) <= set(found.modules) and found.prepare == "src/prepare.py"


@pytest.mark.parametrize(
    "script",
    [
        ScriptRunConfig(script="train.py", warm="off"),
        ScriptRunConfig(script="/elsewhere/train.py"),
        ScriptRunConfig(command="./train.sh"),
        ScriptRunConfig(command="Rscript train.R"),
    ],
)
def test_other_commands_start_cold(script):
    assert imports_of(script, {"train.py": "import numpy"}.get) is None


def test_a_prepare_py_of_another_purpose_is_left_alone():
    texts = {"train.py": "import numpy", "prepare.py": "print('splitting')"}
    assert imports_of(ScriptRunConfig(script="train.py"), texts.get).prepare is None
