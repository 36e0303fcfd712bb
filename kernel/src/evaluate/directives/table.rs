//! The directives there are: names, other spellings, and help. One table for `:help`, completion
//! and the message that an unknown name gets.

use ferrolab_engine::insight;

/// A directive's names (the first is the one we use) and its help.
pub(super) struct Entry {
    pub(super) names: &'static [&'static str],
    pub(super) usage: &'static str,
    pub(super) help: &'static str,
}

const fn entry(names: &'static [&'static str], usage: &'static str, help: &'static str) -> Entry {
    Entry { names, usage, help }
}

/// All directives that start a line with `:` or `%`.
pub(super) const DIRECTIVES: &[Entry] = &[
    entry(
        &["dep"],
        ":dep rand = \"0.9\"",
        "Add a dependency, as in Cargo.toml: `:dep name`, `:dep name = \"1\"`, `:dep name = { version = \"1\", features = [\"x\"] }`, `path = \"…\"`, `git = \"…\"`. Several lines are built together, and a table may go on over several lines.",
    ),
    entry(&["%%dep"], "%%dep", "Add the dependencies below, written as in a Cargo.toml."),
    entry(&["vars"], ":vars", "List the variables with their types and sizes."),
    entry(&["type", "t"], ":t EXPRESSION", "Show the type of an expression without running it."),
    entry(&["items"], ":items", "List the items that cells have defined."),
    entry(&["clear"], ":clear", "Forget all variables and items; dependencies stay."),
    entry(&["undo"], ":undo", "Take back the last cell: variables and items are as they were before it."),
    entry(&["opt"], ":opt 0|1|2|3|s|z", "Set the optimisation level of later cells; alone, switch between 3 and 0."),
    entry(&["checks"], ":checks on|off", "Overflow checks and debug assertions in later cells."),
    entry(
        &["edition"],
        ":edition 2015|2018|2021|2024",
        "The edition that later cells are compiled with; items that are there keep theirs. Alone, say which. A cell that is wrong in 2024 only is compiled with 2021 by itself.",
    ),
    entry(
        &["target-cpu", "target_cpu"],
        ":target-cpu native",
        "The processor that helpers, dependencies, items and cells are compiled for, by rustc's name: `x86-64-v3` for a cluster of different machines. Restarts the runner.",
    ),
    entry(
        &["threads"],
        ":threads N",
        "Use N threads for parallel work from now on, also that of dependencies that call rayon; alone, say how many, and who decided.",
    ),
    entry(
        &["timing"],
        ":timing [on|off]",
        "Show after each cell what it took: time to compile and to run, CPU time, cores used of those granted, peak memory, allocations; again to stop.",
    ),
    entry(
        &["attach"],
        ":attach",
        "Show what the running cell puts out, without waiting for it, or what the last one put out: after a page was reloaded. A cell of its own.",
    ),
    entry(
        &["snapshots", "snapshot"],
        ":snapshots on|off|all",
        "Take a snapshot before each cell, so that a cell that fails changes nothing; `all`: large vectors of numbers too, which makes writing to them slow.",
    ),
    entry(
        &["restore"],
        ":restore auto|always|never",
        "What a panic, an error or a heeded interrupt leads to: the snapshot takes over, unless threads or children of earlier cells live and would be lost (auto); always; never.",
    ),
    entry(&["env"], ":env NAME=VALUE", "Set an environment variable for cells."),
    entry(
        &["build_env", "build-env"],
        ":build_env NAME=VALUE",
        "Set an environment variable for building dependencies.",
    ),
    entry(&["toolchain"], ":toolchain", "Show the Rust toolchain that compiles cells."),
    entry(&["offline"], ":offline on|off", "Never use the network for dependencies."),
    entry(&["explain"], ":explain E0308", "Explain an error code; alone, that of the last error."),
    entry(&["version"], ":version", "Show the versions of Ferrolab and rustc."),
    entry(&["engine"], ":engine", "Show which engine runs cells."),
    entry(&["show_deps", "show-deps"], ":show_deps", "List the dependencies that `:dep` added."),
    entry(&["doc"], ":doc NAME", "Describe a name, as `?NAME` does."),
    entry(&["restart"], ":restart", "Start the runner anew: variables go, items and dependencies stay."),
    entry(
        &["fmt"],
        ":fmt {:#?}",
        "Write trailing expressions with this format string; alone, or with {:?}, as usual. Values that cannot be written so are shown as usual.",
    ),
    entry(&["types"], ":types", "Show the type before the value of a trailing expression; again to stop."),
    entry(&["efmt"], ":efmt {:?}", "Show errors of `?` with `{:?}`; with `{}`, their text and causes (the usual)."),
    entry(
        &["load_config", "load-config"],
        ":load_config [--quiet]",
        "Run evcxr's start-up files again: evcxr.toml, or init.evcxr and prelude.rs of its configuration directory.",
    ),
    entry(&["help", "h"], ":help [NAME]", "Show this list, or the help of one directive."),
    entry(&["quit", "exit", "q"], ":quit", "End the session."),
    entry(&["!"], "!COMMAND", "Run a shell command; its output is streamed."),
    entry(
        &["?"],
        "?NAME",
        "Describe a variable, an item or a name of the standard library; `??NAME` shows the source.",
    ),
    entry(&["%%time"], "%%time", "Show what this cell took, as `:timing on` does after every cell."),
    entry(
        &["%%timeit"],
        "%%timeit [-n LOOPS] [-r BATCHES]",
        "Measure how long the lines below take: they run many times, in a closure. Variables they change stay changed, bindings stay inside. Text and a figure of the distribution are shown.",
    ),
    entry(
        &["timeit"],
        "%timeit [-n LOOPS] [-r BATCHES] EXPRESSION",
        "Measure how long one expression takes, before the other code of the cell.",
    ),
    entry(
        &["%%scaling"],
        "%%scaling [1,2,4]",
        "Run the lines below on each number of threads (else 1, 2, 4… up to those granted); show speed-up, efficiency and the serial fraction by Amdahl's law.",
    ),
    entry(
        &["%%bench"],
        "%%bench NAME OTHER(1000)",
        "Compare two or more functions, closures or calls, of earlier cells or of this one, in turns; show the ratio of their times and its interval.",
    ),
    entry(&["%%writefile"], "%%writefile [-a] PATH", "Write the rest of the cell to a file (`-a` appends)."),
    entry(
        &["%%capture"],
        "%%capture [NAME]",
        "Run the cell without showing its output; with a name, keep what it printed in a String of that name.",
    ),
    entry(&["%%bash"], "%%bash", "Run the rest of the cell with bash, or with sh where there is no bash."),
    entry(&["%%sh"], "%%sh", "Run the rest of the cell with sh."),
];

/// Directives of evcxr that have nothing to do here, and why.
pub(super) const INERT: &[(&str, &str)] = &[
    ("sccache", "dependencies are cached across sessions already"),
    ("cache", "compiled dependencies and cells are cached already"),
    ("linker", "cells are linked by `ld` directly, or by Rust's own rust-lld where there is no ld"),
    ("preserve_vars_on_panic", "a cell that fails changes nothing, thanks to the snapshot before it (:snapshots)"),
    ("allow_static_linking", "dependencies are linked dynamically, so that their globals exist once"),
    ("codegen_backend", "cells are compiled by rustc's own backend"),
    (
        "clear_cache",
        "old entries are removed by themselves; to empty it, remove the cache directory (`ferrolab doctor` names it) while no kernel runs",
    ),
    ("time_passes", "use :timing"),
    (
        "internal_debug",
        "there is no debug log; `ferrolab doctor` checks the installation, :timing shows where time goes",
    ),
    ("last_compile_dir", "a cell is one rustc run without a directory of its own"),
    ("last_error_json", "errors are shown in full"),
    ("display_types", "types are shown by :vars and :t"),
    ("display_final_expression", "the trailing expression is always shown; end it with `;` to hide it"),
];

/// For completion and inspection.
pub fn help() -> Vec<insight::Directive> {
    let describe = |name: &str, e: &Entry| insight::Directive {
        name: name.to_owned(),
        help: format!("`{}`\n\n{}", e.usage, e.help),
    };
    DIRECTIVES.iter().flat_map(|e| e.names.iter().map(move |n| describe(n, e))).collect()
}

/// The entry of a name.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    DIRECTIVES.iter().find(|e| e.names.contains(&name))
}

/// What to say of a name that does not exist: the nearest first, then all.
pub(super) fn unknown(name: &str) -> String {
    let mut names: Vec<&str> = DIRECTIVES
        .iter()
        .flat_map(|e| e.names.iter().copied())
        .filter(|n| n.starts_with(|c: char| c.is_alphabetic()))
        .collect();
    names.sort_by_key(|n| (distance(name, n), *n));
    let nearest = names.first().copied().unwrap_or_default();
    format!(
        "there is no directive `{name}`; did you mean `:{nearest}`?\nThere are: {}. `:help` explains them.",
        names.iter().map(|n| format!(":{n}")).collect::<Vec<_>>().join(", ")
    )
}

/// The names in what `rustc --print target-cpus` prints.
pub(super) fn processors(listing: &str) -> impl Iterator<Item = &str> {
    // Headings are not indented; a name may be followed by a remark.
    let names = listing.lines().filter(|line| line.starts_with(' '));
    names.filter_map(|line| line.split_whitespace().next())
}

/// What to say of a processor that rustc does not know.
pub(super) fn unknown_processor(name: &str, mut known: Vec<&str>) -> String {
    let wanted = name.to_lowercase();
    known.sort_by_key(|n| (distance(&wanted, n), *n));
    let near: Vec<String> = known.iter().take(4).map(|n| format!("`{n}`")).collect();
    format!(
        "rustc knows no processor `{name}`; the nearest names are {}\n`!rustc --print target-cpus` lists all; `native` is this machine's.",
        near.join(", ")
    )
}

/// Edits from one word to another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut left = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = left + usize::from(from != *to);
            left = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(left + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        assert!(unknown("var").contains("did you mean `:vars`"));
        assert!(unknown("depp").contains("did you mean `:dep`"));
        let listing = "Available CPUs for this target:\n    native - Select the CPU of the current host (currently znver3).\n    znver4\n    znver5\n    haswell\n";
        let known: Vec<&str> = processors(listing).collect();
        assert_eq!(known, ["native", "znver4", "znver5", "haswell"]);
        assert!(unknown_processor("Zen4", known).contains("nearest names are `znver4`"));
        assert_eq!((distance("", "abc"), distance("kitten", "sitting")), (3, 3));
    }
}
