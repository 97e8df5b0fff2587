"""The workspace's settings: a file, a variable before it, all mistakes at once."""

from __future__ import annotations

import pytest

from overdrive.errors import ConfigError
from overdrive.sdk.environment import bare_name
from overdrive.sdk.settings import read_settings


def test_the_variable_goes_before_the_file(tmp_path):
    (tmp_path / "settings.toml").write_text(
        '[environments]\n"sklearn-1.5" = "/a"\nother = "/b"\n[compute]\ncpu-cluster = "local"\n'
    )
    settings = read_settings(tmp_path, {"OVERDRIVE_ENVIRONMENT_MAP": "sklearn-1.5=/c ; new = reqs.txt;"})
    assert settings.environments == {"sklearn-1.5": "/c", "other": "/b", "new": "reqs.txt"}
    assert settings.compute == {"cpu-cluster": "local"} and settings.data == {}


def test_where_the_store_is(tmp_path):
    (tmp_path / "settings.toml").write_text('[store]\nurl = "postgresql://a/b"\nworkspace = "digits"\n')
    assert read_settings(tmp_path, {}).store == {"url": "postgresql://a/b", "workspace": "digits"}
    named = read_settings(tmp_path, {"OVERDRIVE_STORE": "postgresql://c/d"})
    assert named.store == {"url": "postgresql://c/d", "workspace": "digits"}


def test_no_file_is_no_settings(tmp_path):
    assert read_settings(tmp_path, {}).environments == {}


def test_all_mistakes_come_at_once(tmp_path):
    (tmp_path / "settings.toml").write_text(
        '[environment]\na = "b"\n[store]\nuri = "x"\n[environments]\nsklearn-1.5 = "/a"\n'
    )
    with pytest.raises(ConfigError) as caught:
        read_settings(tmp_path, {"OVERDRIVE_ENVIRONMENT_MAP": "alone"})
    text = str(caught.value)
    assert "environment: must be one of the tables environments, compute, data" in text
    assert "store.uri: must be one of url, workspace" in text
    assert "in quotes" in text and "'alone'" in text


def test_a_torn_file_is_a_config_error(tmp_path):
    (tmp_path / "settings.toml").write_bytes(b"[environments\n\xff")
    with pytest.raises(ConfigError, match=r"settings\.toml"):
        read_settings(tmp_path, {})


@pytest.mark.parametrize(
    "given",
    [
        "sklearn-1.5", "azureml:sklearn-1.5", "azureml:sklearn-1.5:7", "sklearn-1.5@latest",
        "azureml://registries/azureml/environments/sklearn-1.5/labels/latest",
    ],
)  # fmt: skip
def test_azures_spellings_of_a_name(given):
    assert bare_name(given) == "sklearn-1.5"
