//! Which keys of the metadata a text holds: jupytext's usual choice, and what a notebook's own filters say.

use serde_json::{Map, Value};

/// Of a notebook, unless it says otherwise.
const OF_NOTEBOOK: [&str; 5] = ["jupytext", "kernelspec", "kernel_info", "orphan", "tocdepth"];
/// Not of a cell, unless it says otherwise: what changes with each run, and what is about the text's layout.
const NOT_OF_CELL: [&str; 11] = [
    "autoscroll",
    "collapsed",
    "scrolled",
    "trusted",
    "execution",
    "ExecuteTime",
    "skipline",
    "noskipline",
    "cell_marker",
    "lines_to_next_cell",
    "lines_to_end_of_cell_marker",
];

/// A filter: `tags,slideshow,-all`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    with: Names,
    without: Names,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Names {
    All,
    Some(Vec<String>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl Names {
    fn add(&mut self, name: &str) {
        match self {
            _ if name == "all" => *self = Self::All,
            Self::Some(names) if !name.is_empty() => names.push(name.to_owned()),
            _ => {}
        }
    }

    fn listed(&self) -> Vec<&str> {
        match self {
            Self::All => Vec::new(),
            Self::Some(names) => names.iter().map(String::as_str).collect(),
        }
    }
}

impl Filter {
    fn read(text: &str) -> Self {
        let mut filter = Self::default();
        for name in text.split(',').map(str::trim) {
            match name.strip_prefix('-') {
                Some(name) => filter.without.add(name.trim()),
                None => filter.with.add(name.trim_start_matches('+').trim()),
            }
        }
        filter
    }
}

/// The filter that a notebook's metadata has under this name.
pub(super) fn of(metadata: &Map<String, Value>, name: &str) -> Option<Filter> {
    match metadata.get("jupytext")?.get(name)? {
        Value::String(text) => Some(Filter::read(text)),
        Value::Bool(all) => Some(Filter::read(if *all { "all" } else { "-all" })),
        _ => None,
    }
}

/// What a text keeps of a notebook's metadata.
pub(super) fn notebook(metadata: &Map<String, Value>) -> Map<String, Value> {
    let filter = of(metadata, "notebook_metadata_filter").unwrap_or_default();
    let without = filter.without.listed();
    match (&filter.with, &filter.without) {
        (Names::All, _) => but(metadata, &without),
        (with, Names::All) => only(metadata, &with.listed()),
        (with, _) => but(&only(metadata, &[&with.listed()[..], &OF_NOTEBOOK].concat()), &without),
    }
}

/// What a text keeps of a cell's metadata.
pub(super) fn cell(metadata: &Map<String, Value>, filter: Option<&Filter>) -> Map<String, Value> {
    let usual = Filter::default();
    let filter = filter.unwrap_or(&usual);
    let without = filter.without.listed();
    match (&filter.with, &filter.without) {
        (Names::All, _) => but(metadata, &without),
        (with, Names::All) => only(metadata, &with.listed()),
        (with, _) => {
            let with = with.listed();
            let usual: Vec<&str> = NOT_OF_CELL.into_iter().filter(|name| !with.contains(name)).collect();
            let mut kept = but(metadata, &[&without[..], &usual].concat());
            if kept.get("tags").and_then(Value::as_array).is_some_and(Vec::is_empty) {
                kept.shift_remove("tags");
            }
            kept
        }
    }
}

/// Those of these names; `a.b` is what `a` has under `b`.
fn only(metadata: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in metadata {
        if names.contains(&key.as_str()) {
            kept.insert(key.clone(), value.clone());
            continue;
        }
        let below = below(names, key);
        if let (false, Value::Object(inner)) = (below.is_empty(), value) {
            kept.insert(key.clone(), Value::Object(only(inner, &below)));
        }
    }
    kept
}

fn but(metadata: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in metadata.iter().filter(|(key, _)| !names.contains(&key.as_str())) {
        let below = below(names, key);
        let value = match value {
            Value::Object(inner) if !below.is_empty() => Value::Object(but(inner, &below)),
            value => value.clone(),
        };
        kept.insert(key.clone(), value);
    }
    kept
}

fn below<'a>(names: &[&'a str], key: &str) -> Vec<&'a str> {
    names.iter().filter_map(|name| name.split_once('.').filter(|(first, _)| *first == key)).map(|(_, n)| n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn keys(kept: &Map<String, Value>) -> Vec<&str> {
        kept.keys().map(String::as_str).collect()
    }

    #[test]
    fn filters_choose() {
        let of = |filter: &str| json!({"jupytext": {"notebook_metadata_filter": filter}, "own": {"a": 1, "b": 2}, "kernelspec": {}});
        let chosen = |filter: &str| notebook(of(filter).as_object().expect("an object"));
        assert_eq!(keys(&chosen("")), ["jupytext", "kernelspec"]);
        assert_eq!(keys(&chosen("own")), ["jupytext", "own", "kernelspec"]);
        assert_eq!(keys(&chosen("-all")), [""; 0]);
        assert_eq!(keys(&chosen("all,-jupytext")), ["own", "kernelspec"]);
        assert_eq!(chosen("own.b,-all"), *json!({"own": {"b": 2}}).as_object().expect("an object"));
        let metadata = json!({"tags": [], "trusted": true, "x": 1});
        let metadata = metadata.as_object().expect("an object");
        assert_eq!(keys(&cell(metadata, None)), ["x"]);
        assert_eq!(keys(&cell(metadata, Some(&Filter::read("trusted,-x")))), ["trusted"]);
        assert_eq!(keys(&cell(metadata, Some(&Filter::read("-all")))), [""; 0]);
    }
}
