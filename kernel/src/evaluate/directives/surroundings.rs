//! What surrounds cells and builds: environment variables, the network, the toolchain, versions.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use super::definition::{Definition, Done, Engines, Form, on_off, say, wrong};
use crate::evaluate::DirectEvaluator;
use ferrolab_base::frame::Command;
use ferrolab_jupyter::session::evaluator::{CellError, Sink, Stream};

pub(super) const ENV: Definition = Definition {
    names: &["env"],
    usage: ":env NAME=VALUE",
    help: "Set an environment variable for cells.",
    engines: Engines::Evcxr(&["env"]),
    form: Form::Line(DirectEvaluator::on_env),
};

pub(super) const BUILD_ENV: Definition = Definition {
    names: &["build_env", "build-env"],
    usage: ":build_env NAME=VALUE",
    help: "Set an environment variable for building dependencies.",
    engines: Engines::Evcxr(&["build_env"]),
    form: Form::Line(DirectEvaluator::on_build_env),
};

pub(super) const TOOLCHAIN: Definition = Definition {
    names: &["toolchain"],
    usage: ":toolchain",
    help: "Show the Rust toolchain that compiles cells.",
    engines: Engines::Evcxr(&["toolchain"]),
    form: Form::Line(DirectEvaluator::on_toolchain),
};

pub(super) const OFFLINE: Definition = Definition {
    names: &["offline"],
    usage: ":offline on|off",
    help: "Never use the network for dependencies.",
    engines: Engines::Evcxr(&["offline"]),
    form: Form::Line(DirectEvaluator::on_offline),
};

pub(super) const VERSION: Definition = Definition {
    names: &["version"],
    usage: ":version",
    help: "Show the versions of Ferrolab and rustc.",
    engines: Engines::Every,
    form: Form::Alone(DirectEvaluator::on_version),
};

pub(super) const ENGINE: Definition = Definition {
    names: &["engine"],
    usage: ":engine",
    help: "Show which engine runs cells.",
    engines: Engines::Every,
    form: Form::Alone(DirectEvaluator::on_engine),
};

impl DirectEvaluator {
    fn on_env(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let (key, value) = assignment(rest, "env")?;
        self.settings.environment.retain(|(k, _)| *k != key);
        self.settings.environment.push((key.clone(), value.clone()));
        let set = format!("{key}={value}");
        if let Some(live) = &mut self.live {
            live.tell(&Command::SetEnv { key, value }).map_err(|e| wrong(&e.to_string()))?;
        }
        self.confirm(sink, &set)
    }

    fn on_build_env(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let (key, value) = assignment(rest, "build_env")?;
        let set = format!("{key}={value} for builds");
        // SAFETY: the kernel's other threads read the environment through std only, which locks.
        unsafe { std::env::set_var(key, value) };
        self.confirm(sink, &set)
    }

    /// `:toolchain`, and the name of the one that is used already.
    fn on_toolchain(&mut self, name: &str, sink: &Arc<dyn Sink>) -> Done {
        let engine = &self.ready(sink)?.engine;
        let toolchain = &engine.environment().toolchain;
        // evcxr notebooks name the one they were written with, which often is the one there is.
        let other = !name.is_empty() && sysroot_of(name).is_none_or(|at| toolchain.sysroot != at);
        if other && is_channel(name) {
            sink.stream(
                Stream::Stderr,
                &format!(
                    "note: the toolchain is chosen when the kernel starts (`ferrolab install --env RUSTUP_TOOLCHAIN={name}`); \
                     cells go on with the one below, which accepts unstable features in cells\n"
                ),
            );
        } else if other {
            return Err(wrong(&format!(
                "the toolchain is chosen when the kernel starts, and `{name}` is not the one in use: set RUSTUP_TOOLCHAIN={name} in the kernelspec (`ferrolab install --env RUSTUP_TOOLCHAIN={name}`) or put a rust-toolchain.toml beside the notebook, then restart the kernel"
            )));
        }
        say(sink, &format!("{}\nsysroot: {}\n", toolchain.version_text.trim(), toolchain.sysroot.display()))
    }

    fn on_offline(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        let on = on_off(if rest.is_empty() { "on" } else { rest }, "offline")?;
        self.settings.offline = Some(on);
        self.confirm(sink, if on { "offline: on" } else { "offline: off" })
    }

    fn on_version(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let rustc = self.engine().map_or("not found yet", |e| e.environment().toolchain.release.as_str());
        say(sink, &format!("ferrolab {}, rustc {rustc}\n", env!("CARGO_PKG_VERSION")))
    }

    fn on_engine(&mut self, sink: &Arc<dyn Sink>) -> Done {
        say(sink, "direct: one rustc run per cell\n")
    }
}

fn assignment(text: &str, name: &str) -> Result<(String, String), CellError> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !key.contains('\0') && !value.contains('\0') => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(wrong(&format!(":{name} takes NAME=VALUE"))),
    }
}

/// Whether a name means the newest toolchain of a channel, which notebooks ask for because of features
/// that were unstable once; a version or a date is meant as it is.
fn is_channel(name: &str) -> bool {
    ["stable", "beta", "nightly"].contains(&name)
}

/// Where rustup has a toolchain of this name; nothing is installed to find out.
fn sysroot_of(name: &str) -> Option<PathBuf> {
    let mut rustup = std::process::Command::new("rustup");
    rustup.args(["which", "--toolchain", name, "rustc"]).env("RUSTUP_AUTO_INSTALL", "0");
    let output = rustup.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    let rustc = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Path::new(&rustc).parent()?.parent().map(Path::to_path_buf)
}
