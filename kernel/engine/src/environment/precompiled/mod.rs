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
//! 0.28 s, and going through one took 2.3 times as long.
//!
//! What its author has forbidden to inline (`#[inline(never)]`) rustc takes from another crate without that option, and nothing
//! else. That a map grows and a vector is sorted elsewhere changes nothing about how fast it is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use super::cache::failed;
use super::cargo::{Tools, clean};
use super::error::EnvironmentError;

/// A text to compile.
struct Text {
    /// What follows `ferrolab_precompiled_` in its crate's name.
    name: &'static str,
    /// The crate it is for; none for the standard library.
    of: Option<&'static str>,
    /// Whoever uses that crate's generic functions writes one of these words.
    words: &'static [&'static str],
    source: &'static str,
    /// Items may take from it too.
    for_items: bool,
    /// All of its generic functions are for others, not only those that are never inlined.
    shares: bool,
}

const TEXTS: &[Text] = &[
    Text {
        name: "collections",
        of: None,
        words: &["HashMap", "HashSet", "BTreeSet", ".sort()", ".sort_unstable()"],
        source: include_str!("collections.rs"),
        for_items: true,
        shares: false,
    },
    Text {
        name: "plotters",
        of: Some("plotters"),
        words: &[
            "ChartBuilder",
            "ChartContext",
            "DrawingArea",
            "Backend",
            "evcxr_figure",
            "evcxr_bitmap_figure",
            "plot::figure",
        ],
        source: include_str!("figures.rs"),
        for_items: true,
        shares: true,
    },
    Text {
        name: "plotly",
        of: Some("plotly"),
        words: &["plotly"],
        source: include_str!("plotly.rs"),
        for_items: true,
        shares: true,
    },
    Text {
        name: "rayon",
        of: Some("rayon"),
        words: &["par_iter", "par_chunks", "par_sort", "par_bridge", "par_extend", "rayon::join", "rayon::scope"],
        source: include_str!("loops.rs"),
        for_items: false,
        shares: true,
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
    /// rustc is told to take all generic functions that are there.
    pub(super) shares: bool,
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

    /// What rustc is told, so that it takes from it.
    pub fn rustc_arguments(&self) -> Vec<OsString> {
        let mut crate_ = OsString::from(format!("force:{}=", self.name));
        crate_.push(&self.metadata);
        let mut arguments = vec!["-Zunstable-options".into(), "--extern".into(), crate_];
        if self.shares {
            arguments.push("-Zshare-generics=y".into());
        }
        arguments
    }
}

/// A hash of what is compiled.
pub(super) fn hash() -> String {
    let add = |id: super::Identity, text: &Text| id.part(text.source).parts(text.words).part([u8::from(text.shares)]);
    TEXTS.iter().fold(super::Identity::default(), add).finish()
}

/// Where a crate is that may have texts.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    /// The name cells use.
    pub(super) name: &'a str,
    /// Its rlib.
    pub(super) rlib: &'a Path,
}

/// What came of a text.
pub(super) enum Outcome {
    /// What was compiled, and the rlib to put into the layer.
    Compiled { precompiled: Precompiled, rlib: PathBuf },
    /// It does not fit; a sentence for the user.
    LeftOut(String),
}

/// Compile what there is for a crate, or for the standard library. Metadata goes to `library`, rlibs to `scratch`.
///
/// # Errors
/// When files cannot be written or the build is cancelled. A text that does not fit the crate, say
/// because the user has asked for another version of it, is left out: cells then compile what they need
/// themselves.
pub(super) fn build(
    tools: &Tools<'_>,
    given: Option<Given<'_>>,
    search: &[PathBuf],
    library: &Path,
    scratch: &Path,
) -> Result<Vec<Outcome>, EnvironmentError> {
    let texts = TEXTS.iter().filter(|text| text.of == given.map(|given| given.name));
    texts.map(|text| build_one(tools, text, given, search, library, scratch)).collect()
}

fn build_one(
    tools: &Tools<'_>,
    text: &Text,
    given: Option<Given<'_>>,
    search: &[PathBuf],
    library: &Path,
    scratch: &Path,
) -> Result<Outcome, EnvironmentError> {
    let name = format!("ferrolab_precompiled_{}", text.name);
    let source = scratch.join(format!("{name}.rs"));
    std::fs::write(&source, text.source).map_err(|e| failed("write", &source, &e))?;
    let (metadata, rlib) = (library.join(format!("lib{name}.rmeta")), scratch.join(format!("lib{name}.rlib")));
    let mut command = Command::new(&tools.toolchain.rustc);
    clean(&mut command);
    // With outputs in two folders rustc's temporary files go to the current one, which may not be writable.
    command.current_dir(scratch);
    // The unstable option is for this process alone, as with cells; dependencies never see it.
    command.env("RUSTC_BOOTSTRAP", "1");
    if text.shares {
        command.arg("-Zshare-generics=y");
    }
    command.args(["--crate-type", "rlib", "--edition", "2024", "--crate-name", &name, "--cap-lints", "allow"]);
    command.args(["-C", "opt-level=3", "-C", "embed-bitcode=no"]);
    // A thread for each unit, which no jobserver counts here.
    command.arg(format!("-Ccodegen-units={}", tools.jobs.unwrap_or(4).clamp(1, 4)));
    command.args(&tools.rustflags).arg(&source);
    let mut emit = OsString::from("--emit=metadata=");
    emit.push(&metadata);
    emit.push(",link=");
    emit.push(&rlib);
    command.arg(emit);
    if let Some(given) = given {
        command.arg("--extern").arg(super::layer::assignment(given.name, given.rlib));
    }
    for path in search {
        command.arg("-L").arg(super::layer::assignment("dependency", path));
    }
    let finished = tools.run(command, &mut |_| {})?;
    std::fs::remove_file(&source).map_err(|e| failed("remove", &source, &e))?;
    if finished.success {
        let words = text.words.iter().map(|word| (*word).to_owned()).collect();
        let precompiled = Precompiled { words, for_items: text.for_items, shares: text.shares, name, metadata };
        return Ok(Outcome::Compiled { precompiled, rlib });
    }
    drop(std::fs::remove_file(&metadata));
    let of = text.of.unwrap_or("the standard library");
    let first = finished.errors.iter().find(|line| line.starts_with("error")).or(finished.errors.first());
    let why = first.map_or("rustc was ended", String::as_str);
    Ok(Outcome::LeftOut(format!("cells compile generic code of {of} themselves, which takes longer: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(of: &str) -> Precompiled {
        let text = TEXTS.iter().find(|text| text.name == of).expect("a text");
        let words = text.words.iter().map(|word| (*word).to_owned()).collect();
        let metadata = PathBuf::from("/lib/of.rmeta");
        Precompiled { words, for_items: text.for_items, shares: text.shares, name: of.to_owned(), metadata }
    }

    #[test]
    fn cells_take_what_they_name() {
        let names = |text: &str, items| {
            let of = TEXTS.iter().map(|text| text.name).filter(|of| made(of).serves(text, items));
            of.collect::<Vec<_>>()
        };
        assert_eq!(names("let m: HashMap<u8, u8> = x;", false), ["collections"]);
        assert_eq!(names("v.sort_unstable(); v.par_iter()", false), ["collections", "rayon"]);
        assert_eq!(names("v.sort_unstable(); v.par_iter()", true), ["collections"]);
        assert_eq!(names("ChartBuilder::on(&root)", true), ["plotters"]);
        assert_eq!(names("use plotly::Plot;", false), ["plotly"]);
        assert!(names("v.iter().sum::<f64>() + a.dot(&b)", false).is_empty());
        // Its comparison is the cell's own, and so is all of the sort.
        assert!(names("v.sort_by(|a, b| b.cmp(a))", false).is_empty());
    }

    #[test]
    fn only_what_is_never_inlined_is_taken_of_the_standard_library() {
        let arguments = |of| made(of).rustc_arguments();
        assert_eq!(arguments("collections"), ["-Zunstable-options", "--extern", "force:collections=/lib/of.rmeta"]);
        assert_eq!(arguments("plotters").last().expect("one"), "-Zshare-generics=y");
    }
}
