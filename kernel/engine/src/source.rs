//! Generated source that remembers where each piece came from.
//!
//! rustc sees one text; the user wrote cells. A [`Source`] is that text as a list of pieces, each
//! either ours or a stretch of a cell, so that any place rustc names can be told in the user's
//! own terms. It holds no rules of generation and no rendering.

use std::ops::Range;

use super::insight::lexer::{Token, tokens};

/// Numbers under which files that run at a session's start are compiled, and what reports call
/// them; no cell has these numbers.
pub const START_FILES: [(u32, &str); 2] = [(u32::MAX - 2, "init.evcxr"), (u32::MAX - 3, "prelude.rs")];

/// The number of a text that is checked and is no cell.
pub const CHECKED: u32 = u32::MAX - 4;

/// What a cell is called in a report: its number in brackets, or the name of a start-up file.
pub fn cell_name(cell: u32) -> String {
    if cell == CHECKED {
        return "[check]".to_owned();
    }
    match START_FILES.iter().find(|(number, _)| *number == cell) {
        Some((_, file)) => format!("[{file}]"),
        None => format!("[{cell}]"),
    }
}

/// A stretch of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The cell's number.
    pub cell: u32,
    /// Byte range in the cell's text.
    pub range: Range<usize>,
}

#[derive(Debug, Clone)]
struct Origin {
    /// Byte offset in the generated text.
    start: usize,
    /// Cell and byte offset in it; none for generated text.
    origin: Option<(u32, usize)>,
}

/// A generated text and the origin of each piece.
#[derive(Debug, Clone, Default)]
pub struct Source {
    text: String,
    pieces: Vec<Origin>,
}

impl Source {
    /// The whole text, as rustc gets it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Append generated text.
    pub fn push(&mut self, generated: &str) {
        self.append(generated, None);
    }

    /// Append `text`, which stands at byte `offset` of cell `cell`. The word `gen` is written raw: it
    /// is reserved since edition 2024, and a method of every `rand` before 0.9.
    pub fn push_user(&mut self, cell: u32, offset: usize, text: &str) {
        let mut done = 0;
        for at in gen_words(text) {
            self.append(&text[done..at], Some((cell, offset + done)));
            self.append("r#", Some((cell, offset + at)));
            done = at;
        }
        self.append(&text[done..], Some((cell, offset + done)));
    }

    /// Append a whole cell as it is, for telling places in it.
    pub fn push_as_is(&mut self, cell: u32, text: &str) {
        self.append(text, Some((cell, 0)));
    }

    /// Append another source with its origins.
    pub fn push_source(&mut self, other: &Source) {
        for (index, piece) in other.pieces.iter().enumerate() {
            let end = other.pieces.get(index + 1).map_or(other.text.len(), |p| p.start);
            self.append(&other.text[piece.start..end], piece.origin);
        }
    }

    /// What came from a place of one cell comes from another cell now.
    pub fn move_origins(&mut self, from: &Place, cell: u32, start: usize) {
        for piece in &mut self.pieces {
            let Some((_, offset)) = piece.origin.filter(|(c, o)| *c == from.cell && from.range.contains(o)) else {
                continue;
            };
            piece.origin = Some((cell, offset - from.range.start + start));
        }
    }

    fn append(&mut self, text: &str, origin: Option<(u32, usize)>) {
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.pieces.push(Origin { start, origin });
        self.text.push_str(text);
    }

    /// Where a byte range of the generated text stands in a cell: the part of it that lies in the
    /// piece its start lies in; `None` when that is generated text.
    pub fn locate(&self, range: &Range<usize>) -> Option<Place> {
        let index = self.pieces.partition_point(|p| p.start <= range.start).checked_sub(1)?;
        let piece = &self.pieces[index];
        let (cell, offset) = piece.origin?;
        let end = self.pieces.get(index + 1).map_or(self.text.len(), |p| p.start);
        let from = offset + (range.start - piece.start);
        let to = offset + (range.end.clamp(range.start, end) - piece.start);
        Some(Place { cell, range: from..to })
    }

    /// Does any of it come from the beginning of this place?
    pub fn has(&self, place: &Place) -> bool {
        let ends = self.pieces.iter().skip(1).map(|p| p.start).chain([self.text.len()]);
        self.pieces.iter().zip(ends).any(|(piece, end)| {
            let from = |(cell, at): (u32, usize)| {
                cell == place.cell && (at..at + (end - piece.start)).contains(&place.range.start)
            };
            piece.origin.is_some_and(from)
        })
    }

    /// The byte offset of a line and column (both from 1, column in characters), as panics and
    /// rustc name places.
    pub fn offset_of(&self, line: usize, column: usize) -> Option<usize> {
        let mut start = 0;
        for _ in 1..line {
            start += self.text[start..].find('\n')? + 1;
        }
        let rest = &self.text[start..];
        let within = rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
        Some(start + within)
    }
}

/// A variable's name as generated code writes it.
pub fn identifier(name: &str) -> &str {
    if name == GEN { "r#gen" } else { name }
}

/// Reserved since edition 2024, and of no use in stable Rust yet.
const GEN: &str = "gen";

/// Where the word `gen` stands in code; not in strings, comments, and names of macro parameters.
fn gen_words(text: &str) -> Vec<usize> {
    if !text.contains(GEN) {
        return Vec::new();
    }
    let all = tokens(text);
    let is_gen = |index: usize| all[index].token == Token::Word && all[index].text(text) == GEN;
    let parameter = |index: usize| index > 0 && all[index - 1].is('$');
    (0..all.len()).filter(|&i| is_gen(i) && !parameter(i)).map(|i| all[i].range.start).collect()
}

/// Line and column (from 1, in characters) of a byte offset of a text.
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text[..floor(text, offset)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line, column)
}

fn floor(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_move() {
        let mut source = Source::default();
        source.push("// generated\n");
        source.push_user(3, 10, "fn f() {}");
        source.move_origins(&Place { cell: 3, range: 10..19 }, 8, 2);
        let place = source.locate(&(16..17)).expect("the user's own");
        assert_eq!((place.cell, place.range.start), (8, 5));
    }

    #[test]
    fn gen_is_written_raw_where_it_is_a_name() {
        let text = "let x: u8 = rng.gen(); gen_range(0, 1); // gen\n\"gen\"; r#gen; ($gen:ident)";
        let mut source = Source::default();
        source.push_user(1, 5, text);
        assert_eq!(source.text(), text.replace("rng.gen()", "rng.r#gen()"));
        let raw = source.text().find("r#gen()").expect("it is there");
        let place = source.locate(&(raw..raw + 5)).expect("the user's own");
        assert_eq!(place.range.start, 5 + text.find("gen()").expect("it is there"));
        let after = source.text().find("gen_range").expect("it is there");
        assert_eq!(source.locate(&(after..after + 3)).map(|p| p.range.start), Some(5 + after - 2));
    }
}
