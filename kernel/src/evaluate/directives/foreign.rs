//! Lines that come from elsewhere: a script's first line, comments of Python and of shells, IPython's
//! magics, Python's package managers. They mean nothing here, and the user is told what to write instead.

/// IPython's magics (without their signs) and what does their job here.
const MAGICS: &[(&[&str], &str)] = &[
    (
        &["pip", "conda", "mamba", "uv"],
        "cells are Rust: crates come with `:dep name = \"1.0\"`; Python packages are installed in a terminal",
    ),
    (
        &["matplotlib", "pylab", "bokeh", "config"],
        "figures of `plot` and `plotters` are always inline: delete the line",
    ),
    (
        &["load_ext", "reload_ext", "unload_ext", "autoreload", "alias", "automagic", "colors"],
        "there are no IPython extensions here: delete the line",
    ),
    (&["cd"], "write `std::env::set_current_dir(\"…\")?;`"),
    (&["ls", "pwd", "cat", "mkdir", "rm", "cp", "mv", "less", "more", "man"], "shell commands start with `!`: `!ls`"),
    (&["who", "whos", "who_ls"], "`:vars` lists variables"),
    (&["reset", "reset_selective"], "`:clear` forgets variables and items"),
    (
        &["prun", "lprun", "memit", "mprun"],
        "`%%time` and `%%timeit` measure; a profiler such as perf runs on a program",
    ),
    (&["run", "load", "loadpy"], "`include!(\"file.rs\")` takes in a file, `:dep ./folder` a crate"),
    (
        &["writefile", "bash", "sh", "capture", "timeit", "scaling", "bench"],
        "it takes the whole cell: write it with `%%`",
    ),
    (&["debug", "pdb", "tb", "xmode"], "there is no debugger; `dbg!(value)` prints a value with its place"),
    (&["lsmagic", "magic", "quickref"], "`:help` lists what there is"),
    (&["history", "hist", "recall", "rerun", "notebook", "save", "store"], "the frontend keeps history and notebooks"),
    (&["html", "HTML"], "write `display::html(r#\"…\"#)`"),
    (&["svg", "SVG"], "write `display::svg(r#\"…\"#)`"),
    (&["markdown", "latex"], "write `display::markdown(\"…\")` or `display::latex(\"…\")`, or make it a Markdown cell"),
    (&["javascript", "js"], "write `display::html(\"<script>…</script>\")`"),
    (
        &["python", "python3", "pypy", "ruby", "perl", "script", "R", "cython"],
        "`%%bash` runs a script, `!python3 file.py` a program",
    ),
    (&["rust"], "every cell is Rust: delete the line"),
];

/// What to say of a magic of IPython; `None` when it is none.
pub(super) fn magic(name: &str, rest: &str) -> Option<String> {
    let (_, advice) = MAGICS.iter().find(|(names, _)| names.contains(&name))?;
    let example = match package(rest) {
        Some(package) if matches!(name, "pip" | "conda" | "mamba" | "uv") => {
            format!(" (did you mean `:dep {package}`?)")
        }
        _ => String::new(),
    };
    Some(format!("`%{name}` is IPython's, not Rust's; {advice}{example}"))
}

/// The same for a magic that takes the whole cell.
pub(super) fn cell_magic(name: &str) -> Option<String> {
    let (_, advice) = MAGICS.iter().find(|(names, _)| names.contains(&name))?;
    Some(format!("`%%{name}` is IPython's, not Rust's; {advice}"))
}

/// What to say of a shell line that installs Python packages, which change nothing for Rust cells.
pub(super) fn installer(command: &str) -> Option<String> {
    let mut words = command.split_whitespace();
    let program = words.next()?;
    if !["pip", "pip3", "conda", "mamba"].contains(&program) || words.next() != Some("install") {
        return None;
    }
    let crates = package(command).map(|name| format!(" (`:dep {name}`?)")).unwrap_or_default();
    Some(format!(
        "`!{program} install` adds nothing that a Rust cell could use; crates come with `:dep name = \"1.0\"`{crates}. If Python is what you want: `!python3 -m pip install …`"
    ))
}

/// The first word after `install` that is no option, when it could be a crate's name.
fn package(command: &str) -> Option<&str> {
    let mut words = command.split_whitespace().skip_while(|w| *w != "install").skip(1);
    let word = words.find(|w| !w.starts_with('-'))?;
    let name = word.split(['=', '<', '>', '~', '[']).next()?;
    let crate_like = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(crate_like)).then_some(name)
}

/// What to say of a line that starts with `#` and is no attribute; `None` for attributes.
pub(super) fn hash_line(line: &str, number: usize) -> Option<String> {
    let after = line.strip_prefix('#')?;
    if let Some(program) = after.strip_prefix("!/") {
        return Some(format!("line {number}: `#!/{program}` starts a script; a cell needs no such line: delete it"));
    }
    let attribute = after.trim_start().trim_start_matches('!').trim_start();
    if attribute.starts_with('[') || (attribute.is_empty() && !after.is_empty()) {
        return None;
    }
    let text = after.trim_start_matches(['#', '!', ' ']);
    Some(format!(
        "line {number}: `#` starts no comment in Rust: write `// {text}`{}",
        if after.starts_with("# ") || after.starts_with('#') { ", or make a heading in a Markdown cell" } else { "" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_elsewhere_is_told_from_rust() {
        for rust in ["#[derive(Debug)]", "#![allow(x)]", "# [test]", "#! [x]", "x # y", "// # x"] {
            assert_eq!(hash_line(rust, 1), None, "{rust}");
        }
        assert!(hash_line("#!/usr/bin/env rust-script", 1).is_some_and(|m| m.contains("delete it")));
        assert!(hash_line("# a comment", 3).is_some_and(|m| m.contains("line 3") && m.contains("`// a comment`")));
        assert!(hash_line("## Part", 1).is_some_and(|m| m.contains("Markdown")));
        assert!(installer("pip install -q ndarray==1.0").is_some_and(|m| m.contains(":dep ndarray")));
        assert_eq!(installer("python3 -m pip install x"), None);
        assert_eq!(installer("pip list"), None);
        assert!(magic("matplotlib", "inline").is_some_and(|m| m.contains("plot")));
        assert!(magic("pip", "install rand").is_some_and(|m| m.contains(":dep rand")));
        assert_eq!(magic("nothing", ""), None);
    }
}
