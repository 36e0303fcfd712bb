//! `ferrolab doctor`: is everything there that the kernel needs, and if not, how to get it. It looks
//! and reports; it mends nothing.

mod evcxr;
mod jupyter;
mod load;
mod remedy;
mod site;
mod surroundings;
mod system;
pub mod threads;
mod toolchain;

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use ferrolab_engine::environment::{Site, Toolchain};
use ferrolab_system::limits;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// As it should be.
    Ok,
    /// It works, but not as well as it could.
    Warn,
    /// The kernel cannot run cells like this.
    Fail,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What, in a word or two.
    pub name: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was found.
    pub detail: String,
    /// What to do; only when not ok.
    pub advice: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into(), advice: None }
    }

    fn bad(status: Status, name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, status, detail: detail.into(), advice: Some(advice.into()) }
    }

    fn warn(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::bad(Status::Warn, name, detail, advice)
    }

    fn fail(name: &'static str, detail: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::bad(Status::Fail, name, detail, advice)
    }
}

/// What the engine says of its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Environment {
    /// Built; where, and for what.
    Ready {
        /// Its directory.
        path: PathBuf,
        /// Toolchain, size or age, as the engine wants it shown.
        detail: String,
        /// What a runner loads before the first cell, in order.
        libraries: Vec<PathBuf>,
        /// What it was to have and has not, in sentences.
        lacks: Vec<String>,
    },
    /// Not built yet.
    Missing,
    /// There, but unusable.
    Broken {
        /// Why, as a sentence.
        reason: String,
        /// What to do, when that is known.
        advice: Option<String>,
    },
}

/// What `doctor` needs to know from its caller.
#[derive(Debug, Clone)]
pub struct DoctorOptions {
    /// Print JSON.
    pub json: bool,
    /// This executable.
    pub exe: PathBuf,
    /// The toolchain that the engine uses; `None` when it found none.
    pub toolchain: Option<Toolchain>,
    /// The cache directory the engine uses, existing or not.
    pub cache: PathBuf,
    /// The site layers that this program's kernelspec and the environment name.
    pub sites: Vec<Site>,
}

/// Looks at everything, prints it, and returns status 1 when a check failed.
pub fn doctor(options: &DoctorOptions, environment: impl FnOnce() -> Environment) -> ExitCode {
    let mut checks = toolchain::checks(options);
    checks.extend(site::checks(&options.sites));
    checks.push(environment_check(environment(), &options.exe));
    let low: Vec<String> = limits::low().into_iter().map(|(_, said)| said).collect();
    for check in checks.iter_mut().filter(|check| check.status == Status::Fail && !low.is_empty()) {
        // A tool that cannot map its files says all kinds of things.
        let advice = check.advice.take().unwrap_or_default();
        check.advice = Some(format!("{advice}\nit may fail for want of what is low here: {}", low.join(", ")));
    }
    checks.extend(system::checks(&options.cache));
    checks.extend(surroundings::checks());
    checks.extend(jupyter::checks(&options.exe));
    report(&checks, options.json)
}

/// Says what there is of evcxr on this machine, and how to carry it over.
pub fn evcxr(json: bool) -> ExitCode {
    report(&evcxr::checks(), json)
}

fn report(checks: &[Check], json: bool) -> ExitCode {
    let text = if json { format!("{:#}\n", as_json(checks)) } else { as_text(checks, io::stdout().is_terminal()) };
    // A reader that went away (`doctor | head`) does not change the verdict.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    if worst(checks) == Status::Fail { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn environment_check(environment: Environment, exe: &Path) -> Check {
    const NAME: &str = "environment";
    match environment {
        Environment::Ready { path, detail, libraries, lacks } => match load::all(exe, &libraries) {
            Ok(()) if !lacks.is_empty() => {
                let detail = format!("{detail}, in {}: {}", path.display(), lacks.join("; "));
                Check::warn(NAME, detail, "remove that folder, and run `ferrolab install` to build it anew")
            }
            Ok(()) => Check::ok(NAME, format!("{detail}, in {}", path.display())),
            Err(failure) => Check::fail(NAME, failure.detail, failure.advice),
        },
        Environment::Missing => {
            Check::warn(NAME, "not built yet", "run `ferrolab install`, or let the first kernel build it")
        }
        Environment::Broken { reason, advice } => {
            Check::fail(NAME, reason, advice.as_deref().unwrap_or("run `ferrolab install` to build it anew"))
        }
    }
}

fn worst(checks: &[Check]) -> Status {
    let statuses = checks.iter().map(|check| check.status);
    statuses.max().unwrap_or(Status::Ok)
}

fn as_json(checks: &[Check]) -> Value {
    let list: Vec<Value> = checks
        .iter()
        .map(|check| {
            json!({
                "name": check.name,
                "status": check.status.word(),
                "detail": check.detail,
                "advice": check.advice,
            })
        })
        .collect();
    json!({ "status": worst(checks).word(), "checks": list })
}

fn as_text(checks: &[Check], colours: bool) -> String {
    let mut text = String::new();
    for check in checks {
        let (on, off) = match check.status {
            _ if !colours => ("", ""),
            Status::Ok => ("\x1b[32m", "\x1b[0m"),
            Status::Warn => ("\x1b[33m", "\x1b[0m"),
            Status::Fail => ("\x1b[1;31m", "\x1b[0m"),
        };
        let word = check.status.word();
        text += &format!("{on}{word:<4}{off}  {:<13} {}\n", check.name, check.detail);
        for line in check.advice.iter().flat_map(|advice| advice.lines()) {
            text += &format!("{:20}→ {line}\n", "");
        }
    }
    let count = |status| checks.iter().filter(|c| c.status == status).count();
    text += &match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => "everything is as it should be\n".to_owned(),
        (0, warnings) => format!("ready; {warnings} to look at\n"),
        (failures, _) => format!("not ready: {failures} to mend first\n"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_say_what_to_do() {
        let checks = [Check::ok("a", "fine"), Check::fail("b", "gone", "get it\nsoon")];
        let text = as_text(&checks, false);
        assert!(text.contains("ok    a             fine\n"), "{text}");
        assert!(text.contains("→ get it\n") && text.contains("→ soon\n"), "{text}");
        assert!(text.ends_with("not ready: 1 to mend first\n"), "{text}");
        let report = as_json(&checks);
        assert_eq!(report["status"], "fail");
        assert_eq!(report["checks"][0]["advice"], Value::Null);
    }

    #[test]
    fn an_environment_not_built_is_no_failure() {
        assert_eq!(environment_check(Environment::Missing, Path::new("ferrolab")).status, Status::Warn);
    }
}
