"""What a compute target's name means, and what is wrong with its options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from overdrive.compute.options import Option, checked, is_amount, is_count, is_text
from overdrive.errors import ConfigError
from overdrive.sdk.compute import Target, target_of
from overdrive.sdk.settings import Settings, read_settings


def meaning(name: str | None, compute: Mapping[str, Any] | None = None) -> Target:
    return target_of(Settings(compute=compute or {}), name)


@pytest.mark.parametrize("name", [None, "local", "mapped", "table"])
def test_this_machine(name: str | None) -> None:
    assert meaning(name, {"mapped": "local", "table": {"type": "local"}}) == Target("local", {})


def test_an_unknown_name_means_this_machine_and_is_said() -> None:
    target = meaning("loca")
    assert target.type == "local"
    assert "'loca' is not known here" in target.advice[0] and "did you mean 'local'?" in target.advice[0]


def test_an_unknown_back_end_or_option_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"compute\.a: must be one of local.*, got 'cloud'"):
        meaning("a", {"a": "cloud"})
    with pytest.raises(ConfigError, match=r"compute\.a\.type: must be one of local.*, got 'cloud'"):
        meaning("a", {"a": {"type": "cloud"}})
    with pytest.raises(ConfigError, match=r"settings\.toml: compute\.a\.colour: is no option here"):
        meaning("a", {"a": {"type": "local", "colour": "red"}})


def test_all_that_is_wrong_with_options_comes_at_once() -> None:
    known = {"partition": Option(is_text, "must be text"), "nodes": Option(is_count, "must be a number")}
    assert checked({"nodes": 2}, known) == {"nodes": 2}
    with pytest.raises(ConfigError) as caught:
        checked({"partitoin": "gpu", "nodes": 0, "colour": 1}, known)
    assert [str(problem) for problem in caught.value.problems] == [
        "partitoin: is no option here; did you mean partition?",
        "nodes: must be a number, got 0",
        "colour: is no option here; there are partition, nodes",
    ]


def test_values_that_fit() -> None:
    assert is_text("a b") and not any(map(is_text, ["", " ", "a\nb", 1, None]))
    assert is_amount(0.5) and not any(map(is_amount, [True, -1, float("inf"), float("nan"), "1"]))
    assert is_count(1) and not any(map(is_count, [0, True, 1.0, "1"]))


def test_settings_take_a_name_or_a_table(tmp_path: Any) -> None:
    (tmp_path / "settings.toml").write_text(
        '[compute]\na = "local"\n[compute."b.1"]\ntype = "local"\nnumber = 1\n'
    )
    assert read_settings(tmp_path, {}).compute == {"a": "local", "b.1": {"type": "local", "number": 1}}
    (tmp_path / "settings.toml").write_text('[compute.a.1]\ntype = "local"\n[compute]\nb = 3\n')
    with pytest.raises(ConfigError) as caught:
        read_settings(tmp_path, {})
    assert [problem.where.rpartition(": ")[2] for problem in caught.value.problems] == [
        "compute.a",
        "compute.b",
    ]
    assert '[compute."a.1"]' in str(caught.value)
