//! What an array looks like that is not computed yet: its operations as boxes, and what runs for it, chunk by chunk, when
//! that is little enough to be drawn. It runs nothing.

use super::api::Array;
use super::node::{Kind, Node, Stage};
use super::parts::common;
use super::plan::{Pass, Plan, What, Work};
use super::program::{From, Program, compile};
use super::shape::{Affine, Chunked, Region, View, told};
use super::tiles::needed;
use super::whole::Whole;
use crate::boxes::{Drawing, Label, Look, MOST, beside, caption, framed};
use crate::display::{Content, Display, bundle, table};
use ferrolab_base::text::grouped;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Where elements come from.
const SOURCE: Look = Look { fill: "#7a6fb0", word: "a source", dark: true, round: true };
/// What is computed tile by tile, together with its neighbours.
const ALONG: Look = Look { fill: "rgba(128,128,128,.25)", word: "along with others", dark: false, round: false };
/// What has to be complete before it is used.
const COMPLETE: Look =
    Look { fill: "var(--jp-brand-color1,#2196f3)", word: "complete before it is used", dark: true, round: false };
const TASK: Look = Look { fill: "var(--jp-brand-color1,#2196f3)", word: "a task", dark: true, round: false };
const MERGED: Look =
    Look { fill: "var(--jp-success-color1,#3d9a50)", word: "put together of partial results", dark: true, round: true };

/// Boxes and which needs which, each after those that it needs.
#[derive(Default)]
struct Boxes {
    labels: Vec<Label>,
    looks: Vec<Look>,
    edges: Vec<(usize, usize)>,
}

impl Boxes {
    fn add(&mut self, short: String, told: String, look: Look) -> usize {
        self.labels.push(Label { short, told });
        self.looks.push(look);
        self.labels.len() - 1
    }

    fn svg(self, name: &str) -> String {
        let looks = self.looks;
        Drawing::new(self.labels, self.edges).svg(name, |at| looks[at])
    }
}

impl<T, D> Array<T, D> {
    /// Shows how it is computed: its operations, and beside them the tasks that run for its chunks, when these are not more than
    /// can be drawn. Nothing is computed.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().random().seed(7).normal([1000, 1000]);
    /// (&x - x.mean_axis(0)).sum().visualize();
    /// ```
    pub fn visualize(&self) {
        self.drawing().show();
    }

    /// What [`visualize`](Array::visualize) shows.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let x = threads().array().ones::<f64, _>([100, 100]).rechunk([25, 100]);
    /// let drawn = x.sum().drawing();
    /// assert!(String::from_utf8_lossy(drawn.get("text/plain").unwrap()).contains("sum"));
    /// ```
    #[must_use]
    pub fn drawing(&self) -> Content {
        drawn(&self.node, &self.on.plan(&self.node))
    }
}

fn drawn(node: &Arc<Node>, plan: &Plan) -> Content {
    let nodes = below(node);
    let operations = caption(&format!("{} operations", grouped(nodes.len() as u64)));
    let (operations, svg) = match nodes.len() <= MOST {
        true => {
            let svg = operations_of(&nodes).svg(&format!("{} operations", nodes.len()));
            (format!("{operations}{svg}"), Some(svg))
        }
        false => (format!("{operations}{}", kinds(&nodes).html_with("")), None),
    };
    let tasks: usize = plan.work.iter().map(boxes_of).sum();
    let counted = |what: &str| caption(&format!("{} tasks of {} passes{what}", grouped(tasks as u64), plan.work.len()));
    let chunks = match tasks <= MOST {
        true => format!("{}{}", counted(""), tasks_of(plan).svg(&format!("{tasks} tasks"))),
        false => counted(&format!(": more than {MOST} are not drawn, `explain()` counts them")),
    };
    let mut data = vec![("text/html".to_owned(), framed(&beside(&operations, &chunks)).into_bytes())];
    data.extend(svg.map(|svg| ("image/svg+xml".to_owned(), svg.into_bytes())));
    data.push(("text/plain".to_owned(), listing(&nodes, tasks, plan).into_bytes()));
    bundle(data)
}

/// A node and all that it is computed from, each after what it needs; a chain may be longer than a stack is deep.
fn below(node: &Arc<Node>) -> Vec<Arc<Node>> {
    let (mut seen, mut found, mut waiting) = (HashSet::new(), Vec::new(), vec![(Arc::clone(node), 0)]);
    seen.insert(Arc::as_ptr(node));
    while let Some((node, next)) = waiting.last_mut() {
        let Some(input) = node.inputs().get(*next).cloned() else {
            found.extend(waiting.pop().map(|(node, _)| node));
            continue;
        };
        *next += 1;
        if seen.insert(Arc::as_ptr(&input)) {
            waiting.push((input, 0));
        }
    }
    found
}

/// What an operation is called: a view that changes nothing but chunks is told as what it is for.
fn name(node: &Node) -> String {
    match &node.kind {
        Kind::View(view, input) if node.chunks.is_some() && *view == View::identity(input.shape.len()) => {
            "rechunk".to_owned()
        }
        _ => node.name(),
    }
}

fn described(node: &Node) -> String {
    let chunks = node.chunks.as_ref().map_or_else(String::new, |chunk| {
        let grid = Chunked::new(&node.shape, chunk);
        format!(", {} chunks of {}", grouped(grid.len() as u64), told(chunk))
    });
    format!("{} ({}), {} of {}{chunks}", name(node), node.line(), told(&node.shape), node.dtype)
}

fn look(node: &Node) -> Look {
    match &node.kind {
        Kind::Stage(..) => COMPLETE,
        _ if node.inputs().is_empty() => SOURCE,
        _ => ALONG,
    }
}

fn operations_of(nodes: &[Arc<Node>]) -> Boxes {
    let mut boxes = Boxes::default();
    let places: HashMap<*const Node, usize> = nodes.iter().enumerate().map(|(at, n)| (Arc::as_ptr(n), at)).collect();
    for node in nodes {
        let at = boxes.add(name(node), described(node), look(node));
        let inputs = node.inputs().iter().filter_map(|input| places.get(&Arc::as_ptr(input)));
        boxes.edges.extend(inputs.map(|from| (*from, at)));
    }
    boxes
}

/// Of many operations how many there are of each kind.
fn kinds(nodes: &[Arc<Node>]) -> crate::display::Table {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    nodes.iter().for_each(|node| *counts.entry(name(node)).or_default() += 1);
    table(["operation", "times"], counts.into_iter().map(|(name, n)| [name, grouped(n)]))
}

fn listing(nodes: &[Arc<Node>], tasks: usize, plan: &Plan) -> String {
    let counted = format!("{} tasks of {} passes", grouped(tasks as u64), plan.work.len());
    if nodes.len() > MOST {
        return format!("{}\n{counted}", kinds(nodes));
    }
    let line = |node: &Arc<Node>| {
        let inputs: Vec<String> = node.inputs().iter().map(|input| name(input)).collect();
        let from = if inputs.is_empty() { String::new() } else { format!(" ← {}", inputs.join(", ")) };
        format!("{}{from}", described(node))
    };
    let mut lines: Vec<String> = nodes.iter().map(line).collect();
    lines.push(counted);
    lines.join("\n")
}

/// The boxes of a work: its tasks, and one for what is put together of their partial results.
fn boxes_of(work: &Work) -> usize {
    match work {
        Work::Pass(pass) => pass.tasks() + usize::from(merges(pass)),
        Work::Whole(node) => grid_of(node).len().max(1),
    }
}

fn merges(pass: &Pass) -> bool {
    pass.tasks() > 1 && pass.sinks.iter().any(|sink| sink.what.reduces())
}

/// The parts of a computation that has its own chunks; else one that is all of it.
fn grid_of(node: &Node) -> Chunked {
    match &node.kind {
        Kind::Stage(Stage::Whole(Whole::MapBlocks(blocks)), _) => Chunked::new(&node.shape, &blocks.chunk),
        Kind::Stage(Stage::Whole(Whole::Overlap(overlap)), _) => Chunked::new(&node.shape, &overlap.chunk),
        _ => Chunked::new(&node.shape, &node.shape),
    }
}

/// Where a result is, when it is there: regions of it, and the boxes that have them.
type Owners = Vec<(Region, usize)>;

fn tasks_of(plan: &Plan) -> Boxes {
    let (mut boxes, mut owners) = (Boxes::default(), HashMap::<*const Node, Owners>::new());
    for work in &plan.work {
        match work {
            Work::Pass(pass) => add_pass(pass, &mut boxes, &mut owners),
            Work::Whole(node) => add_whole(node, &mut boxes, &mut owners),
        }
    }
    boxes
}

fn add_pass(pass: &Pass, boxes: &mut Boxes, owners: &mut HashMap<*const Node, Owners>) {
    let inputs: Vec<Arc<Node>> = pass.sinks.iter().map(|sink| Arc::clone(&sink.input)).collect();
    let program = compile(&inputs, &|_| None);
    let called: Vec<String> = pass.sinks.iter().map(|sink| name(sink.named())).collect();
    let first = boxes.labels.len();
    for task in 0..pass.tasks() {
        let regions: Vec<Region> = pass.chunks(task).map(|number| pass.grid.region(number)).collect();
        let (short, start) = (called.join(", "), regions.first().map_or_else(Vec::new, |region| region.start.clone()));
        let told = format!("{}: {} chunks from {} on", pass.names(), regions.len(), told(&start));
        let at = boxes.add(short, told, TASK);
        boxes.edges.extend(reads(&program, &regions, owners).into_iter().map(|from| (from, at)));
    }
    let last =
        merges(pass).then(|| boxes.add("merge".to_owned(), format!("partial results of {}", pass.names()), MERGED));
    boxes.edges.extend(last.iter().flat_map(|at| (first..*at).map(move |task| (task, *at))));
    for sink in &pass.sinks {
        let all = Region { start: vec![0; sink.node.shape.len()], shape: sink.node.shape.clone() };
        let own = owners.entry(Arc::as_ptr(&sink.node)).or_default();
        match (&sink.what, last) {
            (What::Reduce { .. }, last) => own.push((all, last.unwrap_or(first))),
            // The place of a chunk in the result is only simple when both have one shape.
            _ if sink.input.shape == sink.node.shape => {
                for task in 0..pass.tasks() {
                    own.extend(pass.chunks(task).map(|number| (pass.grid.region(number), first + task)));
                }
            }
            _ => own.extend((0..pass.tasks()).map(|task| (all.clone(), first + task))),
        }
    }
}

/// The boxes that have what these regions of a pass read.
fn reads(program: &Program, regions: &[Region], owners: &HashMap<*const Node, Owners>) -> HashSet<usize> {
    let mut found = HashSet::new();
    for load in &program.loads {
        let From::Later(node) = &load.from else { continue };
        for region in regions.iter().filter(|region| region.count() > 0) {
            found.extend(having(owners.get(&Arc::as_ptr(node)), &seen(&load.numbers, region)));
        }
    }
    found
}

/// What a region sees of a node through a view. A number is a region without axes.
fn seen(view: &[Affine], region: &Region) -> Region {
    if view.is_empty() { Region { start: Vec::new(), shape: Vec::new() } } else { needed(view, region).0 }
}

fn having(owners: Option<&Owners>, region: &Region) -> Vec<usize> {
    let all = owners.into_iter().flatten();
    all.filter(|(own, _)| common(own, region).is_some()).map(|(_, at)| *at).collect()
}

fn add_whole(node: &Arc<Node>, boxes: &mut Boxes, owners: &mut HashMap<*const Node, Owners>) {
    let Kind::Stage(Stage::Whole(whole), inputs) = &node.kind else { return };
    let grid = grid_of(node);
    let shapes: Vec<&[usize]> = inputs.iter().map(|input| &input.shape[..]).collect();
    let mut own = Vec::new();
    for number in 0..grid.len().max(1) {
        let region = match grid.len() {
            0 => Region { start: vec![0; node.shape.len()], shape: node.shape.clone() },
            _ => grid.region(number),
        };
        let at = boxes.add(name(node), format!("{}: from {} on", described(node), told(&region.start)), TASK);
        if region.count() > 0 {
            for (input, needs) in inputs.iter().zip(whole.needs(&region, &shapes, 1)) {
                let having = needs.iter().flat_map(|needs| having(owners.get(&Arc::as_ptr(input)), needs));
                boxes.edges.extend(having.collect::<HashSet<_>>().into_iter().map(|from| (from, at)));
            }
        }
        own.push((region, at));
    }
    owners.insert(Arc::as_ptr(node), own);
}
