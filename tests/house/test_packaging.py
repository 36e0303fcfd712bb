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


@pytest.mark.parametrize("script", ["wheel", "container/steps", "ondemand/template/before.sh.erb", "ondemand/template/script.sh.erb"])
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


def test_the_wheel_has_the_version_of_the_program():
    project = tomllib.loads((ROOT / "kernel/pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"] and project["tool"]["maturin"]["bindings"] == "bin"
    assert project["project"]["license"] == tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["license"]
