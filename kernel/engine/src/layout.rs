//! A cell's text as it is compiled, where that differs from what the user wrote: files beside the notebook
//! stand in the place of the words that name them. It remembers where each stretch comes from, and reads
//! nothing itself.

use std::ops::Range;

use super::source::Place;

#[derive(Debug, Clone)]
struct Section {
    /// Byte offset in the laid-out text.
    start: usize,
    /// The cell or file it comes from, and the byte offset there.
    cell: u32,
    offset: usize,
    /// For text that stands for something else: the length of that.
    stands_for: Option<usize>,
}

/// A laid-out text and the origin of each stretch.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    text: String,
    pieces: Vec<Section>,
}

impl Layout {
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Append `text`, which stands at byte `offset` of a cell or file.
    pub fn push(&mut self, cell: u32, offset: usize, text: &str) {
        self.append(text, Section { start: self.text.len(), cell, offset, stands_for: None });
    }

    /// Append `text` in the place of a stretch of a cell or file.
    pub fn push_for(&mut self, cell: u32, range: &Range<usize>, text: &str) {
        let piece = Section { start: self.text.len(), cell, offset: range.start, stands_for: Some(range.len()) };
        self.append(text, piece);
    }

    /// Insert `text`, which stands at byte `offset` of another cell, at byte `at` of what is there.
    pub fn insert(&mut self, at: usize, cell: u32, offset: usize, text: &str) {
        let index = self.index(at).filter(|index| self.pieces[*index].start < at);
        if let Some(index) = index {
            let cut = self.pieces[index].clone();
            let rest = Section { start: at, offset: cut.at(at), ..cut };
            if self.end_of(at) > at {
                self.pieces.insert(index + 1, rest);
            }
        }
        let index = self.pieces.partition_point(|piece| piece.start < at);
        self.pieces[index..].iter_mut().for_each(|piece| piece.start += text.len());
        self.pieces.insert(index, Section { start: at, cell, offset, stands_for: None });
        self.text.insert_str(at, text);
    }

    fn append(&mut self, text: &str, piece: Section) {
        if !text.is_empty() {
            self.pieces.push(piece);
            self.text.push_str(text);
        }
    }

    /// Where a stretch of the laid-out text stands for the user: in one cell or file, that of its start.
    pub fn real(&self, range: &Range<usize>) -> Option<Place> {
        let first = self.piece(range.start)?;
        let from = first.at(range.start);
        let last = self.piece(range.end.max(range.start + 1) - 1).filter(|last| last.cell == first.cell);
        let to = match last {
            _ if range.is_empty() && first.stands_for.is_none() => from,
            Some(last) => last.end(range.end),
            None => first.end(self.end_of(range.start)),
        };
        Some(Place { cell: first.cell, range: from..to.max(from) })
    }

    fn index(&self, at: usize) -> Option<usize> {
        self.pieces.partition_point(|p| p.start <= at).checked_sub(1)
    }

    fn piece(&self, at: usize) -> Option<&Section> {
        self.pieces.get(self.index(at)?)
    }

    fn end_of(&self, at: usize) -> usize {
        let next = self.index(at).and_then(|index| self.pieces.get(index + 1));
        next.map_or(self.text.len(), |next| next.start)
    }
}

impl Section {
    fn at(&self, at: usize) -> usize {
        if self.stands_for.is_some() { self.offset } else { self.offset + (at - self.start) }
    }

    fn end(&self, at: usize) -> usize {
        self.stands_for.map_or_else(|| self.at(at), |length| self.offset + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_another_cell_comes_between() {
        let mut layout = Layout::default();
        layout.push(7, 0, "use a;\nv.push(1)");
        layout.insert(7, 2, 40, "let v = Vec::new();\n");
        assert_eq!(layout.text(), "use a;\nlet v = Vec::new();\nv.push(1)");
        let at = |word: &str| layout.text().find(word).unwrap_or_default();
        let place = |cell, range| Some(Place { cell, range });
        assert_eq!(layout.real(&(0..3)), place(7, 0..3));
        assert_eq!(layout.real(&(at("Vec")..at("Vec") + 3)), place(2, 48..51));
        assert_eq!(layout.real(&(at("push")..at("push") + 4)), place(7, 9..13));
        layout.insert(0, 3, 5, "let w;\n");
        assert_eq!(layout.real(&(4..5)), place(3, 9..10));
        assert_eq!(layout.real(&(7..10)), place(7, 0..3));
    }

    #[test]
    fn places_are_those_of_the_user() {
        let mut layout = Layout::default();
        layout.push(3, 0, "mod a");
        layout.push_for(3, &(5..6), " {\n");
        layout.push(90, 0, "pub fn f() {}");
        layout.push_for(3, &(5..6), "\n}");
        layout.push(3, 6, "\na::f()");
        let at = |word: &str| layout.text().find(word).unwrap_or_default();
        let place = |cell, range| Some(Place { cell, range });
        assert_eq!(layout.real(&(at("fn f")..at("fn f") + 4)), place(90, 4..8));
        assert_eq!(layout.real(&(at("a::f")..at("a::f") + 4)), place(3, 7..11));
        assert_eq!(layout.real(&(0..at("\na::f"))), place(3, 0..6), "the whole module");
        assert_eq!(layout.real(&(at("{")..at("{"))), place(3, 5..6));
    }
}
