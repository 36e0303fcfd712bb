"""Recipes for portals and containers: their form, and that what they name is there. Nothing here runs them."""

import re
import subprocess
import tomllib

import pytest
import yaml

from support.process import ROOT

PACKAGING = ROOT / "packaging"


def rendered(path) -> str:
    """A template of Ruby's with a word for each value; what it decides is taken."""
    text = re.sub(r"<%-?\s*(unless|if|end).*?-?%>\n?", "", path.read_text())
    return re.sub(r"<%=.*?%>", "4", text)


@pytest.mark.parametrize("script", ["wheel", "conda/build.sh", "container/steps", "ondemand/template/before.sh.erb", "ondemand/template/script.sh.erb"])
def test_scripts_are_bash(script):
    done = subprocess.run(["bash", "-n"], input=rendered(PACKAGING / script), text=True, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_the_app_of_open_ondemand():
    """As its documentation has it: every attribute is in the form, and every value that templates take is one of them."""
    folder = PACKAGING / "ondemand"
    manifest, form = (yaml.safe_load((folder / name).read_text()) for name in ("manifest.yml", "form.yml"))
    assert manifest["role"] == "batch_connect" and manifest["category"] == "Interactive Apps"
    assert set(form["attributes"]) <= set(form["form"]) and form["cluster"]
    submit = yaml.safe_load(rendered(folder / "submit.yml.erb"))
    assert submit["batch_connect"]["template"] == "basic" and all(isinstance(option, str) for option in submit["script"]["native"])
    taken = set(re.findall(r"context\.(\w+)", "".join(p.read_text() for p in folder.rglob("*.erb")))) | {"num_cores", "memory"}
    assert taken <= set(form["form"]), taken


def test_containers_are_made_by_the_same_steps():
    docker, apptainer = ((PACKAGING / "container" / name).read_text() for name in ("Dockerfile", "ferrolab.def"))
    for recipe in (docker, apptainer):
        assert "packaging/container/steps" in recipe and "FERROLAB_SITE" in recipe
    base = {re.search(r"^FROM (\S+)", docker, re.M)[1], re.search(r"^From: (\S+)", apptainer, re.M)[1]}
    assert len(base) == 1, "two recipes of one image"
    steps = (PACKAGING / "container/steps").read_text()
    for name in re.findall(r"notebooks/\w+\.ipynb", steps):
        assert (ROOT / name).exists(), name


def test_the_conda_recipe_has_the_form_that_rattler_build_takes():
    """Its sections are those of the format's first version, and what it names is there; nothing builds it here."""
    recipe = yaml.safe_load((PACKAGING / "conda/recipe.yaml").read_text())
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    assert set(recipe) == {"schema_version", "context", "package", "source", "build", "requirements", "tests", "about"} and recipe["schema_version"] == 1
    assert recipe["context"]["version"] == workspace["version"] and recipe["about"]["license"] == workspace["license"]
    assert set(recipe["requirements"]) == {"build", "run"} and f"rust >={workspace['rust-version']}" in recipe["requirements"]["run"]
    assert (ROOT / recipe["build"]["script"]).exists() and all((ROOT / name).exists() for name in recipe["about"]["license_file"])
    assert (PACKAGING / "conda" / recipe["source"]["path"] / "Cargo.toml").resolve() == ROOT / "Cargo.toml"


def test_binstall_finds_the_program_in_a_release():
    """By its documentation: where archives are, in which form, and where the program is in them."""
    kernel = tomllib.loads((ROOT / "kernel/Cargo.toml").read_text())
    told = kernel["package"]["metadata"]["binstall"]
    assert set(told) == {"pkg-url", "pkg-fmt", "bin-dir"} and told["pkg-url"].endswith("." + told["pkg-fmt"])
    words = set(re.findall(r"\{ ([\w-]+) \}", told["pkg-url"] + told["bin-dir"]))
    assert words <= {"repo", "name", "version", "target", "bin", "binary-ext", "archive-format", "archive-suffix"}, words
    assert [each["name"] for each in kernel["bin"]] == ["ferrolab"]


def test_the_wheel_has_the_version_of_the_program():
    project = tomllib.loads((ROOT / "kernel/pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"] and project["tool"]["maturin"]["bindings"] == "bin"
    assert project["project"]["license"] == tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["license"]
