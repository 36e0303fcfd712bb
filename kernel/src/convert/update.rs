//! What a notebook has and a text cannot hold: outputs, counts, ids, attachments and hidden metadata. They go from the
//! older notebook to the cells of the newer that are the same, and, but for outputs, to those that took their place.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::percent::{self, text_of};

/// More comparisons than this are not made: then only what is alike at the beginning and at the end is found.
const MOST: usize = 4_000_000;

/// Puts into the newer notebook what the older has besides.
pub(super) fn keep(old: &Map<String, Value>, new: &mut Map<String, Value>) {
    let of_new = metadata_of(new);
    let kept = percent::keeps(&of_new);
    let mut metadata = of_new.clone();
    for (key, value) in metadata_of(old).iter().filter(|(key, _)| !kept.contains_key(*key) && *key != "jupytext") {
        metadata.insert(key.clone(), value.clone());
    }
    new.insert("metadata".to_owned(), Value::Object(metadata));
    let older = old.get("cells").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let Some(newer) = new.get_mut("cells").and_then(Value::as_array_mut) else { return };
    let places = places(older, newer);
    for (cell, place) in newer.iter_mut().zip(&places) {
        let Some((at, same)) = place else { continue };
        take(&older[*at], cell, *same, &of_new);
    }
    make_unique(newer, &places);
    let minor = old.get("nbformat_minor").and_then(Value::as_u64).unwrap_or(0);
    if minor < 5 {
        // Ids came with nbformat 4.5.
        newer.iter_mut().filter_map(Value::as_object_mut).for_each(|cell| drop(cell.shift_remove("id")));
        new.insert("nbformat_minor".to_owned(), minor.into());
    }
}

fn metadata_of(notebook: &Map<String, Value>) -> Map<String, Value> {
    notebook.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default()
}

/// What one cell takes from the older one.
fn take(old: &Value, new: &mut Value, same: bool, metadata: &Map<String, Value>) {
    let always = ["id", "attachments"];
    let when_same = ["outputs", "execution_count"];
    for key in always.iter().chain(when_same.iter().filter(|_| same)) {
        if let Some(value) = old.get(*key) {
            new[*key] = value.clone();
        }
    }
    let hidden = old["metadata"].as_object().cloned().unwrap_or_default();
    let shown = percent::keeps_of_cell(metadata, &hidden);
    for (key, value) in hidden.iter().filter(|(key, _)| !shown.contains_key(*key)) {
        // When a cell ran that is another one now is nobody's question.
        if same || key != "execution" {
            new["metadata"][key] = value.clone();
        }
    }
}

/// For each new cell the old one in whose place it is, and whether it is the same.
fn places(old: &[Value], new: &[Value]) -> Vec<Option<(usize, bool)>> {
    let key = |cell: &Value| (cell["cell_type"].clone(), cell.get("source").and_then(text_of));
    let (a, b): (Vec<_>, Vec<_>) = (old.iter().map(key).collect(), new.iter().map(key).collect());
    let mut places: Vec<Option<(usize, bool)>> = vec![None; b.len()];
    let pairs = common(&a, &b);
    pairs.iter().for_each(|(i, j)| places[*j] = Some((*i, true)));
    // What lies between two that are the same is paired in order, as far as the kinds agree.
    let ends = pairs.iter().copied().chain([(a.len(), b.len())]);
    let (mut i, mut j) = (0, 0);
    for (next_i, next_j) in ends {
        while i < next_i && j < next_j {
            if a[i].0 == b[j].0 {
                places[j] = Some((i, false));
                j += 1;
            }
            i += 1;
        }
        (i, j) = (next_i + 1, next_j + 1);
    }
    places
}

/// The longest sequence that both have, as pairs of indices.
fn common<T: PartialEq>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (inner_a, inner_b) = (&a[head..], &b[head..]);
    let tail = inner_a.iter().rev().zip(inner_b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (inner_a, inner_b) = (&inner_a[..inner_a.len() - tail], &inner_b[..inner_b.len() - tail]);
    let (n, m) = (inner_a.len(), inner_b.len());
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|i| (i, i)).collect();
    if n * m <= MOST {
        let width = m + 1;
        let mut longest = vec![0_u32; (n + 1) * width];
        for (i, x) in inner_a.iter().enumerate().rev() {
            for (j, y) in inner_b.iter().enumerate().rev() {
                let without = longest[(i + 1) * width + j].max(longest[i * width + j + 1]);
                longest[i * width + j] = if x == y { longest[(i + 1) * width + j + 1] + 1 } else { without };
            }
        }
        let (mut i, mut j) = (0, 0);
        while i < n && j < m {
            if inner_a[i] == inner_b[j] {
                pairs.push((head + i, head + j));
                (i, j) = (i + 1, j + 1);
            } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
                i += 1;
            } else {
                j += 1;
            }
        }
    }
    pairs.extend((0..tail).map(|i| (head + n + i, head + m + i)));
    pairs
}

/// A new cell may have the id that an older one had, when it has its text.
fn make_unique(cells: &mut [Value], places: &[Option<(usize, bool)>]) {
    let id = |cell: &Value| cell["id"].as_str().unwrap_or_default().to_owned();
    let mut seen: HashSet<String> = HashSet::new();
    seen.extend(cells.iter().zip(places).filter(|(_, place)| place.is_some()).map(|(cell, _)| id(cell)));
    for (cell, _) in cells.iter_mut().zip(places).filter(|(_, place)| place.is_none()) {
        let first = id(cell);
        let mut unique = first.clone();
        let mut number = 2;
        while !seen.insert(unique.clone()) {
            unique = format!("{first}-{number}");
            number += 1;
        }
        cell["id"] = unique.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(id: &str, source: &str, output: &str) -> Value {
        json!({"cell_type": "code", "id": id, "metadata": {"trusted": true}, "source": source, "outputs": [output], "execution_count": 1})
    }

    fn fresh(source: &str) -> Value {
        json!({"cell_type": "code", "id": source, "metadata": {}, "source": source, "outputs": [], "execution_count": null})
    }

    fn kept(old: Value, new: Value) -> Map<String, Value> {
        let notebook =
            |cells: Value, minor: u8| json!({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": minor});
        let (old, new) = (notebook(old, 5), notebook(new, 5));
        let mut new = new.as_object().expect("an object").clone();
        keep(old.as_object().expect("an object"), &mut new);
        new
    }

    #[test]
    fn outputs_follow_their_cells() {
        let old = json!([code("1", "a", "A"), code("2", "b", "B"), code("3", "c", "C")]);
        let new = kept(old, json!([fresh("new"), fresh("a"), fresh("edited"), fresh("c")]));
        let told: Vec<(&str, &Value)> = new["cells"]
            .as_array()
            .expect("cells")
            .iter()
            .map(|c| (c["id"].as_str().expect("an id"), &c["outputs"]))
            .collect();
        let (a, none, c) = (json!(["A"]), json!([]), json!(["C"]));
        assert_eq!(told, [("new", &none), ("1", &a), ("2", &none), ("3", &c)]);
        assert_eq!(new["cells"][2]["metadata"]["trusted"], true);
    }

    #[test]
    fn ids_stay_unique() {
        // The first cell was edited, and keeps its id, which is what the second would be called.
        let new = kept(json!([code("x", "x", "")]), json!([fresh("y"), fresh("x")]));
        let ids: Vec<&Value> = new["cells"].as_array().expect("cells").iter().map(|c| &c["id"]).collect();
        assert_eq!(ids, ["y", "x"]);
        let new = kept(json!([code("x", "old", "")]), json!([fresh("new"), fresh("x")]));
        let ids: Vec<&Value> = new["cells"].as_array().expect("cells").iter().map(|c| &c["id"]).collect();
        assert_eq!(ids, ["x", "x-2"]);
    }
}
