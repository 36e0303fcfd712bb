"""Language: files beside the notebook (`mod name;`, `include!`, `include_str!`) and cargo's variables."""

import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def host(ferrolab, folder):
    """One kernel for the file, in a folder of its own."""
    from support.frontend import Kernel

    class Here:
        kernel = None

        def get(self):
            self.kernel = self.kernel or Kernel(cwd=str(folder))
            return self.kernel

        def drop(self, check=False):
            kernel, self.kernel = self.kernel, None
            if kernel is not None:
                kernel.close(check=check)

    here = Here()
    yield here
    here.drop(check=True)


def test_a_module_in_a_file_with_a_module_of_its_own(k, folder):
    (folder / "physics").mkdir()
    (folder / "physics" / "units.rs").write_text("pub const EV: f64 = 1.602e-19; pub fn up() -> f64 { super::half() }")
    (folder / "physics.rs").write_text(
        "//! Some physics.\n#![allow(dead_code)]\npub mod units;\n"
        "pub fn kinetic(m: f64, v: f64) -> f64 { half() * m * v * v }\nfn half() -> f64 { 0.5 }\n"
        "#[derive(Debug, Clone)] pub struct Particle { pub m: f64 }\n"
        "pub(crate) fn scaled(x: f64) -> f64 { super::factor() * x }"
    )
    k.run("fn factor() -> f64 { 3.0 }").idle()
    k.run("mod physics;\nuse physics::kinetic;\nkinetic(2.0, 3.0)").result("9.0").idle()
    k.run("(physics::units::EV, physics::units::up(), crate::physics::scaled(2.0))").result("(1.602e-19, 0.5, 6.0)").idle()
    k.run("let particle = physics::Particle { m: 1.5 };").idle()
    k.run("particle.clone()").result("Particle { m: 1.5 }").idle()
    k.run("#[path = \"physics.rs\"] mod other_name;\nother_name::units::EV > 0.0").result("true").idle()
    k.run(":t particle").stdout("Particle\n").idle()


def test_an_edited_module_is_read_again(k, folder):
    cell = "mod edited;\nedited::number()"
    for number in (1, 2):
        (folder / "edited.rs").write_text(f"pub fn number() -> i32 {{ {number} }}")
        k.run(cell).result(str(number)).idle()
    k.run("fn of_it() -> i32 { edited::number() * 10 }").idle()
    (folder / "edited.rs").write_text("pub fn number() -> i32 { 3 }")
    k.run("mod edited;").idle()
    k.run("of_it()").result("30").idle()


def test_a_module_run_again_keeps_its_statics(k, folder):
    (folder / "counting.rs").write_text(
        "use std::sync::atomic::{AtomicU32, Ordering::SeqCst};\nstatic N: AtomicU32 = AtomicU32::new(0);\n"
        "pub fn next() -> u32 { N.fetch_add(1, SeqCst) }"
    )
    k.run("mod counting;\ncounting::next()").result("0").idle()
    k.run("mod counting;\ncounting::next()").result("1").idle()


def test_errors_and_panics_are_shown_in_the_file(k, folder):
    (folder / "wrong.rs").write_text("pub fn fine() {}\npub fn f() -> i32 {\n    \"text\"\n}\n")
    k.run("mod wrong;").fails("E0308", "wrong.rs:3:5", '"text"')
    (folder / "wrong.rs").write_text("pub fn f() -> i32 {\n    let x = ;\n}\n")
    k.run("mod wrong;").fails(None, "wrong.rs:2:13")
    (folder / "wrong.rs").write_text("pub fn f(n: usize) -> i32 {\n    [1, 2][n]\n}\n")
    k.run("mod wrong;\nwrong::f(5)").fails("panic", "wrong.rs:2:5", "[1, 2][n]")


def test_a_missing_file_is_looked_for_beside_the_notebook(k, folder):
    k.run("mod nowhere;").fails("E0583", f"{folder}/nowhere.rs", f"{folder}/nowhere/mod.rs", "%%writefile")
    k.run('#[path = "sub/none.rs"] mod nowhere;').fails("E0583", f"{folder}/sub/none.rs")
    k.run('include_str!("none.txt")').fails(None, f"{folder}/none.txt")
    k.run('include!("none.rs");').fails(None, f"{folder}/none.rs")
    (folder / "lonely.rs").write_text("fn f() {}\npub mod child;")
    k.run("mod lonely;").fails("E0583", "lonely.rs:2:9", f"{folder}/lonely/child.rs")
    k.run("#[cfg(windows)] mod nowhere;\n1").result("1").idle()


def test_included_items_last(k, folder):
    part = folder / "part.rs"
    part.write_text("use std::collections::BTreeMap as Sorted;\nfn momentum(m: f64, v: f64) -> f64 { m * v }\nstruct Body { m: f64 }")
    k.run('include!("part.rs");\nmomentum(2.0, 3.0)').result("6.0").idle()
    k.run("(momentum(1.0, 1.0), Body { m: 2.0 }.m, Sorted::from([(1, 2)]))").result("(1.0, 2.0, {1: 2})").idle()
    part.write_text("fn momentum(m: f64, v: f64) -> f64 { m * v + 100.0 }")
    k.run('include!("part.rs");').idle()
    k.run("momentum(1.0, 1.0)").result("101.0").idle()
    (folder / "setup.rs").write_text("use std::fmt::Write as _;\nlet mut shared = String::new();\nwrite!(shared, \"{}\", momentum(2.0, 2.0))?;")
    k.run('include!("setup.rs");\nshared').result('"104"').idle()
    k.run("shared").result('"104"').idle()
    (folder / "says.rs").write_text('println!("said");\n1 + 1')
    k.run('include!("says.rs");').stdout("said\n").idle()
    part.write_text("fn momentum(m: f64, v: f64) -> f64 {\n m * v + true }")
    k.run('include!("part.rs");').fails("E0277", "part.rs:2:")


def test_other_files_are_read_beside_the_notebook(k, folder):
    (folder / "table.txt").write_text("1 2 3")
    (folder / "list.in").write_text("[1, 2, 3]")
    k.run('include_str!("table.txt")').result('"1 2 3"').idle()
    k.run('include!("list.in").len() + include_bytes!("./table.txt").len()').result("8").idle()
    k.run('fn table() -> &\'static str { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/table.txt")) }\ntable()').result('"1 2 3"').idle()
    (folder / "table.txt").write_text("4")
    k.run('include_str!("table.txt")').result('"4"').idle()
    k.run("table()").result('"1 2 3"').idle()
    k.run('fn table() -> &\'static str { include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/table.txt")) }\ntable()').result('"4"').idle()


def test_what_is_read_does_not_keep_cells_from_the_cache(k, folder):
    """A cell that reads a file is compiled once, as long as the file is what it was."""
    (folder / "kept.txt").write_text("kept")

    def footer() -> str:
        story = k.run('%%time\ninclude_str!("kept.txt").len()')
        story.finish()
        return story.everything()

    assert "(cached)" not in footer()
    assert "(cached)" in footer()
    (folder / "kept.txt").write_text("more")
    assert "(cached)" not in footer()


def test_cargos_variables(k, folder):
    k.run('(env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION_MAJOR"))').result('("notebook", "0.1.0", "0")').idle()
    k.run('(std::env!("CARGO_MANIFEST_DIR"), option_env!("CARGO_PKG_AUTHORS"))').result(f'("{folder}", Some(""))').idle()
    k.run('env!("CARGO_OF_NOBODY")').fails(None, "CARGO_OF_NOBODY")
