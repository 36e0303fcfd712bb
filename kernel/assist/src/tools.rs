//! The tools: their names, what they are for, and what they take. What they do is in `server.rs`.

use std::sync::Arc;

use rmcp::model::{Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

/// A tool as it is told to a client.
struct Definition {
    name: &'static str,
    about: &'static str,
    /// Properties: name, type, what it is, whether it has to be there.
    takes: &'static [(&'static str, &'static str, &'static str, bool)],
    /// It changes nothing.
    reads: bool,
}

const CODE: (&str, &str, &str, bool) = ("code", "string", "Rust, as it would stand in a cell", true);
const CURSOR: (&str, &str, &str, bool) =
    ("cursor", "integer", "where the cursor is in `code`, in Unicode code points; else the end", false);

const TOOLS: &[Definition] = &[
    Definition {
        name: "state",
        about: "The session in one call: variables with their types, items, crates, the cells that ran last, the cell that runs now, and the last error. Answers while a cell runs.",
        takes: &[],
        reads: true,
    },
    Definition {
        name: "run",
        about: "Run a cell in the session and return what it puts out. Variables and items stay for later cells. A cell that fails changes nothing, so trying is safe. A cell that takes longer than `timeout` goes on, and `more` waits for it.",
        takes: &[CODE, ("timeout", "number", "seconds to wait for the cell; 60 when it is left out", false)],
        reads: false,
    },
    Definition {
        name: "check",
        about: "Say what is wrong with a cell without running it and without changing anything: rustc's errors with their places and the changes that it suggests, and the types of what the cell would bind. Answers while a cell runs.",
        takes: &[CODE],
        reads: true,
    },
    Definition {
        name: "variables",
        about: "The variables of the session with their types. No code is run; answers while a cell runs.",
        takes: &[],
        reads: true,
    },
    Definition {
        name: "inspect",
        about: "Describe what stands at a place in code: a variable, an item, a method, with signature and documentation.",
        takes: &[CODE, CURSOR],
        reads: true,
    },
    Definition {
        name: "complete",
        about: "What may stand at a place in code, with kinds and signatures.",
        takes: &[CODE, CURSOR],
        reads: true,
    },
    Definition {
        name: "docs",
        about: "The documentation of a name: of the standard library, of the helpers that are in scope in every cell (`par`, `plot`, `progress`, `display`), or of the session, as `Vec::push` or `par::map`.",
        takes: &[("name", "string", "the name or path", true)],
        reads: true,
    },
    Definition {
        name: "figure",
        about: "A picture as PNG: of an expression that is a plot (`plot::line_y(&v)`), or one that a cell has shown.",
        takes: &[
            ("code", "string", "an expression whose value is a plot", false),
            ("handle", "string", "that of a cell; else the newest", false),
            ("picture", "integer", "which of the cell's pictures, from 0", false),
        ],
        reads: false,
    },
    Definition {
        name: "interrupt",
        about: "Interrupt the cell that runs; variables are as they were before it.",
        takes: &[],
        reads: false,
    },
    Definition {
        name: "undo",
        about: "Take back the last cell: variables and items are as they were before it.",
        takes: &[],
        reads: false,
    },
    Definition {
        name: "notebook",
        about: "Read and edit the cells of a notebook file (.ipynb, or .rs with `// %%` between cells). It does not run them. Cells are counted from 0. A frontend that has the notebook open has to load it again.",
        takes: &[
            ("action", "string", "read, insert, edit, move or delete", true),
            ("path", "string", "the file; else the notebook of the session", false),
            (
                "index",
                "integer",
                "which cell; for insert, the one that is put before it (the end when left out)",
                false,
            ),
            ("source", "string", "the cell's text, for insert and edit", false),
            ("kind", "string", "code (when left out) or markdown, for insert", false),
            ("to", "integer", "where the cell goes, for move", false),
        ],
        reads: false,
    },
    Definition {
        name: "more",
        about: "More of what a cell has put out, by the handle that `run` gave; waits for a cell that runs still.",
        takes: &[
            ("handle", "string", "that of the cell; else the newest", false),
            ("from", "integer", "the character to begin with", false),
            ("timeout", "number", "seconds to wait for a cell that runs", false),
        ],
        reads: true,
    },
];

/// All of them.
pub(crate) fn all() -> Vec<Tool> {
    TOOLS.iter().map(told).collect()
}

fn told(tool: &Definition) -> Tool {
    let property = |(name, of, about, _): &(&str, &str, &str, bool)| {
        ((*name).to_owned(), json!({"type": of, "description": about}))
    };
    let properties: Map<String, Value> = tool.takes.iter().map(property).collect();
    let required: Vec<&str> = tool.takes.iter().filter(|(.., must)| *must).map(|(name, ..)| *name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("required".to_owned(), json!(required));
    schema.insert("additionalProperties".to_owned(), false.into());
    let annotations = ToolAnnotations::new().read_only(tool.reads).destructive(false);
    Tool::new(tool.name, tool.about, Arc::new(schema)).with_annotations(annotations)
}

/// What is wrong with the arguments of a call, in words for whoever wrote them.
pub(crate) fn wrong_arguments(name: &str, arguments: &Map<String, Value>) -> Option<String> {
    let tool = TOOLS.iter().find(|tool| tool.name == name)?;
    let known = || tool.takes.iter().map(|(name, ..)| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if let Some(other) = arguments.keys().find(|key| !tool.takes.iter().any(|(name, ..)| name == key)) {
        return Some(format!(
            "`{name}` takes no `{other}`; it takes {}",
            if tool.takes.is_empty() { "nothing".into() } else { known() }
        ));
    }
    for (argument, of, about, must) in tool.takes {
        let fits = |value: &Value| match *of {
            "string" => value.is_string(),
            "integer" => value.as_u64().is_some(),
            _ => value.as_f64().is_some_and(|number| number >= 0.0),
        };
        match arguments.get(*argument) {
            None | Some(Value::Null) if *must => return Some(format!("`{name}` needs `{argument}`: {about}")),
            None | Some(Value::Null) => {}
            Some(value) if fits(value) => {}
            Some(value) => return Some(format!("`{argument}` of `{name}` is {about}, and not {value}")),
        }
    }
    None
}

/// Is there a tool of this name?
pub(crate) fn exists(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_checked_in_words() {
        let wrong = |name: &str, arguments: Value| wrong_arguments(name, arguments.as_object().expect("an object"));
        assert_eq!(wrong("run", json!({"code": "1"})), None);
        assert!(wrong("run", json!({})).expect("missing").contains("needs `code`"));
        assert!(wrong("run", json!({"code": 1})).expect("a number").contains("not 1"));
        assert!(wrong("run", json!({"code": "1", "timeout": -1})).is_some());
        assert!(wrong("undo", json!({"code": "1"})).expect("too much").contains("takes nothing"));
        assert_eq!(all().len(), 12);
    }
}
