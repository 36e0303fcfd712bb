//! Tests of formats and of the choice between them.

use super::dispatch::{Known, Value};
use super::*;
use std::fmt;

struct Ours;
impl Display for Ours {
    fn mime_bundle(&self) -> MimeBundle {
        vec![("text/plain".into(), b"ours".to_vec())]
    }
}
impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("debug")
    }
}
struct Bare;
struct Evcxr<'a>(&'a std::cell::Cell<u32>);
impl Evcxr<'_> {
    fn evcxr_display(&self) {
        self.0.set(self.0.get() + 1);
    }
}

/// What generated code chooses, as a word.
macro_rules! chosen {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use super::dispatch::{ViaDebug, ViaDisplay, ViaList, ViaNothing, ViaUnsized};
        let value = &$value;
        match (&&&&&Value(value, &value)).known() {
            Known::Display(_) => "display",
            Known::List(_) => "list",
            Known::Debug(value, _) => {
                assert!(!debug_text(value).is_empty());
                "debug"
            }
            Known::Nothing(_) => "nothing",
        }
    }};
}

#[test]
fn the_richest_form_is_chosen() {
    assert_eq!(chosen!(Ours), "display");
    assert_eq!(chosen!(&Ours), "display");
    assert_eq!(chosen!(Box::new(Ours)), "display");
    assert_eq!(chosen!(vec![Ours]), "list");
    assert_eq!(chosen!([1, 2]), "list");
    assert_eq!(chosen!(&[1.5][..]), "list");
    assert_eq!(chosen!(std::collections::VecDeque::from([1])), "debug");
    assert_eq!(chosen!(1 + 1), "debug");
    assert_eq!(chosen!("text"), "debug");
    assert_eq!(chosen!(Some(2.5)), "debug");
    assert_eq!(chosen!(Bare), "nothing");
    assert_eq!(chosen!(vec![Bare]), "nothing");
    let grid = ndarray::Array2::<f64>::zeros((2, 2));
    assert_eq!(chosen!(grid), "display");
    assert_eq!(chosen!(grid.row(0)), "display");
    assert_eq!(chosen!(|x: i32| x), "nothing");
    assert_eq!(chosen!(html("<b>x</b>")), "display");
}

#[test]
fn places_are_borrowed_and_inherent_methods_win() {
    let name = String::from("x");
    crate::__display_result!(name);
    assert_eq!(name, "x");
    let calls = std::cell::Cell::new(0);
    let value = Evcxr(&calls);
    crate::__display_result!(value);
    crate::__display_result!(&value);
    assert_eq!(calls.get(), 2);
    crate::__display_result!(Bare);
    crate::__display_result!(());
    crate::__display_result!({
        let list = vec![Some(1), None];
        list
    });
}

#[test]
fn values_without_text_are_named() {
    let text = dispatch::unknown("alloc::vec::Vec<cell_3::my::Bare, std::Foo<'_>>");
    assert!(text.contains("`Vec<Bare, Foo<'_>>`"), "{text}");
    assert_eq!(dispatch::unknown("a::b::{{closure}}"), "a closure");
}

#[test]
fn short_values_stand_on_one_line() {
    assert_eq!(debug_text(&1), "1");
    assert_eq!(debug_text(&"a\"b"), r#""a\"b""#);
    assert_eq!(debug_text(&vec![1, 2]), "[1, 2]");
    let lines = debug_text(&vec![7; 1000]);
    assert!(lines.starts_with("[\n    7, 7, 7"));
    assert!(lines.lines().count() < 60, "{}", lines.lines().count());
    assert_eq!(lines.matches('7').count(), 1000);
}

#[test]
fn structures_keep_a_field_on_each_line() {
    #[derive(Debug)]
    #[allow(dead_code)]
    struct Wide {
        first: &'static str,
        second: Vec<u32>,
        third: Option<f64>,
    }
    let value = Wide { first: "a text that takes some room on its line", second: (0..40).collect(), third: Some(1.0) };
    let text = debug_text(&value);
    assert!(text.contains("\n    first: \"a text"), "{text}");
    assert!(text.contains("\n        0, 1, 2, 3"), "{text}");
    assert!(text.contains("\n    third: Some("), "{text}");
}

#[test]
fn huge_values_are_cut_in_no_time() {
    let huge = vec![0f32; 100_000_000];
    let start = std::time::Instant::now();
    let text = debug::list_text(&huge);
    assert!(start.elapsed().as_secs_f64() < 0.5);
    assert!(text.len() < 30_000);
    assert!(text.contains("…"));
    assert!(text.contains("99999000 more"), "{text}");
    assert_eq!(debug::list_text(&[1, 2]), "[1, 2]");
    let middle = debug_text(&(0..8000).collect::<Vec<_>>());
    assert!(middle.contains("left out") && middle.trim_end().ends_with(']'));
    assert!(middle.contains("7999"));
    let wide = debug_text(&"ü".repeat(50_000));
    assert!(wide.len() < 30_000);
}

#[test]
fn html_is_escaped_and_has_a_plain_form() {
    let t = table(["<a>", "b"], [["1", "x & y"], ["22", "\"q\""]]);
    let bundle = t.mime_bundle();
    let html = String::from_utf8_lossy(&bundle[0].1).into_owned();
    assert!(html.contains("&lt;a&gt;") && html.contains("x &amp; y") && html.contains("&quot;q"));
    assert!(html.contains("text-align:right\">22<"));
    assert_eq!(t.to_string(), "<a>  b\n----------\n  1  x & y\n 22  \"q\"\n");
    let plain = html_text("<p>1 < 2 &amp; <!-- c -->3</p>");
    assert_eq!(plain, "1 < 2 & 3");
}

fn html_text(source: &str) -> String {
    String::from_utf8_lossy(html(source).get("text/plain").unwrap()).into_owned()
}

#[test]
fn tables_of_any_shape_work() {
    assert_eq!(table(Vec::<String>::new(), Vec::<Vec<i32>>::new()).to_string(), "");
    let ragged = table(["a"], vec![vec![1, 2], vec![], vec![3]]);
    assert!(ragged.to_string().contains("1  2"));
    let long = table(["i"], (0..1000).map(|i| [i]));
    let text = long.to_string();
    assert!(text.contains("990 more rows") && text.contains("999") && !text.contains("500"));
}

#[test]
fn tables_of_structures_make_only_what_is_shown() {
    struct Row {
        id: u32,
        name: String,
    }
    let rows: Vec<Row> = (0..1000).map(|id| Row { id, name: format!("<{id}>") }).collect();
    let made = std::cell::Cell::new(0);
    let t = table_of(&rows).column("id", |row| row.id).column("twice", |row| {
        made.set(made.get() + 1);
        row.id * 2
    });
    let text = t.to_string();
    assert_eq!(made.get(), 10);
    assert!(text.contains("990 more rows") && text.trim_end().ends_with("1998"), "{text}");
    let t = crate::table!(&rows, id, name, "long" => |row| row.name.len()).rows(3);
    let html = String::from_utf8(t.mime_bundle().remove(0).1).unwrap();
    assert!(html.contains("&lt;999&gt;") && html.contains("997 more rows") && !html.contains("<999>"));
    assert!(html.contains("<th scope=\"col\" style=\"text-align:left\">name</th>"));
    assert_eq!(table_of::<Row>(&[]).column("id", |row| row.id).to_string(), "id\n--\n");
}

#[test]
fn wide_characters_keep_columns_aligned() {
    let t = table(["名前", "n"], [["山田", "1"], ["x", "22"]]);
    assert_eq!(t.to_string(), "名前   n\n--------\n山田   1\nx     22\n");
}

#[test]
fn json_is_checked() {
    for good in [
        "1",
        "-0.5e+3",
        "[]",
        "{}",
        r#"{"a": [1, true, null, "x\né", 18446744073709551615]}"#,
        " 0 ",
        r#"{"a": 1, "a": 2}"#,
    ] {
        assert!(check::json(good).is_ok(), "{good}");
    }
    let unpaired = r#""\ud800""#;
    for bad in ["", "01", "[1,]", "{a: 1}", "nul", "\"\n\"", "1 2", "-", "1.", "[", r#""\x""#, unpaired, "1e999"] {
        assert!(check::json(bad).is_err(), "{bad}");
    }
    // as deep as the kernel reads, and no deeper
    let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
    for depth in [1, 127, 128, 1000] {
        let read = serde_json::from_str::<serde_json::Value>(&nested(depth));
        assert_eq!(check::json(&nested(depth)).is_ok(), read.is_ok(), "{depth}");
    }
    assert!(check::json(&"[".repeat(100_000)).is_err());
    assert!(json("[1").get("application/json").is_none());
    let told = json("{\n  \"a\": 1,\n  b: 2\n}");
    let told = std::str::from_utf8(told.get("text/plain").unwrap()).unwrap();
    assert!(told.starts_with("not valid JSON: key must be a string at line 3 column 3:\n{\n"), "{told}");
    assert!(vega_lite("{}").get("application/vnd.vegalite.v5+json").is_some());
    assert!(plotly("{}").get("application/vnd.plotly.v1+json").is_some());
}
