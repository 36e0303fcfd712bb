//! Whether what was built can be loaded, tried with real objects in a process of its own: a cache may be
//! whole, writable and roomy, and still be mounted so that no code in it may run. It builds nothing.

use std::path::{Path, PathBuf};

use crate::ask::ask;
use ferrolab_engine::environment::loadable;
use ferrolab_system::limits;

/// Why objects cannot be loaded.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) detail: String,
    pub(super) advice: String,
}

/// Load shared objects in this order, as a runner does.
pub(super) fn all(exe: &Path, objects: &[PathBuf]) -> Result<(), Failure> {
    let paths: Vec<String> = objects.iter().map(|path| path.display().to_string()).collect();
    let mut arguments = vec!["probe", "--"];
    arguments.extend(paths.iter().map(String::as_str));
    let said = match ask(exe, &arguments) {
        Some(answer) if answer.success => return Ok(()),
        Some(answer) if answer.text.is_empty() => "the process that loads it was ended".to_owned(),
        Some(answer) => answer.text.trim_start_matches("ferrolab probe: ").to_owned(),
        None => format!("{} did not end", exe.display()),
    };
    if let Some(refusal) = objects.iter().find_map(|path| loadable::refusal(path.parent()?)) {
        return Err(Failure { detail: refusal.message, advice: refusal.help });
    }
    let advice = limits::explain(&said).unwrap_or_else(|| "run `ferrolab install` to build it anew".to_owned());
    Err(Failure { detail: said, advice })
}
