"""Datasets and datastores: paths under names, versions, what a run is given."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import pytest

from overdrive.errors import ConfigError, NotFound, Unsupported
from overdrive.sdk import data
from overdrive.sdk.data import Dataset, named_inputs
from overdrive.sdk.datastore import DataPath, Datastore
from overdrive.sweep.script import ScriptRunConfig


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    home = tmp_path / ".overdrive"
    home.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OVERDRIVE_HOME", raising=False)
    return SimpleNamespace(home=home)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "d" / "inner").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "inner/c.txt"):
        (tmp_path / "d" / name).write_text(f"x,y\n1,{name}\n")
    return tmp_path / "d"


def test_a_folder_a_file_and_a_pattern(workspace, files):
    assert Dataset.File.from_files("d").local_path() == str(files)
    assert Dataset.File.from_files("d/**").local_path() == str(files)
    assert Dataset.File.from_files(path=["d/a.csv"]).local_path() == str(files / "a.csv")
    many = Dataset.File.from_files("d/*.csv")
    assert sorted(os.listdir(many.local_path())) == ["a.csv", "b.csv"]
    assert sorted(Dataset.File.from_files("d").to_path()) == ["/a.csv", "/b.csv", "/inner/c.txt"]
    with pytest.raises(NotFound, match="nothing at 'none'"):
        Dataset.File.from_files("none")


def test_two_files_of_one_name_are_both_there(workspace, files, tmp_path):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "a.csv").write_text("other")
    folder = Dataset.File.from_files(["d/a.csv", "e/a.csv"]).local_path()
    assert sorted(os.listdir(folder)) == ["1_a.csv", "a.csv"]
    assert folder == Dataset.File.from_files(["d/a.csv", "e/a.csv"]).local_path()


def test_names_and_versions(workspace, files):
    first = Dataset.File.from_files("d/a.csv").register(
        workspace, "table", description="one", tags={"k": "v"}
    )
    assert (first.name, first.version, first.tags) == ("table", 1, {"k": "v"})
    assert Dataset.File.from_files("d/a.csv").register(workspace, "table").version == 1
    with pytest.raises(ConfigError, match="create_new_version"):
        Dataset.File.from_files("d/b.csv").register(workspace, "table")
    second = Dataset.File.from_files("d/b.csv").register(workspace, "table", create_new_version=True)
    assert second.version == 2 and Dataset.get_by_name(workspace, "table").paths == [str(files / "b.csv")]
    assert Dataset.get_by_id(workspace, first.id).paths == first.paths
    with pytest.raises(NotFound, match="versions 1 to 2, not 3"):
        Dataset.get_by_name(workspace, "table", 3)
    with pytest.raises(NotFound, match="no dataset 'tables'; there are table"):
        Dataset.get_by_name(workspace, "tables")
    with pytest.raises(ConfigError, match="must be letters"):
        first.register(workspace, "../table")


def test_a_name_of_the_settings(workspace, files):
    (workspace.home / "settings.toml").write_text('[data]\niris = "d/a.csv"\n')
    assert Dataset.get_by_name(workspace, "iris").local_path() == str(files / "a.csv")
    assert set(Dataset.get_all(workspace)) == {"iris"}


def test_a_datastore_is_a_folder(workspace, files, tmp_path):
    store = Datastore.get_default(workspace)
    store.upload(src_dir="d", target_path="copy", overwrite=True, show_progress=False)
    assert Dataset.File.from_files((store, "copy")).to_path() == Dataset.File.from_files("d").to_path()
    assert store.download(str(tmp_path / "back"), prefix="copy/inner") == 1
    assert (tmp_path / "back" / "copy" / "inner" / "c.txt").exists()
    assert Dataset.File.upload_directory("d", (store, "again")).local_path() == str(store.root / "again")
    with pytest.raises(ConfigError, match="leads out"):
        str(DataPath(store, "../../.."))
    with pytest.raises(Unsupported, match="cloud storage"):
        Datastore.register_azure_blob_container(workspace, "name", "container")


def test_what_a_run_is_given(workspace, files, monkeypatch):
    dataset = Dataset.Tabular.from_delimited_files("d/a.csv").register(workspace, "table")
    mounted, named = dataset.as_named_input("folder").as_mount(), dataset.as_named_input("rows")
    script = ScriptRunConfig(
        script="t.py",
        arguments=["--a", mounted, "--b", named, "--c", Dataset.File.from_files("d").as_download()],
    )
    assert script.arguments == ("--a", str(files / "a.csv"), "--b", "table:1", "--c", str(files))
    variables = script.environment_variables
    assert set(variables) == {"OVERDRIVE_INPUT_folder", "OVERDRIVE_INPUT_rows"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    inputs = named_inputs()
    assert inputs["folder"] == str(files / "a.csv")
    assert inputs["rows"].paths == [str(files / "a.csv")] and isinstance(inputs["rows"], data.TabularDataset)
    json.dumps(script.to_json())
    with pytest.raises(ConfigError, match="letters, digits and _"):
        dataset.as_named_input("two words")


def test_copies_never_replace_by_themselves(workspace, files, tmp_path):
    dataset = Dataset.File.from_files("d")
    assert len(dataset.download(str(tmp_path / "out"))) == 3
    with pytest.raises(ConfigError, match="overwrite=True"):
        dataset.download(str(tmp_path / "out"))
    assert len(dataset.download(str(tmp_path / "out"), overwrite=True)) == 3
    with dataset.mount() as mounted:
        assert mounted.mount_point == str(files)


def test_a_resumed_run_finds_its_checkpoint_by_argument(workspace):
    script = ScriptRunConfig(
        script="t.py", arguments=["a"], resume_from=DataPath(Datastore(workspace), "model")
    )
    assert script.arguments == (
        "a",
        "--resume-from",
        str(workspace.home / "datastores/workspaceblobstore/model"),
    )


def test_a_web_address_is_fetched_once_and_kept(workspace, monkeypatch):
    from overdrive.sdk import downloads

    fetched = []

    def fetch(address, target):
        if target.exists():
            return False
        target.parent.mkdir(parents=True)
        target.write_text("x\n1\n")
        fetched.append(address)
        return True

    monkeypatch.setattr(downloads, "fetch", fetch)
    dataset = Dataset.File.from_files("https://example.com/d/iris.csv?raw=1")
    first, second = dataset.local_path(), Dataset.File.from_files(dataset.paths[0]).local_path()
    assert first == second and first.endswith("/iris.csv") and str(workspace.home) in first
    assert fetched == ["https://example.com/d/iris.csv?raw=1"]
    assert str(dataset.as_mount()) == first and dataset.to_path() == ["/iris.csv"]


def test_a_data_frame_of_all_files(workspace, files, monkeypatch):
    frames = SimpleNamespace(
        read_csv=lambda path: [os.path.basename(path)],
        read_parquet=None,
        concat=lambda parts, ignore_index: [row for part in parts for row in part],
    )
    monkeypatch.setitem(sys.modules, "pandas", frames)
    assert Dataset.Tabular.from_delimited_files("d/*.csv").to_pandas_dataframe() == ["a.csv", "b.csv"]
    assert Dataset.Tabular.from_delimited_files("d/a.csv").to_pandas_dataframe() == ["a.csv"]
    with pytest.raises(ConfigError, match="from_delimited_files"):
        Dataset.File.from_files("d").to_pandas_dataframe()
