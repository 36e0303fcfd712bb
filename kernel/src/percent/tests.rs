//! Notebooks there and back: what must come back as it was, on lines chosen to be taken for something else.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{lines_of, read, write};

fn notebook(cells: Vec<Value>, metadata: Value) -> Map<String, Value> {
    match json!({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}) {
        Value::Object(notebook) => notebook,
        _ => unreachable!("written as an object"),
    }
}

fn cell(kind: &str, source: &str, metadata: Value) -> Value {
    let mut cell = json!({"cell_type": kind, "metadata": metadata, "source": lines_of(source)});
    if kind == "code" {
        cell["outputs"] = json!([]);
        cell["execution_count"] = Value::Null;
    }
    cell
}

/// Ids are no part of a text.
fn without_ids(mut notebook: Map<String, Value>) -> Value {
    let cells = notebook.get_mut("cells").and_then(Value::as_array_mut);
    cells.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|cell| drop(cell.shift_remove("id")));
    Value::Object(notebook)
}

fn there_and_back(cells: Vec<Value>, metadata: Value) -> String {
    let whole = notebook(cells, metadata);
    let written = write(&whole);
    assert_eq!(written.left_out, [""; 0], "{}", written.text);
    let again = read(&written.text).expect("what was written can be read");
    assert_eq!(without_ids(again), Value::Object(whole), "{}", written.text);
    written.text
}

#[test]
fn a_notebook_is_written_as_jupytext_writes_it() {
    let cells = vec![
        cell("markdown", "# Title\n\ntext", json!({})),
        cell("code", ":dep rand = \"0.9\"\nlet x = 1;\n// :vars\n%%time", json!({"tags": ["parameters"]})),
        cell("code", "%%bash -e\nls\n\n:x", json!({"title": "A shell"})),
        cell("raw", "as it is", json!({})),
        cell("code", "", json!({})),
        cell("code", "    x", json!({})),
    ];
    let spec = json!({"display_name": "Rust (Ferrolab)", "language": "rust", "name": "ferrolab"});
    let text = there_and_back(cells, json!({"kernelspec": spec}));
    let wanted = "// ---
// jupyter:
//   jupytext:
//     text_representation:
//       extension: .rs
//       format_name: percent
//       format_version: '1.3'
//   kernelspec:
//     display_name: Rust (Ferrolab)
//     language: rust
//     name: ferrolab
// ---

// %% [markdown]
// # Title
//
// text

// %% tags=[\"parameters\"]
// :dep rand = \"0.9\"
let x = 1;
// // :vars
%%time

// %% A shell magic_args=\"-e\" language=\"bash\"
// ls
//
// :x

// %% [raw]
// as it is

// %%

    // %%
    x
";
    assert_eq!(text, wanted);
}

#[test]
fn a_plain_file_keeps_its_form() {
    for text in [
        "// %%\nlet x = 1;\n\n// %% [markdown]\n// words\n\n// %% named tags=[\"a\"]\nx\n",
        "// %%\na\n// %%\nb\n",
        "// %% {\"tags\": [\"a\"]}\nx\n",
        "// ---\n// title: Front\n// ---\n\n// %%\nx\n",
        "#!/usr/bin/env -S ferrolab run\n// %%\nx\n",
        "",
    ] {
        let book = read(text).expect("a notebook");
        assert_eq!(write(&book).text, text);
    }
    let windows = read("// %%\r\na\r\n\r\n// %%\r\nb\r\n").expect("a notebook");
    assert_eq!(windows["cells"][0]["source"], json!(["a"]));
    let program = read("#![allow(unused)]\nfn main() {}\n").expect("a notebook");
    assert_eq!(program["cells"][0]["source"], json!(["#![allow(unused)]\n", "fn main() {}"]));
}

#[test]
fn a_wrong_header_is_refused() {
    let why = read("// ---\n// jupyter:\n//   a: [1\n// ---\n// %%\n").expect_err("no YAML");
    assert!(why.contains("line 2") && why.contains("remove it"), "{why}");
    assert!(read("// ---\n// jupyter: 5\n// ---\n").is_ok(), "that is front matter");
}

#[test]
fn what_has_no_place_is_named() {
    let mut picture = cell("markdown", "![](attachment:a.png)", json!({"a key": 1}));
    picture["attachments"] = json!({"a.png": {"image/png": ""}});
    let odd = cell("code", "x", json!({"language": "bash", "x": 1}));
    let written = write(&notebook(vec![picture, odd], json!({})));
    let wanted = ["cell 1: its attachments", "cell 1: `a key` of its metadata", "cell 2: `language` of its metadata"];
    assert_eq!(written.left_out, wanted);
}

#[test]
fn the_same_text_is_the_same_notebook() {
    let text = "// %%\nx\n\n// %%\nx\n";
    let book = read(text).expect("a notebook");
    assert_eq!(read(text).as_ref(), Ok(&book));
    assert_ne!(book["cells"][0]["id"], book["cells"][1]["id"]);
}

/// Lines that mean something in a text, and letters.
fn line() -> impl Strategy<Value = String> {
    let marks = "(// |//|/|  |\t|%%|%| |:dep x|:vars|!ls|\\?x|```|~~~|mermaid|---|jupyter:|%%bash|%%markdown|%%rust|<codecell>|In\\[3\\]:|\\[markdown\\]|#!|coding: utf-8|\"\"\"|'|a|b = 1;|é|\u{2028}|\r){0,5}";
    prop_oneof![
        4 => proptest::string::string_regex(marks).expect("a pattern"),
        1 => Just(String::new()),
        1 => "[ -~]{0,20}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|n| Value::from(f64::from(n) / 4.0)),
        line().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[ -~é]{0,6}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn cell_metadata() -> impl Strategy<Value = Value> {
    let key = "(tags2|slideshow|vscode|a\\.b|\\.c|x/y|t-1|@id)";
    let others = proptest::collection::btree_map(key, value(), 0..3);
    let title = proptest::option::of(line());
    let tags = proptest::option::of(vec("[a-z=\\[{ ]{1,8}", 1..3));
    (others, title, tags, proptest::option::of(1..4_u8)).prop_map(|(others, title, tags, depth)| {
        let mut metadata: Map<String, Value> = others.into_iter().collect();
        title.filter(|title| !title.is_empty()).map(|title| metadata.insert("title".to_owned(), title.into()));
        tags.map(|tags| metadata.insert("tags".to_owned(), tags.into()));
        depth.map(|depth| metadata.insert("cell_depth".to_owned(), depth.into()));
        Value::Object(metadata)
    })
}

fn any_cell() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![3 => Just("code"), 2 => Just("markdown"), 1 => Just("raw")];
    (kind, vec(line(), 0..6), cell_metadata())
        .prop_map(|(kind, lines, metadata)| cell(kind, &lines.join("\n"), metadata))
}

fn any_metadata() -> impl Strategy<Value = Value> {
    proptest::collection::btree_map("(kernelspec|kernel_info|orphan|tocdepth)", value(), 0..3)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_notebook_comes_back(cells in vec(any_cell(), 0..6), metadata in any_metadata()) {
        let text = there_and_back(cells, metadata);
        let again = write(&read(&text).expect("a notebook"));
        prop_assert_eq!(again.text, text);
    }

    #[test]
    fn every_text_settles(lines in vec(prop_oneof![2 => line(), 1 => Just("// %%".to_owned()), 1 => Just("// %% [markdown]".to_owned())], 0..12)) {
        // A wrong header is refused, and nothing else is.
        if let Ok(book) = read(&lines.join("\n")) {
            let text = write(&book).text;
            let again = read(&text).expect("what was written can be read");
            prop_assert_eq!(write(&again).text, text);
        }
    }
}
