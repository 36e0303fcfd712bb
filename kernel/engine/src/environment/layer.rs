//! One shared object for many crates: rustc links the rlibs cargo built into a dylib, so that
//! every global in them is one instance for all cells. Which crates, is decided elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::expose;
use super::cache::{failed, make, remove_all};
use super::cargo::{Tools, clean};
use super::error::{EnvironmentError, EnvironmentFault};
use super::joiner::Joiner;

/// What goes into a layer.
pub(super) struct Parts<'a> {
    /// Number of the layer in its session, from 0.
    pub(super) number: usize,
    /// A hash of the content, for names.
    pub(super) hash: &'a str,
    /// Earlier layers.
    pub(super) below: &'a [PathBuf],
    /// Crates to name: crate name and rlib. What they need comes along.
    pub(super) crates: &'a [(String, PathBuf)],
    /// Where rlibs and metadata of everything are.
    pub(super) search: &'a [PathBuf],
    /// `-L` values from build scripts.
    pub(super) native: &'a [String],
    /// C libraries and the rlibs that may hold them, by build script.
    pub(super) foreign: &'a [Foreign],
}

/// Native libraries a crate's build script asked for.
pub(super) struct Foreign {
    /// The crate's rlib: static libraries are bundled in it.
    pub(super) rlib: PathBuf,
    /// `-l` values: `static=zstd`, `ssl`.
    pub(super) libraries: Vec<String>,
}

/// Link a layer into `folder`; the shared object.
pub(super) fn link(tools: &Tools<'_>, parts: &Parts<'_>, folder: &Path) -> Result<PathBuf, EnvironmentError> {
    let name = format!("ferrolab_layer_{}", parts.number);
    let file = format!("lib{name}-{}.so", parts.hash);
    let output = folder.join(&file);
    let source = folder.join(format!("{name}.rs"));
    let mut text = String::new();
    for (index, _) in parts.below.iter().enumerate() {
        text.push_str(&format!("pub extern crate ferrolab_layer_{index};\n"));
    }
    for (index, (name, _)) in parts.crates.iter().enumerate() {
        // Two versions of a crate may share a name; inside, every one has a number.
        text.push_str(&format!("#[doc(hidden)] pub extern crate c{index}; // {name}\n"));
    }
    let joiner = Joiner::of(tools.toolchain);
    text.push_str(joiner.text());
    fs::write(&source, text).map_err(|e| failed("write", &source, &e))?;
    let mut command = Command::new(&tools.toolchain.rustc);
    clean(&mut command);
    command
        .args(["--crate-type", "dylib", "--edition", "2021", "--crate-name", &name])
        .args(["-C", "opt-level=3", "-C", "strip=debuginfo"])
        .arg("-C")
        .arg(format!("metadata={}", parts.hash))
        .args(["-C", &format!("link-arg={}", joiner.option(&format!("-soname={file}")))])
        // Cells are linked without libraries: what they may need of libm must be here already.
        .args(["-C", &format!("link-arg={}", joiner.option("--no-as-needed")), "-C", "link-arg=-lm"])
        .args(&tools.rustflags)
        .arg("-o")
        .arg(&output)
        .arg(&source);
    // Without a dynamic standard library the lowest layer holds it, and those above take it from there.
    if tools.toolchain.libstd.is_some() {
        command.args(["-C", "prefer-dynamic"]);
    }
    for (index, path) in parts.below.iter().enumerate() {
        command.arg("--extern").arg(assignment(&format!("ferrolab_layer_{index}"), path));
    }
    for (index, (_, path)) in parts.crates.iter().enumerate() {
        command.arg("--extern").arg(assignment(&format!("c{index}"), path));
    }
    for path in parts.search {
        command.arg("-L").arg(assignment("dependency", path));
    }
    for path in parts.native {
        command.arg("-L").arg(path);
    }
    for folder in parts.native.iter().map(|value| native_folder(value)) {
        // A shared library in a place of its own is found there again when the layer is loaded.
        if holds_shared(folder) {
            let rpath = joiner.option(&format!("-rpath={}", folder.display()));
            command.arg("-C").arg(format!("link-arg={rpath}"));
        }
    }
    // Scratch space inside the staged entry, removed before the entry is finished.
    let scratch = folder.join("linking");
    make(&scratch)?;
    // The current folder may be one where nothing can be written.
    command.current_dir(&scratch);
    let script = scratch.join("link.sh");
    write_linker(&joiner, parts, &script)?;
    if let Some(libraries) = joiner.libraries(&tools.toolchain.host, &scratch)? {
        command.arg("-C").arg(format!("link-arg=-L{}", libraries.display()));
    }
    if !parts.foreign.is_empty() {
        // C code that was compiled to be hidden refers to itself directly.
        command.args(["-C", &format!("link-arg={}", joiner.option("-Bsymbolic"))]);
    }
    command.arg("-C").arg(assignment("linker", &script));
    command.args(["-C", &format!("linker-flavor={}", joiner.flavor())]);
    let finished = tools.run(command, &mut |_| {})?;
    for temporary in [&source, &scratch] {
        remove_all(temporary).map_err(|e| failed("remove", temporary, &e))?;
    }
    if !finished.success {
        let names: Vec<&str> = parts.crates.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("cannot link {} into a shared object", names.join(", "));
        return Err(EnvironmentError::new(EnvironmentFault::Build, message)
            .details(super::advice::shorten(&finished.errors))
            .help(super::advice::help_for_link(&finished.errors)));
    }
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&output, mode).map_err(|e| failed("protect", &output, &e))?;
    Ok(output)
}

/// A linker between rustc and whoever joins. rustc takes from archives only what Rust code of the layer
/// itself refers to, hides everything that is not Rust's, and drops shared libraries without a
/// use; but cells call C functions of the crates they use, directly or through inlined Rust ones.
fn write_linker(joiner: &Joiner, parts: &Parts<'_>, path: &Path) -> Result<(), EnvironmentError> {
    let mut cases = format!("  {}) ;;\n", joiner.option("--as-needed"));
    if !parts.foreign.is_empty() {
        let [script, strict] = ["--version-script=*", "--no-undefined-version"].map(|option| joiner.option(option));
        cases.push_str(&format!("  {script}|{strict}) ;;\n"));
    }
    // Whatever rustc passes as `argument` becomes the whole of `archive`, opened up.
    let mut count = 0;
    let mut whole = |argument: &str, archive: &Path| -> Result<(), EnvironmentError> {
        count += 1;
        let open = path.with_file_name(format!("open-{count}.a"));
        expose(archive, &open)?;
        let (argument, open) = (quoted(argument), quoted(&open.display().to_string()));
        let [all, end] = ["--whole-archive", "--no-whole-archive"].map(|option| joiner.option(option));
        let set = format!("set -- \"$@\" {all} {open} {end}");
        cases.push_str(&format!("  {argument}) {set} ;;\n"));
        Ok(())
    };
    for foreign in parts.foreign {
        whole(&foreign.rlib.display().to_string(), &foreign.rlib)?;
        // What is linked statically without saying so is not in the rlib.
        for library in foreign.libraries.iter().filter(|l| !l.starts_with("static")) {
            let name = library.rsplit('=').next().unwrap_or(library);
            let folders = parts.native.iter().map(|value| native_folder(value));
            let mut folders = folders.filter(|f| !f.join(format!("lib{name}.so")).exists());
            let archive = folders.find_map(|f| Some(f.join(format!("lib{name}.a"))).filter(|a| a.is_file()));
            if let Some(archive) = archive {
                whole(&format!("-l{name}"), &archive)?;
            }
        }
    }
    let script = format!(
        "#!/bin/sh\n# Links a layer so that cells find everything in it.\nfor a do\n  shift\n  case \"$a\" in\n{cases}  \
         *) set -- \"$@\" \"$a\" ;;\n  esac\ndone\nexec {} \"$@\"\n",
        joiner.command().iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    );
    let mode = fs::Permissions::from_mode(0o700);
    let written = fs::write(path, script).and_then(|()| fs::set_permissions(path, mode));
    written.map_err(|e| failed("write", path, &e))
}

/// A word for a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The directory in a `-L` value, which may start with a kind: `native=/usr/lib`.
fn native_folder(value: &str) -> &Path {
    let path = value.split_once('=').filter(|(kind, _)| !kind.contains('/')).map_or(value, |(_, path)| path);
    Path::new(path)
}

fn holds_shared(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().contains(".so"))
}

pub(super) fn assignment(name: &str, path: &Path) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("{name}="));
    text.push(path);
    text
}
