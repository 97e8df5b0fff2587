"""Requirements files and conda files as recipes; what of them pip is asked for."""

from __future__ import annotations

import pytest

from overdrive.environments.recipe import Recipe, from_conda, from_conda_file, from_requirements
from overdrive.errors import ConfigError, NotFound


def test_a_requirements_file_with_comments_and_includes(tmp_path):
    (tmp_path / "base.txt").write_text("numpy==1.23.5  # pinned\n\n# a comment\n")
    (tmp_path / "requirements.txt").write_text(
        "-r base.txt\nscikit-learn>=1.0 \\\n  ; python_version > '3'\nazureml-defaults\nazureml_core==1.6\njoblib\n"
    )
    recipe = from_requirements(tmp_path / "requirements.txt")
    assert recipe.pip[0] == "numpy==1.23.5" and recipe.pip[2] == "joblib" and len(recipe.pip) == 3
    assert recipe.pip[1].startswith("scikit-learn>=1.0") and recipe.pip[1].endswith("python_version > '3'")
    assert recipe.folder == str(tmp_path)


def test_an_included_file_counts_for_the_identity(tmp_path):
    (tmp_path / "requirements.txt").write_text("-r base.txt\n")
    digests = set()
    for text in ("numpy==1", "numpy==2", "numpy==1"):
        (tmp_path / "base.txt").write_text(text)
        digests.add(from_requirements(tmp_path / "requirements.txt").digest("python"))
    assert len(digests) == 2


def test_a_conda_file_as_the_public_samples_have_it():
    recipe = from_conda(
        {
            "name": "sklearn-env",
            "channels": ["conda-forge"],
            "dependencies": [
                "python=3.6.2", "pip=21", "scikit-learn=0.24", "conda-forge::numpy=1.20.3=py36_0", "pandas>=1",
                {"pip": ["azureml-defaults", "joblib==1.0"]},
            ],
        }
    )  # fmt: skip
    assert recipe.python == "3.6.2" and recipe.channels == ("conda-forge",)
    assert recipe.for_pip().pip == ("joblib==1.0", "scikit-learn==0.24.*", "numpy==1.20.3.*", "pandas>=1")


def test_a_bound_on_python_is_met_by_a_newer_one():
    assert from_conda({"dependencies": ["python>=3.6"]}).python is None
    assert from_conda({"dependencies": ["python"]}).empty


@pytest.mark.parametrize(
    "text", ["dependencies: {a: b}", "[]", "dependencies: [3]", "dependencies: [{conda: []}]"]
)
def test_another_form_is_refused(text, tmp_path):
    (tmp_path / "conda.yml").write_text(text)
    with pytest.raises(ConfigError, match=r"conda\.yml"):
        from_conda_file(tmp_path / "conda.yml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NotFound, match=r"none\.txt"):
        from_requirements(tmp_path / "none.txt")


def test_json_and_back():
    recipe = from_conda({"channels": ["c"], "dependencies": ["python=3.9", "numpy", {"pip": ["six"]}]})
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert Recipe(folder="").to_json() == {}
