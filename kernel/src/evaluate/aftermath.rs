//! What became of the session when a cell failed, in words: which variables are as before, which may have changed,
//! and what went with the process. Where it is said, and what the cell did, are others' business.

use super::errors;
use crate::runner::host::{End, Ended};
use ferrolab_base::frame::Outcome;
use ferrolab_engine::Engine;

/// Types through which a value changes that is not `mut`.
const INTERIOR: [&str; 8] = ["Cell<", "Mutex<", "RwLock<", "Atomic", "Arc<", "Rc<", "*mut", "&mut"];

/// Of the variables that a cell had in hand, those that it can have changed.
pub(super) fn changeable(engine: &Engine, taken: &[String]) -> Vec<String> {
    let can_change = |name: &&String| {
        engine.variables().get(name).is_some_and(|v| v.mutable || INTERIOR.iter().any(|i| v.type_text.contains(i)))
    };
    taken.iter().filter(can_change).cloned().collect()
}

/// Which variables a failing cell took with it, and why; none when it took none.
pub(super) fn lost(ended: &Ended) -> Option<String> {
    if ended.lost.is_empty() {
        return None;
    }
    let why = match ended.restored {
        true => "these variables held large data, which went with the process",
        false => "the cell had moved these variables when it failed, and there was no snapshot",
    };
    Some(format!("{why}: {}", ended.lost.join(", ")))
}

/// One sentence on the variables; empty when there is nothing to say.
pub(super) fn kept(ended: &Ended, changeable: &[String]) -> String {
    if ended.restored {
        let changed: Vec<&str> = ended.shared.iter().filter(|n| changeable.contains(n)).map(String::as_str).collect();
        let before = super::errors::AS_BEFORE;
        if changed.is_empty() {
            return before.to_owned();
        }
        let names = quoted(&changed);
        return format!(
            "{before}, but for large data, which is not copied: {names} may have changed (`:snapshots all` protects everything)"
        );
    }
    if ended.alive.is_empty() {
        return String::new();
    }
    let changeable: Vec<&str> = changeable.iter().filter(|n| !ended.lost.contains(n)).map(String::as_str).collect();
    let names = match changeable.is_empty() {
        true => "no variable of earlier cells can have changed".to_owned(),
        false => format!("{} may have changed", quoted(&changeable)),
    };
    format!(
        "the process goes on, with what a return to the state before would end: {}; {names} (`:restore always` returns all the same)",
        ended.alive.join(", ")
    )
}

/// Types whose values are memory and nothing else: dropping one does nothing outside of the process.
const MEMORY: [&str; 7] = ["core", "alloc", "std", "ndarray", "num_complex", "serde_json", "cells"];

/// Of the variables that a failing cell had moved, those whose drop may have done something outside of the process:
/// values of dependencies' types, such as a temporary folder.
pub(super) fn undone_outside(engine: &Engine, ended: &Ended) -> Option<String> {
    let outside = |name: &&String| {
        let text = engine.variables().get(name).map_or("", |v| v.type_text.as_str());
        let first = text.split("::").next().unwrap_or("");
        text.contains("::") && !MEMORY.iter().any(|memory| first.starts_with(memory))
    };
    let names: Vec<&str> = ended.dropped.iter().filter(outside).map(String::as_str).collect();
    (!names.is_empty()).then(|| {
        errors::note(&format!(
            "the cell had moved {}, which was dropped when it failed: what that did outside of the process (files, connections) is not taken back",
            quoted(&names)
        ))
    })
}

/// More lines for the error: what went with the process, now or before.
pub(super) fn went(ended: &Ended, before: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    if !ended.went.is_empty() {
        lines.push(errors::note(&format!(
            "with the process went: {}; what waits for it in later cells waits for ever, so make it anew",
            ended.went.join(", ")
        )));
    }
    let interrupted = matches!(ended.end, End::Stopped | End::Said(Outcome::Interrupted));
    if interrupted && !before.is_empty() {
        lines.push(errors::note(&format!(
            "if the cell waited, then perhaps for something that went with an earlier failure: {}",
            before.join(", ")
        )));
    }
    lines
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended() -> Ended {
        let [lost, dropped, alive, went, shared] = [const { Vec::new() }; 5];
        let end = End::Said(Outcome::Panicked);
        Ended { end, restored: true, gone: false, lost, dropped, alive, went, shared, usage: None }
    }

    #[test]
    fn all_as_before_is_said_in_a_few_words() {
        assert_eq!(kept(&ended(), &["a".into()]), "variables are as they were before the cell");
    }

    #[test]
    fn large_data_is_named_when_the_cell_can_have_changed_it() {
        let ended = Ended { shared: vec!["big".into(), "read".into()], ..ended() };
        assert_eq!(kept(&ended, &[]), "variables are as they were before the cell");
        let said = kept(&ended, &["big".into(), "small".into()]);
        assert!(
            said.contains("`big` may have changed") && !said.contains("read`") && !said.contains("small"),
            "{said}"
        );
    }

    #[test]
    fn a_process_that_goes_on_says_why() {
        let ended = Ended { restored: false, alive: vec!["thread `service` of cell [2]".into()], ..ended() };
        let said = kept(&ended, &["a".into()]);
        assert!(said.contains("thread `service` of cell [2]; `a` may have changed"), "{said}");
        assert!(kept(&ended, &[]).contains("no variable"));
    }

    #[test]
    fn an_interrupted_wait_is_explained() {
        let gone = ["thread `service` of cell [2]".to_owned()];
        let stopped = Ended { end: End::Stopped, ..ended() };
        assert!(went(&stopped, &gone)[0].contains("`service`"));
        assert!(went(&ended(), &gone).is_empty());
    }
}
