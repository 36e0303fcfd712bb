//! `ferrolab doctor --evcxr`: what is there of evcxr, and what of it to carry over, and how. It looks and
//! reports; it changes nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Check;
use crate::ask::{find, is_executable};
use crate::evaluate::startup::{Configuration, evcxr_directory};
use crate::install::{paths, spec};

/// The program's name, and the kernel's name under which it installs itself.
const PROGRAM: &str = "evcxr_jupyter";
const KERNEL: &str = "rust";
/// So many notebooks are named.
const NAMED: usize = 5;

pub(super) fn checks() -> Vec<Check> {
    let search = paths::search_path();
    let directory = evcxr_directory(&paths::process_env);
    let here = env::current_dir().unwrap_or_default();
    let mut checks = vec![kernelspec(&search), program()];
    checks.extend(configuration(&Configuration::read(&here, directory.as_deref()), directory.as_deref()));
    checks.push(notebooks(&here, &search));
    checks
}

fn kernelspec(search: &[PathBuf]) -> Check {
    const NAME: &str = "kernelspec";
    let all = search.iter().filter_map(|directory| directory.read_dir().ok()).flatten();
    let found = all
        .filter_map(|entry| spec::read(&entry.ok()?.path()))
        .find(|found| found.exe.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PROGRAM)));
    let Some(found) = found else { return Check::ok(NAME, "none of evcxr where Jupyter looks") };
    let gone = if is_executable(&found.exe) { "" } else { ", which is gone" };
    let detail = format!(
        "\"{}\" ({}), {}, starts {}{gone}",
        found.display_name,
        found.name,
        found.dir.display(),
        found.exe.display()
    );
    let advice = format!(
        "its notebooks name the kernel `{0}`. To have them open here as they are, give its name to this one:\n\
         jupyter kernelspec remove {0}\n\
         ferrolab install --name {0} --display-name \"Rust\"\n\
         or leave both and choose \"Rust (Ferrolab)\" in the notebook's kernel menu",
        found.name
    );
    Check::warn(NAME, detail, advice)
}

fn program() -> Check {
    const NAME: &str = "program";
    let cargo =
        env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let beside = || cargo.map(|cargo| cargo.join("bin").join(PROGRAM)).filter(|file| is_executable(file));
    match find(PROGRAM).or_else(beside) {
        Some(path) => Check::ok(NAME, format!("{}; nothing here needs it, and it may stay", path.display())),
        None => Check::ok(NAME, format!("{PROGRAM} is not on PATH")),
    }
}

fn configuration(found: &Configuration, directory: Option<&Path>) -> Vec<Check> {
    const NAME: &str = "start-up file";
    let used = |path: &PathBuf| Check::ok(NAME, format!("{} runs before each session's first cell", path.display()));
    let refused =
        |(path, why): &(PathBuf, String)| Check::warn(NAME, format!("{} is not run", path.display()), why.clone());
    let mut checks: Vec<Check> = found.files.iter().map(used).collect();
    checks.extend(found.refused.iter().map(refused));
    if checks.is_empty() {
        let place = directory.map_or_else(|| "anywhere: HOME is not set".to_owned(), |d| format!("in {}", d.display()));
        checks.push(Check::ok(NAME, format!("no evcxr.toml here, no init.evcxr or prelude.rs {place}")));
    }
    if let Some(tmp) = env::var_os("EVCXR_TMPDIR") {
        let detail = format!("EVCXR_TMPDIR is {}", tmp.to_string_lossy());
        checks.push(Check::warn(
            "variable",
            detail,
            "it has no effect here; FERROLAB_CACHE_DIR says where builds are kept",
        ));
    }
    checks
}

/// Notebooks of a directory that name a kernel this one does not answer to.
fn notebooks(directory: &Path, search: &[PathBuf]) -> Check {
    const NAME: &str = "notebooks";
    let entries = directory.read_dir().into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let mut names: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "ipynb"))
        .filter(|path| kernel_of(path).as_deref() == Some(KERNEL))
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    if names.is_empty() {
        return Check::ok(NAME, format!("none in {} names the kernel `{KERNEL}`", directory.display()));
    }
    let more = names.len().saturating_sub(NAMED);
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let detail = if more > 0 { format!("{shown} and {more} more") } else { shown };
    let answers = search.iter().filter_map(|kernels| spec::read(&kernels.join(KERNEL))).next().is_some_and(|s| s.ours);
    if answers {
        return Check::ok(NAME, format!("{detail}: they name the kernel `{KERNEL}`, which is this one"));
    }
    Check::warn(
        NAME,
        format!("{detail}: they name the kernel `{KERNEL}`"),
        format!(
            "`ferrolab run {}` runs them as they are; in JupyterLab choose \"Rust (Ferrolab)\" in the kernel menu once,\n\
             or give this kernel that name: ferrolab install --name {KERNEL} --display-name \"Rust\"",
            names[0]
        ),
    )
}

fn kernel_of(notebook: &Path) -> Option<String> {
    let text: Value = serde_json::from_slice(&fs::read(notebook).ok()?).ok()?;
    text["metadata"]["kernelspec"]["name"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn notebooks_that_name_evcxrs_kernel_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, kernel: &str| {
            let text = format!("{{\"metadata\": {{\"kernelspec\": {{\"name\": \"{kernel}\"}}}}, \"cells\": []}}");
            fs::write(folder.path().join(name), text).unwrap();
        };
        assert_eq!(notebooks(folder.path(), &[]).status, Status::Ok);
        write("a.ipynb", "rust");
        write("b.ipynb", "python3");
        fs::write(folder.path().join("c.ipynb"), "no notebook").unwrap();
        let check = notebooks(folder.path(), &[]);
        assert_eq!((check.status, check.detail.as_str()), (Status::Warn, "a.ipynb: they name the kernel `rust`"));
        assert!(check.advice.is_some_and(|advice| advice.contains("ferrolab run a.ipynb")));
    }
}
