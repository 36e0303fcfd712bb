//! Directives that evcxr notebooks bring along: how values and errors are shown, the runner's restart,
//! the toolchain, evcxr's configuration, and explanations of errors.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use super::act::{Done, bundle, say, wrong};
use crate::evaluate::{Lab, answers};
use ferrolab_engine::edition::Edition;
use ferrolab_engine::insight;
use ferrolab_jupyter::session::evaluator::{Sink, Stream};

/// Formats that `:efmt` takes; the first is the usual one.
const ERROR_FORMATS: [&str; 3] = ["{}", "{:?}", "{:#?}"];

impl Lab {
    /// `:fmt {:#?}`: how trailing expressions are written.
    pub(super) fn on_fmt(&mut self, format: &str, sink: &Arc<dyn Sink>) -> Done {
        let format = format.trim_matches('"');
        check_format(format).map_err(|text| wrong(&text))?;
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let usual = format.is_empty() || format == "{:?}";
        engine.showing().format = (!usual).then(|| format.to_owned());
        say(sink, &format!("output format: {}\n", if usual { "{:?}" } else { format }))
    }

    /// `:types`: the type before the value, again to stop.
    pub(super) fn on_types(&mut self, sink: &Arc<dyn Sink>) -> Done {
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Ok(()) };
        let showing = engine.showing();
        showing.types = !showing.types;
        let on = if showing.types { "on" } else { "off" };
        say(sink, &format!("types: {on}\n"))
    }

    /// `:efmt {:?}`: how errors of `?` are written.
    pub(super) fn on_efmt(&mut self, format: &str, sink: &Arc<dyn Sink>) -> Done {
        let format = format.trim_matches('"');
        if !format.is_empty() && !ERROR_FORMATS.contains(&format) {
            return Err(wrong(":efmt takes {} or {:?}; `{}` shows an error's text and its causes"));
        }
        self.ready(sink)?;
        let Some(engine) = &mut self.engine else { return Ok(()) };
        if !format.is_empty() {
            engine.showing().debug_errors = format != "{}";
        }
        let shown = if engine.showing().debug_errors { "{:?}" } else { "{}" };
        say(sink, &format!("error format: {shown}\n"))
    }

    /// `:edition 2021`: what later cells are compiled with.
    pub(super) fn on_edition(&mut self, word: &str, sink: &Arc<dyn Sink>) -> Done {
        if !word.is_empty() {
            let Some(edition) = Edition::of(word) else {
                return Err(wrong(&format!(":edition takes 2015, 2018, 2021 or 2024, and got `{word}`")));
            };
            self.options.edition = edition;
            if let Some(engine) = &mut self.engine {
                engine.set_edition(edition);
            }
        }
        let edition = format!("edition: {}", self.options.edition.word());
        if word.is_empty() { say(sink, &format!("{edition}\n")) } else { self.confirm(sink, &edition) }
    }

    /// `:restart`: a new runner; items and dependencies stay, variables go.
    pub(super) fn on_restart(&mut self, sink: &Arc<dyn Sink>) -> Done {
        let lost = self.engine.as_mut().map(ferrolab_engine::Engine::clear_variables).unwrap_or_default();
        self.start_runner()?;
        let lost = if lost.is_empty() { String::new() } else { format!("; variables are gone: {}", lost.join(", ")) };
        say(sink, &format!("the runner was restarted{lost}\n"))
    }

    /// `:load_config [--quiet]`: evcxr's start-up files, again.
    pub(super) fn on_load_config(&mut self, rest: &str, sink: &Arc<dyn Sink>) -> Done {
        if !matches!(rest, "" | "--quiet") {
            return Err(wrong(":load_config takes nothing, or --quiet"));
        }
        self.load_configuration(rest.is_empty(), sink)
    }

    /// `:toolchain`, and the name of the one that is used already.
    pub(super) fn on_toolchain(&mut self, name: &str, sink: &Arc<dyn Sink>) -> Done {
        self.ready(sink)?;
        let Some(engine) = &self.engine else { return Ok(()) };
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

    /// `:doc NAME`: like `?NAME`, but what is not known is no error, as in evcxr.
    pub(super) fn on_doc(&mut self, name: &str, sink: &Arc<dyn Sink>) -> Done {
        if name.is_empty() {
            return Err(wrong(":doc needs a name: `:doc Vec`"));
        }
        let names = answers::names(self.engine.as_ref());
        if insight::inspect(&names, name, name.chars().count(), 0).is_some() {
            return self.on_describe(name, false, sink);
        }
        let krate = name.split("::").next().unwrap_or(name).replace('-', "_");
        let externs = self.engine.iter().flat_map(|engine| &engine.environment().externs);
        let place = match externs.map(|(there, _)| there.replace('-', "_")).find(|there| *there == krate) {
            Some(found) => format!("its crate's documentation is at https://docs.rs/{found}"),
            None => {
                "the standard library's is at https://doc.rust-lang.org/std, crates' are at https://docs.rs".to_owned()
            }
        };
        say(sink, &format!("no documentation of `{name}` is known here; {place}\n"))
    }

    /// `:explain E0308`, or the code of the last error.
    pub(super) fn on_explain(&mut self, code: &str, sink: &Arc<dyn Sink>) -> Done {
        self.ready(sink)?;
        let Some(engine) = &self.engine else { return Ok(()) };
        let code = match (code, &self.desk.last_error) {
            ("", Some(last)) => last.as_str(),
            ("", None) => {
                return Err(wrong("there is no last error with a code to explain; name one: `:explain E0308`"));
            }
            (code, _) => code,
        };
        let output = Command::new(&engine.environment().toolchain.rustc).args(["--explain", code]).output();
        match output {
            Ok(output) if output.status.success() => {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                sink.display(bundle(&[("text/plain", &text), ("text/markdown", &text)]));
                Ok(())
            }
            _ => Err(wrong(&format!("`{code}` is not an error code of rustc; they look like E0308"))),
        }
    }
}

/// Whether a name means the newest toolchain of a channel, which notebooks ask for because of features
/// that were unstable once; a version or a date is meant as it is.
fn is_channel(name: &str) -> bool {
    ["stable", "beta", "nightly"].contains(&name)
}

/// Where rustup has a toolchain of this name; nothing is installed to find out.
fn sysroot_of(name: &str) -> Option<PathBuf> {
    let mut rustup = Command::new("rustup");
    rustup.args(["which", "--toolchain", name, "rustc"]).env("RUSTUP_AUTO_INSTALL", "0");
    let output = rustup.stdin(Stdio::null()).output().ok().filter(|output| output.status.success())?;
    let rustc = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Path::new(&rustc).parent()?.parent().map(Path::to_path_buf)
}

/// Whether a format string is text around one placeholder for one value.
fn check_format(format: &str) -> Result<(), String> {
    if format.is_empty() {
        return Ok(());
    }
    let plain = format.replace("{{", "").replace("}}", "");
    let inside = plain.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
    match inside {
        Some((spec, rest)) if !rest.contains(['{', '}']) && (spec.is_empty() || spec.starts_with(':')) => Ok(()),
        _ => Err(format!(
            "`{format}` is not a format with one placeholder, such as {{:?}}, {{}}, {{:#?}} or {{:.3}}; `:fmt` alone goes back to {{:?}}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::check_format;

    #[test]
    fn formats_have_one_placeholder() {
        for good in ["", "{}", "{:?}", "{:#?}", "{:.3}", "= {:>8} =", "{{{}}}"] {
            assert!(check_format(good).is_ok(), "{good}");
        }
        for bad in ["x", "{", "{}{}", "{name}", "}", "{0}"] {
            assert!(check_format(bad).is_err(), "{bad}");
        }
    }
}
