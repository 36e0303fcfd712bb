//! Checks of Jupyter and of the kernelspecs that start this kernel.

use std::path::Path;

use super::Check;
use crate::ask::{find, is_executable};
use crate::install::{installed, paths};

pub(super) fn checks(exe: &Path) -> Vec<Check> {
    vec![jupyter(), kernelspec(exe)]
}

fn jupyter() -> Check {
    const NAME: &str = "jupyter";
    let found = ["jupyter-lab", "jupyter", "jupyterhub-singleuser"].into_iter().find_map(find);
    match found {
        Some(path) => Check::ok(NAME, path.display().to_string()),
        None => Check::warn(
            NAME,
            "not found on PATH",
            "to work in a browser: pip install jupyterlab (or conda install jupyterlab);\n\
             `ferrolab run` works without it, and so does a JupyterHub that runs elsewhere",
        ),
    }
}

fn kernelspec(exe: &Path) -> Check {
    const NAME: &str = "kernelspec";
    const AGAIN: &str = "run `ferrolab install` again with this executable";
    let search = paths::search_path();
    let all = installed(&search);
    let mine = all.iter().find(|found| paths::same_place(&found.exe, exe));
    if let Some(found) = mine {
        return Check::ok(NAME, format!("{}, {}", found.name, found.dir.display()));
    }
    let Some(other) = all.first() else {
        let advice = "run `ferrolab install` (see `ferrolab install --help` for where)";
        return Check::warn(NAME, "not installed where Jupyter looks", advice);
    };
    let (dir, theirs) = (other.dir.display(), other.exe.display());
    if is_executable(&other.exe) {
        let detail = format!("{dir} starts {theirs}, not this {}", exe.display());
        return Check::warn(NAME, detail, AGAIN);
    }
    Check::fail(NAME, format!("{dir} starts {theirs}, which is gone"), AGAIN)
}
