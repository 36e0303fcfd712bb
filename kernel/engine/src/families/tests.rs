//! Which crate each item is in, cell by cell, and what a change compiles anew. No compiler runs here.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::super::cfg::Cfg;
use super::super::items::{Added, Items, Name};
use super::super::split::split;
use super::super::uses::{Mentioned, Whose};

/// A session whose crates are only thought of.
#[derive(Default)]
struct Session {
    items: Items,
    cell: u32,
}

impl Session {
    fn of(cells: &[&str]) -> Self {
        let mut session = Self::default();
        for cell in cells {
            session.add(cell);
        }
        session
    }

    fn add(&mut self, cell: &str) -> Added {
        self.cell += 1;
        let text: Arc<str> = cell.into();
        let mut added = self.items.add(self.cell, &text, &split(cell, &Cfg::default()).expect("it parses"));
        added.dirty.retain(|name| self.items.lives_in(name));
        for name in added.dirty.clone() {
            let needs = self.needs(&name);
            let family = self.items.families.get_mut(&name).expect("a family that is to be compiled");
            Arc::make_mut(family).needs = needs;
            self.items.note_scope(&name);
        }
        added
    }

    fn needs(&self, family: &Name) -> BTreeSet<Name> {
        self.items.uses_of(family).families()
    }

    /// What a cell of statements links to.
    fn linked(&self, words: &[&str]) -> BTreeSet<Name> {
        let code = words.iter().map(|word| (*word).to_owned()).collect();
        self.items.uses(Whose::default(), &Mentioned { code, ..Mentioned::default() }).families()
    }

    /// The names of a cell's items that are compiled.
    fn compiled(&mut self, cell: &str) -> Vec<String> {
        let dirty = self.add(cell).dirty;
        let live = self.items.live.iter().filter(|item| dirty.contains(&item.home));
        let mut names: Vec<String> = live.flat_map(|item| item.part.names().map(str::to_owned)).collect();
        names.sort();
        names.dedup();
        names
    }

    fn homes(&self) -> BTreeMap<String, Name> {
        let live = self.items.live.iter();
        live.flat_map(|item| item.part.names().map(|name| (name.to_owned(), item.home.clone()))).collect()
    }
}

#[test]
fn each_cell_has_a_crate() {
    let mut session = Session::of(&["fn a() -> i32 { 1 }", "fn b() -> i32 { a() }"]);
    assert_eq!(session.compiled("fn c() -> i32 { b() }"), ["c"]);
    let homes = session.homes();
    assert_eq!(homes.values().collect::<HashSet<_>>().len(), 3);
    assert_eq!(session.needs(&homes["c"]), BTreeSet::from([homes["b"].clone()]));
    assert_eq!(session.linked(&["a"]), BTreeSet::from([homes["a"].clone()]));
    assert_eq!(session.linked(&["println", "x"]), BTreeSet::new());
}

#[test]
fn a_change_takes_its_dependents_along_and_nobody_else() {
    let mut session = Session::of(&[
        "fn a() -> i32 { 1 }",
        "fn b() -> i32 { a() }",
        "fn c() -> i32 { b() }",
        "fn other() -> i32 { 1 }",
        "fn local(a: i32) -> i32 { let b = a; b }",
    ]);
    let before = session.homes();
    assert_eq!(session.compiled("fn a() -> i32 { 2 }"), ["a", "b", "c"]);
    let after = session.homes();
    assert!(after["a"] == after["b"] && after["b"] == after["c"], "one crate for a change");
    assert!(["other", "local"].iter().all(|name| before[*name] == after[*name]));
}

#[test]
fn the_same_again_is_no_change() {
    let mut session = Session::of(&["fn a() -> i32 { 1 }\nstatic S: i32 = 1;", "fn b() -> i32 { a() }"]);
    let before = session.homes();
    assert!(session.compiled("fn a() -> i32 { 1 }\nstatic S: i32 = 1;").is_empty());
    assert_eq!(before, session.homes());
    assert_eq!(session.compiled("fn a() -> i32 { 2 }\nstatic S: i32 = 1;"), ["a", "b"], "the static stays");
    let path = tempfile::NamedTempFile::new().expect("a file");
    let files = format!("const TEXT: &str = include_str!({:?});", path.path());
    session.add(&files);
    assert!(session.compiled(&files).is_empty());
    std::fs::write(path.path(), "more").expect("it is there");
    assert_eq!(session.compiled(&files), ["TEXT"], "the file is another");
    let files = "macro_rules! text { ($f:expr) => { include_str!($f) } }";
    session.add(files);
    assert_eq!(session.compiled(files), ["text"], "the file may be another");
}

#[test]
fn what_may_be_local_counts_where_it_is_in_scope() {
    let by_value = "fn by_value(v: f64) -> f64 { let f = area; { let area = v; f(area) } }";
    let mut session =
        Session::of(&[&format!("fn area(r: f64) -> f64 {{ r }}\n{by_value}"), "fn g() { by_value(1.0); }"]);
    assert_eq!(session.compiled("fn area(r: f64) -> f64 { r + 1.0 }"), ["area", "by_value", "g"]);
    let mut session = Session::of(&["fn area(r: f64) -> f64 { r }", "fn far() { let area = 1.0; }"]);
    assert_eq!(session.compiled("fn area(r: f64) -> f64 { r + 1.0 }"), ["area"]);
}

#[test]
fn an_implementation_goes_to_its_type() {
    let mut session = Session::of(&[
        "trait Named { fn name(&self) -> i32; }",
        "struct Dog;",
        "struct Other;",
        "fn walk(d: &Dog) -> i32 { 1 }",
        "fn stay(o: &Other) -> i32 { 1 }",
    ]);
    let before = session.homes();
    assert_eq!(session.compiled("impl Named for Dog { fn name(&self) -> i32 { 1 } }"), ["Dog", "walk"]);
    let after = session.homes();
    assert_eq!(before["Dog"], after["Dog"], "the type keeps its crate's name");
    assert_eq!(before["stay"], after["stay"]);
    assert!(session.needs(&after["Dog"]).contains(&after["Named"]));
    assert_eq!(session.compiled("impl Named for Vec<Other> { fn name(&self) -> i32 { 2 } }"), ["Dog", "Named", "walk"]);
    session.add("type Alias = Dog;");
    session.add("mod m { pub struct Inner; }\nuse m::Inner;");
    assert_eq!(session.compiled("impl Alias { fn x(&self) {} }"), ["Alias", "Dog", "walk"]);
    assert_eq!(session.compiled("impl Inner { pub fn y(&self) {} }"), ["m"]);
}

#[test]
fn a_changed_type_leaves_and_an_unchanged_one_stays() {
    let mut session = Session::of(&[
        "struct P { x: i32 }\nstruct R;",
        "struct Q { p: P }",
        "impl R { fn p(&self) -> P { P { x: 1 } } }",
    ]);
    let before = session.homes();
    let added = session.add("struct P { x: f64 }");
    assert_eq!(added.changed, BTreeSet::from(["P".to_owned(), "Q".to_owned()]));
    let after = session.homes();
    assert!(after["P"] != before["P"] && after["Q"] != before["Q"]);
    assert_eq!(after["R"], before["R"], "values of it stay usable");
}

#[test]
fn a_circle_is_one_crate() {
    let mut session = Session::of(&["struct P;", "fn f(p: &P) -> i32 { 1 }"]);
    let before = session.homes();
    session.add("impl P { fn g(&self) -> i32 { f(self) } }");
    let after = session.homes();
    assert_eq!(after["f"], after["P"]);
    assert_eq!(after["P"], before["P"]);
    let mut session =
        Session::of(&["fn even(n: u32) -> bool { n == 0 }", "fn odd(n: u32) -> bool { n != 0 && even(n - 1) }"]);
    session.add("fn even(n: u32) -> bool { n == 0 || odd(n - 1) }");
    assert_eq!(session.homes()["even"], session.homes()["odd"]);
}

#[test]
fn traits_come_with_their_members_names() {
    let mut session = Session::of(&["trait Doubled { fn doubled(&self) -> i32; }", "fn f() -> i32 { 2.doubled() }"]);
    let homes = session.homes();
    assert!(session.needs(&homes["f"]).contains(&homes["Doubled"]));
    assert!(session.linked(&["doubled"]).contains(&homes["Doubled"]));
    assert_eq!(session.compiled("trait Doubled { fn doubled(&self) -> i32; fn more(&self) {} }"), ["Doubled", "f"]);
}

#[test]
fn macros_bring_what_they_mention() {
    let mut session =
        Session::of(&["fn helper() -> i32 { 1 }", "macro_rules! m { () => { helper() } }", "fn f() -> i32 { m!() }"]);
    let homes = session.homes();
    assert_eq!(session.linked(&["m"]), BTreeSet::from([homes["m"].clone(), homes["helper"].clone()]));
    assert_eq!(session.compiled("fn helper() -> i32 { 2 }"), ["f", "helper", "m"]);
}

#[test]
fn imports_of_items_are_followed() {
    let mut session = Session::of(&[
        "enum Shape { Circle, Square }",
        "mod geometry { pub fn area() -> i32 { 1 } }",
        "use Shape::*;\nuse geometry::area;",
        "fn f() -> i32 { area() }",
        "fn g() -> bool { matches!(Circle, Circle) }",
    ]);
    let homes = session.homes();
    assert!(session.needs(&homes["f"]).contains(&homes["geometry"]));
    assert!(session.needs(&homes["g"]).contains(&homes["Shape"]));
    assert!(session.linked(&["Vec"]).is_empty());
    assert_eq!(session.compiled("mod geometry { pub fn area() -> i32 { 2 } }"), ["f", "geometry"]);
}

#[test]
fn a_function_is_not_the_crate_of_its_name() {
    let mut session = Session::of(&["use rand::Rng;", "fn roll<R: Rng>(r: &mut R) -> i32 { r.gen() }"]);
    assert_eq!(session.compiled("fn rand() -> i32 { 4 }"), ["rand"]);
    assert_eq!(session.items.local_imports(), [false]);
    session.add("mod rand { pub trait Rng {} }");
    assert_eq!(session.items.local_imports(), [true]);
}

#[test]
fn imports_are_for_their_own_cell_and_later_ones() {
    let mut session =
        Session::of(&["use std::collections::HashMap;", "fn f() -> HashMap<i32, i32> { HashMap::new() }"]);
    assert!(session.compiled("use std::collections::{HashMap, HashSet};").is_empty());
    assert!(session.compiled("use other::{HashMap, HashSet};").is_empty());
    assert_eq!(session.compiled("struct HashMap;"), ["HashMap"]);
    assert_eq!(session.compiled("fn g(map: HashMap) {}"), ["g"]);
    assert_eq!(session.compiled("struct HashMap(i32);"), ["HashMap", "g"]);
}

#[test]
fn a_cell_run_again_under_other_imports_is_another() {
    let wait = "fn wait() -> Duration { Duration::default() }";
    let mut session = Session::of(&["use std::time::Duration;", wait]);
    assert!(session.compiled(wait).is_empty());
    session.add("use chrono::Duration;");
    assert_eq!(session.compiled(wait), ["wait"]);
}

#[test]
fn an_implementation_keeps_the_imports_of_its_cell() {
    let mut session = Session::of(&["struct P;", "use std::fmt; impl fmt::Debug for P {}"]);
    let homes = session.homes();
    let layout = session.items.layout(&homes["P"]);
    assert_eq!(layout.iter().map(|(era, items)| (*era, items.len())).collect::<Vec<_>>(), [(1, 1), (2, 1)]);
    session.add("use std::time::Duration; struct Q { p: P }");
    session.add("impl Q { fn p(&self) -> &P { &self.p } }");
    let layout = session.items.layout(&session.homes()["Q"]);
    assert_eq!(layout.len(), 1, "the same imports, the same place");
}

#[test]
fn what_makes_a_static_anew_is_told() {
    let mut session = Session::of(&["struct P;", "static S: i32 = 1;\nfn f(p: &P) -> i32 { S }"]);
    let added = session.add("impl P { fn g(&self) {} }");
    assert_eq!(added.causes.get("S").map(|cause| &**cause), Some("impl P"));
    assert!(session.add("fn other() {}").causes.is_empty());
}

#[test]
fn a_thousand_items_are_quick_to_look_through() {
    let cells: Vec<String> =
        (0..1000).map(|n| format!("fn f{n}(x: f64) -> f64 {{ let y = x.sin(); y + {n}.0 }}")).collect();
    let mut session = Session::of(&cells.iter().map(String::as_str).collect::<Vec<_>>());
    let begun = std::time::Instant::now();
    assert_eq!(session.compiled("fn f500(x: f64) -> f64 { x }"), ["f500"]);
    let copy = session.items.clone();
    assert_eq!(session.linked(&["f7"]).len(), 1);
    let took = begun.elapsed();
    assert_eq!(copy.live.len(), 1000);
    eprintln!("{took:?}");
    assert!(took < std::time::Duration::from_millis(200), "{took:?}");
}
