//! What a graph looks like: its tasks as boxes in the colours of their states, or, of many, how many there are of each
//! kind; as HTML with a drawing in it, and as text. What is shown when is not known here.

use super::node::{Node, State};
use super::plan::Plan;
use crate::boxes::{self, Label, Look, MOST, beside, caption, framed};
use crate::display::{Content, bundle, escape};
use ferrolab_base::text::grouped;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

/// Characters of a chain's names, beyond which only the first and the last one are told.
const LABEL: usize = 24;
/// Rows of a summary.
const ROWS: usize = 30;

/// A box of a drawing: a task, or a chain of some.
struct Piece {
    label: String,
    told: String,
    state: State,
    value: bool,
}

/// A drawing whose boxes may change their colours.
pub(super) struct Drawing {
    boxes: boxes::Drawing,
    pieces: Vec<Piece>,
}

/// What is shown of some tasks and all that they need.
pub(super) fn drawing(wanted: &[Arc<Node>]) -> Content {
    let plan = Plan::new(wanted, true);
    if plan.len() > MOST {
        let rows = summary(&plan.tasks);
        return shown(format!("{}{}", heading(&plan), table(&rows)), None, lines(&rows));
    }
    let tasks: Vec<Arc<Node>> = plan.order.iter().map(|at| Arc::clone(plan.tasks[*at as usize])).collect();
    let whole = Drawing::of_tasks(&tasks);
    let svg = whole.svg();
    let (chains, edges) = fused(&plan);
    let mut html = format!("{}{svg}", heading(&plan));
    if chains.len() < plan.len() {
        let drawn = Drawing::of_chains(&plan, &chains, &edges);
        let told = caption(&format!("as they run: chains of them are one, {} in all", grouped(chains.len() as u64)));
        html = beside(&html, &format!("{told}{}", drawn.svg()));
    }
    shown(html, Some(svg), listing(&tasks))
}

fn shown(html: String, svg: Option<String>, text: String) -> Content {
    let mut data = vec![("text/html".to_owned(), framed(&html).into_bytes())];
    data.extend(svg.map(|svg| ("image/svg+xml".to_owned(), svg.into_bytes())));
    data.push(("text/plain".to_owned(), text.into_bytes()));
    bundle(data)
}

fn heading(plan: &Plan<'_>) -> String {
    let done = plan.tasks.iter().filter(|task| task.is_done() && !task.is_value()).count();
    let tasks = plan.tasks.iter().filter(|task| !task.is_value()).count();
    caption(&format!(
        "{} task{}, {} done",
        grouped(tasks as u64),
        if tasks == 1 { "" } else { "s" },
        grouped(done as u64)
    ))
}

/// Chains of a plan and which needs which.
fn fused(plan: &Plan<'_>) -> (Vec<Vec<u32>>, Vec<(usize, usize)>) {
    let chains = plan.chains(&vec![true; plan.len()]);
    let mut chain_of = vec![0; plan.len()];
    for (chain, tasks) in chains.iter().enumerate() {
        tasks.iter().for_each(|at| chain_of[*at as usize] = chain);
    }
    let mut edges: Vec<(usize, usize)> = Vec::new();
    for at in 0..plan.len() {
        let after = plan.dependents(at).iter().map(|next| (chain_of[at], chain_of[*next as usize]));
        edges.extend(after.filter(|(from, to)| from != to));
    }
    edges.sort_unstable();
    edges.dedup();
    (chains, edges)
}

impl Drawing {
    /// Of tasks that stand after those that they need.
    pub(super) fn of_tasks(tasks: &[Arc<Node>]) -> Self {
        let places: HashMap<*const Node, usize> = tasks.iter().enumerate().map(|(n, t)| (Arc::as_ptr(t), n)).collect();
        let mut edges: Vec<(usize, usize)> = Vec::new();
        for (to, task) in tasks.iter().enumerate() {
            let from = task.tasks().iter().filter_map(|needed| places.get(&Arc::as_ptr(needed)));
            edges.extend(from.map(|from| (*from, to)));
        }
        Self::new(tasks.iter().map(piece).collect(), edges)
    }

    fn of_chains(plan: &Plan<'_>, chains: &[Vec<u32>], edges: &[(usize, usize)]) -> Self {
        // Chains stand after those that they need: only their first task needs any.
        let of = |chain: &Vec<u32>| match &chain[..] {
            [one] => piece(plan.tasks[*one as usize]),
            many => chained(&many.iter().map(|at| plan.tasks[*at as usize]).collect::<Vec<_>>()),
        };
        Self::new(chains.iter().map(of).collect(), edges.to_vec())
    }

    fn new(pieces: Vec<Piece>, edges: Vec<(usize, usize)>) -> Self {
        let label = |piece: &Piece| Label { short: piece.label.clone(), told: piece.told.clone() };
        Self { boxes: boxes::Drawing::new(pieces.iter().map(label).collect(), edges), pieces }
    }

    /// The states are these now, in the order of the tasks.
    pub(super) fn set_states(&mut self, states: impl Iterator<Item = State>) {
        self.pieces.iter_mut().zip(states).for_each(|(piece, state)| piece.state = state);
    }

    pub(super) fn svg(&self) -> String {
        let look = |at: usize| {
            let piece = &self.pieces[at];
            let (fill, word) = look(piece);
            let light = matches!(piece.state, State::Waiting | State::Skipped) && !piece.value;
            Look { fill, word, dark: !light, round: piece.value }
        };
        self.boxes.svg(&format!("graph of {} tasks", self.pieces.len()), look)
    }
}

/// A state's colour, which is the bars', and its word.
fn look(piece: &Piece) -> (&'static str, &'static str) {
    if piece.value {
        return ("#7a6fb0", "a value");
    }
    match piece.state {
        State::Waiting => ("rgba(128,128,128,.25)", "waiting"),
        State::Running => ("var(--jp-brand-color1,#2196f3)", "running"),
        State::Done => ("var(--jp-success-color1,#3d9a50)", "done"),
        State::Failed => ("var(--jp-error-color1,#d9433f)", "failed"),
        State::Skipped => ("rgba(217,67,63,.3)", "not run: what it needs failed"),
        State::Gone => ("var(--jp-success-color2,#5aa76b)", "done, not kept"),
    }
}

fn piece(task: &Arc<Node>) -> Piece {
    Piece { label: task.label(), told: task.name(), state: task.state(), value: task.is_value() }
}

/// A chain is what the least advanced of its tasks is, but for one that runs or failed.
fn chained(tasks: &[&Arc<Node>]) -> Piece {
    let states: Vec<State> = tasks.iter().map(|task| task.state()).collect();
    let any = |state: State| states.contains(&state).then_some(state);
    let state = any(State::Failed).or_else(|| any(State::Running)).or_else(|| any(State::Skipped));
    let state = state.or_else(|| any(State::Waiting)).unwrap_or_else(|| states.last().copied().unwrap_or(State::Done));
    let labels: Vec<String> = tasks.iter().map(|task| task.label()).collect();
    let told = labels.join(" → ");
    let label = match &labels[..] {
        [first, .., last] if told.chars().count() > LABEL => {
            format!("{} … {} ({})", clipped(first), clipped(last), labels.len())
        }
        _ => told.clone(),
    };
    Piece { label, told: short_chain(told), state, value: false }
}

fn clipped(label: &str) -> String {
    label.chars().take(9).collect()
}

fn short_chain(told: String) -> String {
    if told.chars().count() <= 400 { told } else { told.chars().take(399).chain(['…']).collect() }
}

/// Tasks of one kind: how many are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Row {
    label: String,
    line: String,
    tasks: u64,
    states: BTreeMap<&'static str, u64>,
}

/// Tasks by their code and name, the most numerous first.
fn summary(tasks: &[&Arc<Node>]) -> Vec<Row> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for task in tasks {
        let (label, line) = (task.label(), task.line());
        let row = rows.entry((label.clone(), line.clone())).or_insert_with(|| Row { label, line, ..Row::default() });
        row.tasks += 1;
        *row.states.entry(look(&piece(task)).1).or_default() += 1;
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.tasks));
    rows
}

impl Row {
    fn states(&self) -> String {
        self.states.iter().map(|(word, n)| format!("{} {word}", grouped(*n))).collect::<Vec<_>>().join(", ")
    }
}

fn more(rows: &[Row]) -> Option<String> {
    let hidden = rows.get(ROWS..).filter(|rest| !rest.is_empty())?;
    let tasks: u64 = hidden.iter().map(|row| row.tasks).sum();
    Some(format!("and {} tasks of {} more kinds", grouped(tasks), grouped(hidden.len() as u64)))
}

fn table(rows: &[Row]) -> String {
    let mut out = "<table style=\"margin:4px 0\"><tr><th style=\"text-align:left\">task</th><th style=\"text-align:left\">line</th>\
                   <th>tasks</th><th style=\"text-align:left\">states</th></tr>"
        .to_owned();
    for row in rows.iter().take(ROWS) {
        let _ = write!(
            out,
            "<tr><td style=\"text-align:left\">{}</td><td style=\"text-align:left\">{}</td><td>{}</td><td style=\"text-align:left\">{}</td></tr>",
            escape(&row.label),
            escape(&row.line),
            grouped(row.tasks),
            escape(&row.states())
        );
    }
    if let Some(more) = more(rows) {
        let _ = write!(out, "<tr><td colspan=\"4\" style=\"text-align:left\">{}</td></tr>", escape(&more));
    }
    out + "</table>"
}

fn lines(rows: &[Row]) -> String {
    let line = |row: &Row| format!("{} ({}): {} tasks, {}", row.label, row.line, grouped(row.tasks), row.states());
    rows.iter().take(ROWS).map(line).chain(more(rows)).collect::<Vec<_>>().join("\n")
}

/// The tasks as text: each with those that it needs.
fn listing(tasks: &[Arc<Node>]) -> String {
    let line = |task: &Arc<Node>| {
        let needs: Vec<String> = task.tasks().iter().map(|needed| needed.label()).collect();
        let needs = match needs.len() {
            0 => String::new(),
            1..=8 => format!(" ← {}", needs.join(", ")),
            n => format!(" ← {} tasks", grouped(n as u64)),
        };
        format!("{}{needs}: {}", task.label(), look(&piece(task)).1)
    };
    tasks.iter().map(line).collect::<Vec<_>>().join("\n")
}
