//! The `ferrolab` program: one binary that is the Jupyter kernel, the runner it starts, and the
//! command line. This file only parses the verb and hands it to its room.

mod ask;
pub mod assist;
pub mod cached;
pub mod cli;
pub mod convert;
pub mod doctor;
pub mod evaluate;
#[cfg(feature = "evcxr")]
pub mod evcxr;
pub mod install;
pub mod output;
pub mod pack;
pub mod percent;
pub mod run;
pub mod runner;
pub mod serve;
mod walltime;
pub mod warm;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Verb};
use ferrolab_engine::environment::once;
use ferrolab_system::limits;

fn main() -> ExitCode {
    limits::let_writes_fail();
    // SAFETY: the first thing this process does; it has no other thread.
    unsafe { ferrolab_system::path::complete() };
    // As rustc's wrapper, which `:cache` of evcxr makes of this program, it does not come back.
    #[cfg(feature = "evcxr")]
    if std::env::var_os("EVCXR_RUSTC_WRAPPER").is_some() {
        ::evcxr::runtime_hook();
    }
    if let Some(code) = once::entered() {
        return code;
    }
    if let Ok(program) = executable() {
        once::enable(program);
    }
    match Cli::parse().verb {
        Verb::Kernel(args) => serve::kernel(&args),
        Verb::Runner(args) => runner(&args.rest),
        Verb::Probe(args) => ended("probe", runner::guest::probe(&args.rest)),
        #[cfg(feature = "evcxr")]
        Verb::EvcxrGuest(args) => ended("evcxr-guest", crate::evcxr::guest::serve(&args.rest)),
        Verb::Run(args) => serve::run(&args),
        Verb::Watch(args) => serve::watch(&args),
        Verb::Mcp(args) => assist::serve(&args),
        Verb::Assist(args) => assist::init(&args),
        Verb::Convert(args) => convert::convert(&convert::ConvertOptions::from_args(&args)),
        Verb::Install(args) => serve::install(args),
        Verb::Uninstall(args) => {
            let place = install::KernelsDirectory::from_args(&args.place);
            install::uninstall(&install::UninstallOptions { place, name: args.name })
        }
        Verb::Doctor(args) if args.evcxr => doctor::evcxr(args.json),
        Verb::Doctor(args) => serve::doctor(args.json),
        Verb::Warm(args) => serve::warm(args),
        Verb::Pack(args) => serve::pack(args),
        Verb::Stage(args) => serve::stage(&args),
        Verb::Crates(args) => serve::crates(&args),
        Verb::Script(args) => serve::script(args.name),
        Verb::Cache(args) => match cached::run(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(message) => {
                eprintln!("ferrolab: {message}");
                ExitCode::FAILURE
            }
        },
    }
}

fn runner(arguments: &[OsString]) -> ExitCode {
    ended("runner", runner::guest::Start::parse(arguments).and_then(|start| runner::guest::serve(&start)))
}

fn ended(verb: &str, result: Result<i32, String>) -> ExitCode {
    match result {
        Ok(code) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(message) => {
            eprintln!("ferrolab {verb}: {message}");
            ExitCode::FAILURE
        }
    }
}

/// This executable, for starting the runner and for the kernelspec.
///
/// # Errors
/// When the system does not tell.
pub fn executable() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|e| format!("cannot find my own executable: {e}"))
}
