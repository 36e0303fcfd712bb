//! Generic code that many cells need, compiled once with the environment instead of with each
//! cell. What it is, is in `precompiled/*.rs`; when cells use it, decides whoever calls rustc.
//!
//! rustc can take a generic function from another crate that has compiled it already (`-Zshare-generics`).
//! cargo's crates do not offer theirs at opt-level 3, so one crate of ours does: it calls the functions
//! for the usual types and goes into the same layer. Measured: a figure of `plotters` takes
//! rustc 0.18 s instead of 1.2 s, a sum with rayon 0.20 s instead of 0.38 s.
//!
//! What is offered is called and not inlined, and so is all that it calls. So it must not be what runs for each item of
//! a loop. The standard library's maps were tried: a cell with a `HashMap` took rustc 0.10 s instead of
//! 0.28 s, and going through one took 2.3 times as long. They are compiled with their cells.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cache::failed;
use super::cargo::{Tools, clean};
use super::error::EnvironmentError;

/// A text to compile.
struct Text {
    /// The crate it is for.
    of: &'static str,
    /// Whoever uses that crate's generic functions writes one of these words.
    words: &'static [&'static str],
    source: &'static str,
    /// Items may take from it too.
    for_items: bool,
}

const TEXTS: &[Text] = &[
    Text {
        of: "plotters",
        words: &[
            "ChartBuilder",
            "ChartContext",
            "DrawingArea",
            "Backend",
            "evcxr_figure",
            "evcxr_bitmap_figure",
            "plot::figure",
        ],
        source: include_str!("precompiled/figures.rs"),
        for_items: true,
    },
    Text {
        of: "rayon",
        words: &["par_iter", "par_chunks", "par_sort", "par_bridge", "par_extend", "rayon::join", "rayon::scope"],
        source: include_str!("precompiled/loops.rs"),
        for_items: false,
    },
];

/// A crate with compiled code of another one's generic functions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precompiled {
    /// A cell without any of these words needs nothing of it, and is better compiled on its own: functions
    /// taken from elsewhere are not inlined.
    pub(super) words: Vec<String>,
    /// Whoever takes from it offers its own generic functions, too, which are then not inlined either. That
    /// is well for a figure; items, which cells call in their loops, are better off without.
    pub(super) for_items: bool,
    /// The crate that offers them.
    pub name: String,
    /// That crate's metadata.
    pub metadata: PathBuf,
}

impl Precompiled {
    /// May code with this text use it? `items`: the code is of items.
    pub fn serves(&self, text: &str, items: bool) -> bool {
        (self.for_items || !items) && self.words.iter().any(|word| text.contains(word))
    }
}

/// A hash of what is compiled.
pub(super) fn hash() -> String {
    TEXTS.iter().fold(super::Identity::default(), |id, text| id.part(text.source).parts(text.words)).finish()
}

/// Where a crate is that may have a text.
pub(super) struct Given<'a> {
    /// The name cells use.
    pub(super) name: &'a str,
    /// Its rlib.
    pub(super) rlib: &'a Path,
}

/// What was compiled, and the rlib to put into the layer.
pub(super) struct Made {
    pub(super) precompiled: Precompiled,
    pub(super) rlib: PathBuf,
}

/// Compile what there is for a crate. Metadata goes to `library`, the rlib to `scratch`.
///
/// # Errors
/// When files cannot be written or the build is cancelled. A text that does not fit the crate, say
/// because the user has asked for another version of it, is left out with a line in the log: cells then
/// compile what they need themselves.
pub(super) fn build(
    tools: &Tools<'_>,
    given: &Given<'_>,
    search: &[PathBuf],
    library: &Path,
    scratch: &Path,
) -> Result<Option<Made>, EnvironmentError> {
    let Some(Text { of, words, source: text, for_items }) = TEXTS.iter().find(|text| text.of == given.name) else {
        return Ok(None);
    };
    let name = format!("ferrolab_precompiled_{of}");
    let source = scratch.join(format!("{name}.rs"));
    std::fs::write(&source, text).map_err(|e| failed("write", &source, &e))?;
    let (metadata, rlib) = (library.join(format!("lib{name}.rmeta")), scratch.join(format!("lib{name}.rlib")));
    let mut command = Command::new(&tools.toolchain.rustc);
    clean(&mut command);
    // The unstable option is for this process alone, as with cells; dependencies never see it.
    command.env("RUSTC_BOOTSTRAP", "1").arg("-Zshare-generics=y");
    command.args(["--crate-type", "rlib", "--edition", "2024", "--crate-name", &name, "--cap-lints", "allow"]);
    command.args(["-C", "opt-level=3", "-C", "embed-bitcode=no", "-C", "codegen-units=4"]);
    command.args(&tools.rustflags).arg(&source);
    let mut emit = std::ffi::OsString::from("--emit=metadata=");
    emit.push(&metadata);
    emit.push(",link=");
    emit.push(&rlib);
    command.arg(emit).arg("--extern").arg(super::layer::assignment(of, given.rlib));
    for path in search {
        command.arg("-L").arg(super::layer::assignment("dependency", path));
    }
    let finished = tools.run(command, &mut |_| {})?;
    std::fs::remove_file(&source).map_err(|e| failed("remove", &source, &e))?;
    if finished.success {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        let precompiled = Precompiled { words, for_items: *for_items, name, metadata };
        return Ok(Some(Made { precompiled, rlib }));
    }
    eprintln!("cells compile generic code of {of} themselves: {}", finished.errors.join("\n"));
    drop(std::fs::remove_file(&metadata));
    Ok(None)
}
