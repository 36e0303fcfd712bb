//! The texts that a session knows, for telling places in the user's terms: cells, the files that they took
//! in, and what was generated from them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::beside::{self, Problem};
use super::diagnose::{self, Cells, Diagnostic};
use super::layout::Layout;
use super::reads::folder;
use super::source::{Place, Source, cell_name};
use super::{Engine, Refused};

/// Files get the numbers below this one; no cell has them.
const FILES: u32 = u32::MAX - 16;

/// The texts of cells, for showing places in them.
#[derive(Debug, Default, Clone)]
pub(super) struct Texts {
    cells: HashMap<u32, Arc<str>>,
    sources: HashMap<String, Source>,
    /// Cells that are compiled as another text than they have.
    layouts: HashMap<u32, Layout>,
    /// Names of files in the order of their numbers. One that was edited is another file.
    files: Vec<String>,
}

impl Texts {
    pub(super) fn source_mut(&mut self, file_name: &str) -> Option<&mut Source> {
        self.sources.get_mut(file_name)
    }

    pub(super) fn put_source(&mut self, file_name: String, source: Source) {
        self.sources.insert(file_name, source);
    }

    pub(super) fn drop_source(&mut self, file_name: &str) {
        self.sources.remove(file_name);
    }

    /// How a cell is laid out, when it is compiled as another text than it has.
    pub(super) fn layouts_of(&self, cell: u32) -> Option<Layout> {
        self.layouts.get(&cell).cloned()
    }

    pub(super) fn put_layout(&mut self, cell: u32, layout: Layout) {
        self.layouts.insert(cell, layout);
    }

    /// The number of a file with this text.
    fn enter(&mut self, path: &Path, text: &str) -> u32 {
        let here = folder();
        let name = path.strip_prefix(&here).unwrap_or(path).display().to_string();
        let known = |(index, old): &(usize, &String)| **old == name && self.text(number(*index)) == Some(text);
        if let Some((index, _)) = self.files.iter().enumerate().rev().find(known) {
            return number(index);
        }
        let cell = number(self.files.len());
        self.files.push(name);
        self.cells.insert(cell, text.into());
        cell
    }
}

fn number(index: usize) -> u32 {
    FILES - u32::try_from(index).unwrap_or_default()
}

impl Cells for Texts {
    fn text(&self, cell: u32) -> Option<&str> {
        self.cells.get(&cell).map(|t| &**t)
    }

    fn source(&self, file_name: &str) -> Option<&Source> {
        self.sources.get(file_name)
    }

    fn real(&self, place: Place) -> Option<Place> {
        match self.layouts.get(&place.cell) {
            Some(layout) => layout.real(&place.range),
            None => Some(place),
        }
    }

    fn name(&self, cell: u32) -> String {
        let file = FILES.checked_sub(cell).and_then(|index| self.files.get(index as usize));
        file.cloned().unwrap_or_else(|| cell_name(cell))
    }
}

impl Engine {
    /// The text of a cell as it is compiled: `text`, with the files that it names. Errors show `shown`.
    ///
    /// # Errors
    /// When a file is missing.
    pub(super) fn lay_out(&mut self, number: u32, text: &Arc<str>, shown: &Arc<str>) -> Result<Arc<str>, Refused> {
        self.cells.cells.insert(number, shown.clone());
        self.cells.layouts.remove(&number);
        let (cells, items) = (&mut self.cells, &self.state.items);
        let own = |name: &str| items.defines(name) || items.imports_name(name);
        match beside::lay(number, text, &folder(), &own, &mut |path, text| cells.enter(path, text)) {
            Ok(None) => Ok(text.clone()),
            Ok(Some(layout)) => {
                let laid = layout.text().into();
                self.cells.layouts.insert(number, layout);
                Ok(laid)
            }
            Err(problem) => Err(self.explain_problem(number, &problem)),
        }
    }

    fn explain_problem(&self, number: u32, problem: &Problem) -> Refused {
        let mut source = Source::default();
        source.push_as_is(problem.place.cell, self.cells.text(problem.place.cell).unwrap_or_default());
        let diagnostic = Diagnostic::error(problem.code, &problem.message, &problem.place.range, &problem.help);
        match diagnose::render(&[diagnostic], &source, &self.cells, number) {
            Some(rendered) => Refused::Errors(rendered),
            None => Refused::Broken(format!("{}; {}", problem.message, problem.help)),
        }
    }
}
