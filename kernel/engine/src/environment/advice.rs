//! From what cargo and rustc print to what the user can do about it. It runs nothing.

use super::error::{EnvironmentError, EnvironmentFault};

/// How many lines of a failed build are worth showing.
const LINES: usize = 40;

/// Crates people ask for, so that a typo finds its name without a network.
const WELL_KNOWN: &[&str] = &[
    "ahash",
    "anyhow",
    "approx",
    "arrayvec",
    "arrow",
    "async-trait",
    "base64",
    "bincode",
    "bitflags",
    "blas-src",
    "bytemuck",
    "bytes",
    "chrono",
    "clap",
    "criterion",
    "crossbeam",
    "csv",
    "dashmap",
    "datafusion",
    "derive_more",
    "egobox",
    "either",
    "env_logger",
    "eyre",
    "faer",
    "fastrand",
    "flate2",
    "futures",
    "geo",
    "glam",
    "half",
    "hashbrown",
    "hdf5",
    "hdf5-metno",
    "heck",
    "hex",
    "image",
    "indexmap",
    "indicatif",
    "indoc",
    "itertools",
    "lazy_static",
    "libc",
    "linfa",
    "linfa-clustering",
    "log",
    "lru",
    "memmap2",
    "mpi",
    "nalgebra",
    "ndarray",
    "ndarray-linalg",
    "ndarray-npy",
    "ndarray-rand",
    "ndarray-stats",
    "netcdf",
    "nom",
    "num",
    "num-bigint",
    "num-complex",
    "num-traits",
    "num_cpus",
    "once_cell",
    "ordered-float",
    "parking_lot",
    "parquet",
    "petgraph",
    "plotly",
    "plotters",
    "polars",
    "postcard",
    "proptest",
    "quick-xml",
    "rand",
    "rand_chacha",
    "rand_distr",
    "rand_pcg",
    "rand_xoshiro",
    "rayon",
    "regex",
    "reqwest",
    "ron",
    "rstar",
    "rug",
    "rusqlite",
    "rustfft",
    "ryu",
    "scraper",
    "serde",
    "serde_json",
    "serde_yaml",
    "sha2",
    "smallvec",
    "smartcore",
    "sprs",
    "sqlx",
    "statrs",
    "strum",
    "syn",
    "tar",
    "tempfile",
    "thiserror",
    "time",
    "tokio",
    "toml",
    "tracing",
    "tracing-subscriber",
    "url",
    "uuid",
    "walkdir",
    "wide",
    "zip",
    "zstd",
];

/// The candidate nearest to a word, if one is near.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    let near = candidates.into_iter().map(|candidate| (distance(word, candidate), candidate));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// Edit distance in which `-` and `_` are the same letter.
fn distance(a: &str, b: &str) -> usize {
    let plain = |text: &str| text.to_lowercase().replace('_', "-").chars().collect::<Vec<_>>();
    let (a, b) = (plain(a), plain(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
    }
    row[b.len()]
}

/// The last lines of a build's output.
pub(super) fn shorten(lines: &[String]) -> String {
    let skipped = lines.len().saturating_sub(LINES);
    let shown = lines[skipped..].join("\n");
    match skipped {
        0 => shown,
        _ => format!("… {skipped} lines before this are left out\n{shown}"),
    }
}

/// True when cargo failed because it could not reach what it needed.
pub(super) fn is_offline(errors: &[String]) -> bool {
    const SIGNS: [&str; 9] = [
        "failed to download",
        "download of config.json failed",
        "Could not resolve host",
        "Couldn't resolve host",
        "Could not connect",
        "Couldn't connect",
        "Failed to connect",
        "Timeout was reached",
        "failed to fetch",
    ];
    is_forbidden(errors) || errors.iter().any(|line| SIGNS.iter().any(|sign| line.contains(sign)))
}

/// True when cargo did not even try to reach what it needed, because it was told not to.
fn is_forbidden(errors: &[String]) -> bool {
    const SIGNS: [&str; 3] = [
        "you may wish to retry without --offline",
        "attempting to make an HTTP request, but --offline was specified",
        "without the offline flag",
    ];
    errors.iter().any(|line| SIGNS.iter().any(|sign| line.contains(sign)))
}

/// Something that would have to come over the network, and why it did not.
fn absent(errors: &[String], why: &str, help: &str) -> EnvironmentError {
    let name = missing_name(errors);
    let what = name.map_or("a crate".to_owned(), |name| format!("`{name}`"));
    EnvironmentError::new(EnvironmentFault::Offline, format!("{what} is not on this machine, and the network is {why}"))
        .details(shorten(errors))
        .help(help)
}

/// Could cargo not write to its own home? A sentence, and what to do.
fn home_is_closed(errors: &[String]) -> Option<EnvironmentError> {
    let home = std::env::var_os("CARGO_HOME").filter(|value| !value.is_empty()).map(std::path::PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?;
    let shown = home.display().to_string();
    let closed = ["Read-only file system", "Permission denied", "os error 30", "os error 13"];
    let named = errors.iter().any(|line| line.contains(&shown));
    if !named || !errors.iter().any(|line| closed.iter().any(|sign| line.contains(sign))) {
        return None;
    }
    let what = format!("cargo cannot write to its home, {shown}");
    Some(EnvironmentError::new(EnvironmentFault::Cache, what).details(shorten(errors)).help(
        "set CARGO_HOME to a folder you can write to (for all sessions: `ferrolab install --env CARGO_HOME=DIR`)",
    ))
}

const ELSEWHERE: &str = "run the cell once where there is a network (a login node) with the same cache and ~/.cargo, or use vendored crates: `cargo vendor` and its lines in .cargo/config.toml beside the notebook";

/// Why resolving failed, in the user's terms. `features` lists what a package has, when asked.
pub(super) fn resolution(
    errors: &[String],
    offline: bool,
    features: &mut dyn FnMut(&str) -> Vec<String>,
) -> EnvironmentError {
    let text = errors.join("\n");
    let quoted = |line: &str, nth: usize| line.split('`').nth(2 * nth + 1).map(str::to_owned);
    let find = |sign: &str| errors.iter().find(|line| line.contains(sign));
    if let Some(closed) = home_is_closed(errors) {
        return closed;
    }
    let reached_out = is_offline(errors) && !is_forbidden(errors);
    if reached_out {
        return absent(errors, "out of reach", ELSEWHERE);
    }
    if offline || is_forbidden(errors) {
        let help = format!(
            "`:offline off` allows it, unless CARGO_NET_OFFLINE or cargo's configuration forbid it; or {ELSEWHERE}"
        );
        return absent(errors, "off", &help);
    }
    let searched = find("searched package name:").or_else(|| find("no matching package named"));
    if let Some(name) = searched.and_then(|line| quoted(line, 0)) {
        let perhaps = errors.iter().find_map(|line| line.trim().strip_prefix("perhaps you meant:")).map(str::trim);
        let near = perhaps.or_else(|| nearest(&name, WELL_KNOWN.iter().copied()));
        let error = EnvironmentError::new(EnvironmentFault::Dependency, format!("there is no crate `{name}`"));
        return match near {
            Some(near) => error.help(format!("did you mean `{near}`?  :dep {near}")),
            None => error.help("look for it on https://crates.io or https://lib.rs"),
        };
    }
    if let Some(line) = find("failed to select a version for the requirement") {
        let requirement = quoted(line, 0).unwrap_or_default();
        let versions =
            errors.iter().find_map(|line| line.trim().strip_prefix("candidate versions found which didn't match:"));
        let message = format!("no version fits `{requirement}`");
        let error = EnvironmentError::new(EnvironmentFault::Dependency, message);
        return match versions {
            Some(versions) => error.help(format!("versions there are: {}", versions.trim())),
            None => error.details(shorten(errors)),
        };
    }
    if let Some(line) = find("does not have that feature").or_else(|| find("does not have these features")) {
        let (package, feature) = (quoted(line, 1).unwrap_or_default(), quoted(line, 2).unwrap_or_default());
        return missing_feature(&package, &feature, features(&package), &text);
    }
    EnvironmentError::new(EnvironmentFault::Dependency, "cargo cannot put these dependencies together")
        .details(shorten(errors))
}

fn missing_feature(package: &str, feature: &str, mut has: Vec<String>, text: &str) -> EnvironmentError {
    has.sort();
    let error = EnvironmentError::new(EnvironmentFault::Dependency, format!("`{package}` has no feature `{feature}`"));
    if has.is_empty() {
        return error.details(text);
    }
    let list = format!("the features of `{package}` are {}", has.join(", "));
    match nearest(feature, has.iter().map(String::as_str)) {
        Some(near) => error.help(format!("did you mean `{near}`? {list}")),
        None => error.help(list),
    }
}

fn missing_name(errors: &[String]) -> Option<String> {
    let signs = [
        "failed to get `",
        "no matching package named `",
        "searched package name: `",
        "failed to download `",
        "unable to get packages from source: `",
    ];
    errors.iter().find_map(|line| {
        signs.iter().find_map(|sign| {
            let rest = &line[line.find(sign)? + sign.len()..];
            rest.split(['`', ' ']).next().map(str::to_owned)
        })
    })
}

/// Why building failed.
pub(super) fn build(errors: &[String]) -> EnvironmentError {
    if let Some(closed) = home_is_closed(errors) {
        return closed;
    }
    if is_offline(errors) {
        return absent(errors, "off or out of reach", ELSEWHERE);
    }
    let crates: Vec<&str> = errors
        .iter()
        .filter_map(|line| {
            let rest = line.strip_prefix("error: could not compile `");
            let rest = rest.or_else(|| line.strip_prefix("error: failed to run custom build command for `"));
            rest.and_then(|rest| rest.split('`').next())
        })
        .collect();
    let message = match crates.first() {
        _ if is_full(errors) => "the disk is full, or your quota is used up".to_owned(),
        Some(name) => format!("the crate `{name}` does not build here"),
        None => "cargo could not build the dependencies".to_owned(),
    };
    EnvironmentError::new(EnvironmentFault::Build, message).details(shorten(errors)).help(help_for_link(errors))
}

/// Does an error say that there was no room?
pub(super) fn says_full(error: &EnvironmentError) -> bool {
    error.message.contains("disk is full")
        || is_full(&[error.message.clone(), error.details.clone(), error.help.clone()])
}

/// Was there no room for what was built? Linkers and rustc write into mapped files, and are ended by a bus
/// error where those cannot grow.
fn is_full(errors: &[String]) -> bool {
    let signs = ["No space left on device", "Disk quota exceeded", "[Bus error]", "SIGBUS"];
    errors.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

/// Advice for failures that have a usual cause.
pub(super) fn help_for_link(errors: &[String]) -> String {
    let has = |sign: &str| errors.iter().any(|line| line.contains(sign));
    if let Some(limit) = ferrolab_system::limits::explain(&errors.join("\n")) {
        return limit;
    }
    if let Some(refusal) = super::loadable::explain(&errors.join("\n")) {
        return format!("{}; {}", refusal.message, refusal.help);
    }
    if has("linker `cc` not found") || has("is `cc` not installed") || has("failed to find tool") {
        return "a C compiler is needed to link: apt install gcc, dnf install gcc, or module load gcc".to_owned();
    }
    if is_full(errors) {
        let variable = super::cache::VARIABLE;
        return format!("the disk or quota is full: free some space, or set {variable} to a larger file system");
    }
    if has("unable to find library") || has("cannot find -l") {
        return "a C library is missing: install its development package, or load its module; many crates also have a feature (`bundled`, `static`, `vendored`) that builds it".to_owned();
    }
    if has("pkg-config") {
        return "a C library (or pkg-config) is missing: install its development package, or use the crate's `bundled` or `vendored` feature".to_owned();
    }
    if has("requires rustc") {
        return "the crate needs a newer Rust: rustup update stable, or ask for an older version".to_owned();
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_full_disk_is_named_however_it_ends_the_linker() {
        for sign in
            ["No space left on device (os error 28)", "collect2: fatal error: ld terminated with signal 7 [Bus error]"]
        {
            let error =
                build(&lines(&format!("error: linking with `cc` failed\n{sign}\nerror: could not compile `x`")));
            assert!(error.message.contains("disk is full"), "{error}");
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("serde_jsn", WELL_KNOWN.iter().copied()), Some("serde_json"));
        assert_eq!(nearest("numpy-for-rust", WELL_KNOWN.iter().copied()), None);
        assert_eq!(nearest("env-loger", WELL_KNOWN.iter().copied()), Some("env_logger"));
    }

    #[test]
    fn a_network_that_is_off_is_told_from_one_that_is_away() {
        let off = "error: no matching package named `itoa` found\nyou may wish to retry without --offline";
        for (text, offline, says) in [
            (off, true, "`itoa` is not on this machine, and the network is off"),
            (off, false, "`itoa` is not on this machine, and the network is off"),
            (
                "error: failed to get `itoa`\nCould not resolve host: index.crates.io",
                true,
                "the network is out of reach",
            ),
        ] {
            let error = resolution(&lines(text), offline, &mut |_| Vec::new());
            assert!(error.kind == EnvironmentFault::Offline && error.message.contains(says), "{error}");
        }
    }

    #[test]
    fn a_crate_that_does_not_exist_is_named() {
        let errors = lines("error: no matching package named `tokyo` found\nlocation searched: crates.io index");
        let error = resolution(&errors, false, &mut |_| Vec::new());
        assert!(error.message.contains("`tokyo`") && error.help.contains("`tokio`"), "{error}");
    }
}
