"""Toolchains as sites have them: without a dynamic standard library, as Debian's are, and on machines without a C compiler."""

import os
import shutil
import subprocess

import pytest

from support import process, users
from support.notebooks import notebook, read

# what crosses the border between cells and the standard library: maps, threads, panics, statics, displays, macros
CELLS = [
    "use std::collections::HashMap; let mut m: HashMap<String, f64> = HashMap::new(); m.insert(\"a\".to_owned(), 1.5);",
    'println!("printed {}", m.len()); m["a"]',
    "fn twice<T: Clone + std::ops::Add<Output = T>>(x: T) -> T { x.clone() + x }\nstatic COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(3);",
    "thread_local! { static HERE: std::cell::Cell<u8> = const { std::cell::Cell::new(5) }; }",
    "std::thread::spawn(|| HERE.with(|h| { h.set(6); h.get() }) + twice(1u8)).join().unwrap() + HERE.with(|h| h.get())",
    'std::panic::catch_unwind(|| { if COUNT.load(std::sync::atomic::Ordering::SeqCst) == 3 { panic!("caught") } }).is_err()',
    "use rayon::prelude::*; (0..1000u64).into_par_iter().map(|x| x * x).sum::<u64>()",
    "#[derive(serde::Serialize)] struct P { x: u8 }\nplot::line_y(&[1.0, 3.0, 2.0])",
    ':dep itoa = "1"',
    "itoa::Buffer::new().format(twice(21)).to_owned()",
]
RESULTS = {1: "1.5", 4: "13", 5: "true", 6: "332833500", 9: '"42"'}


def shown(path) -> dict[int, str]:
    cells = [c for c in read(path).cells if c.cell_type == "code"]
    found = {i: o.data.get("text/plain") for i, c in enumerate(cells) for o in c.outputs if o.output_type == "execute_result"}
    return {i: found.get(i) for i in RESULTS}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_toolchain_without_a_dynamic_standard_library(ferrolab, tmp_path, cli):
    """Debian's rustc has had none since 1.83; those of its stable releases are too old, so this is rustup's without that file.
    The base layer holds the library. An environment is built: some minutes."""
    folder, cache = tmp_path / "toolchain", tmp_path / "cache"
    folder.mkdir()
    rustc = users.toolchain(folder)
    (std,) = folder.glob("lib/rustlib/*/lib/libstd-*.so")
    std.unlink()
    book, out = notebook(tmp_path, *CELLS), tmp_path / "out.ipynb"
    env = {"RUSTC": str(rustc), "FERROLAB_CACHE_DIR": str(cache)}
    done = subprocess.run([process.FERROLAB, "run", "--no-html", "-o", out, book], env=process.environment(**env), capture_output=True, text=True, timeout=1700)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "printed 1" in done.stdout and shown(out) == RESULTS
    # a panic that ends a cell is told with its place, and takes nothing away
    bad = notebook(tmp_path, "let kept = vec![1, 2, 3];", 'panic!("on purpose")', "kept.len()", name="bad.ipynb")
    done = subprocess.run([process.FERROLAB, "run", "--no-html", "--allow-errors", "-o", out, bad], env=process.environment(**env), capture_output=True, text=True, timeout=300)
    assert "on purpose" in done.stdout and "[2]:1:1" in done.stdout and "3" in done.stdout, done.stdout + done.stderr
    said = cli("doctor", **env).stdout
    assert "ok    std" in said and "the environment holds it" in said and "ok    a test cell" in said and "ok    environment" in said, said
    shutil.rmtree(cache)


@pytest.fixture
def without_cc(tmp_path):
    """A PATH with what shells need, and neither a C compiler nor a linker."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("sh", "bash", "env", "cat", "rm", "mkdir"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def test_a_machine_without_a_c_compiler(ferrolab, tmp_path, without_cc, cli):
    """A compute node that shares its cache with a login node: the toolchain's own linker links cells, and layers of new
    dependencies; what cannot be built says what helps. Takes some 20 seconds."""
    rustc = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip() + "/bin/rustc"
    env = {"PATH": without_cc, "RUSTC": rustc}
    said = cli("doctor", **env).stdout
    assert "warn  linker cc" in said and "ok    linker ld     the toolchain's" in said and "ok    a test cell" in said, said
    # one command, for this machine
    advice = said.split("linker cc")[1].split("→")[1].splitlines()[0].strip()
    assert advice.endswith(("gcc", "gcc libc6-dev", "gcc_linux-64", "gcc musl-dev", "package manager")), said
    # not one that other tests have built with a C compiler
    crate = tmp_path / "tiny"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("thread_local! { pub static N: std::cell::RefCell<Vec<f64>> = std::cell::RefCell::new(vec![0.5]); }\npub fn sine() -> f64 { N.with(|n| n.borrow()[0].sin()) }\n")
    book, out = notebook(tmp_path, f':dep tiny = {{ path = "{crate}" }}', "(tiny::sine() * 1000.0).round()"), tmp_path / "out.ipynb"
    done = subprocess.run([process.FERROLAB, "run", "--no-html", "-o", out, book], env=process.environment(**env), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0 and "479.0" in done.stdout, done.stdout + done.stderr
    (crate / "build.rs").write_text("fn main() {}\n")
    done = subprocess.run([process.FERROLAB, "run", "--no-html", "-o", out, book], env=process.environment(**env), capture_output=True, text=True, timeout=280)
    assert done.returncode == 1 and "a C compiler is needed to link" in done.stdout, done.stdout + done.stderr


def test_the_doctor_names_a_toolchain_that_is_too_old(cli, tmp_path):
    """As Debian's packages are: what is there, what is needed, and the one command that gets it."""
    old = tmp_path / "rustc"
    old.write_text('#!/bin/sh\ncase "$*" in *sysroot*) echo /usr;; *-vV*) printf "rustc 1.85.0\\nhost: x86_64-unknown-linux-gnu\\nrelease: 1.85.0\\n";; *) echo "rustc 1.85.0 (Debian)";; esac\n')
    old.chmod(0o755)
    said = cli("doctor", RUSTC=str(old), FERROLAB_CACHE_DIR=str(tmp_path / "cache"), CONDA_PREFIX="").stdout
    assert "rustc 1.85.0 (Debian)" in said and "version 1.91 or later is needed" in said, said
    line = said.split("version 1.91 or later is needed")[1].split("→")[1].splitlines()[0]
    assert "rustup" in line or "module load" in line or "conda" in line, said
    assert os.access(old, os.X_OK)
