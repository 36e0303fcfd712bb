//! A text as code tokens with its brackets paired: how the rest of this room walks about in it.

use super::lexer::{Lexeme, Token, code_tokens};

/// A text's tokens, each bracket with its partner.
pub(super) struct Code<'a> {
    pub(super) source: &'a str,
    pub(super) pieces: Vec<Lexeme>,
    partner: Vec<Option<usize>>,
}

impl<'a> Code<'a> {
    pub(super) fn new(source: &'a str) -> Code<'a> {
        let pieces = code_tokens(source);
        let mut partner = vec![None; pieces.len()];
        let mut open = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            match piece.token {
                Token::Open(_) => open.push(index),
                Token::Close(_) => {
                    if let Some(start) = open.pop() {
                        partner[start] = Some(index);
                        partner[index] = Some(start);
                    }
                }
                _ => {}
            }
        }
        Code { source, pieces, partner }
    }

    pub(super) fn text(&self, index: usize) -> &'a str {
        self.pieces.get(index).map_or("", |p| self.source.get(p.range.clone()).unwrap_or_default())
    }

    pub(super) fn is(&self, index: usize, c: char) -> bool {
        self.pieces.get(index).is_some_and(|p| p.is(c))
    }

    pub(super) fn word(&self, index: usize) -> Option<&'a str> {
        self.pieces.get(index).filter(|p| p.token == Token::Word).map(|_| self.text(index))
    }

    pub(super) fn partner(&self, index: usize) -> Option<usize> {
        self.partner.get(index).copied().flatten()
    }

    /// Whether `::` ends right before a token.
    pub(super) fn after_path(&self, index: usize) -> bool {
        index >= 2
            && self.is(index - 1, ':')
            && self.is(index - 2, ':')
            && self.pieces[index - 2].range.end == self.pieces[index - 1].range.start
    }

    /// Whether a single `.` stands right before a token.
    pub(super) fn after_dot(&self, index: usize) -> bool {
        index >= 1 && self.is(index - 1, '.') && !(index >= 2 && self.is(index - 2, '.'))
    }

    /// The source of some tokens.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        if from >= to || to > self.pieces.len() {
            return "";
        }
        self.source.get(self.pieces[from].range.start..self.pieces[to - 1].range.end).unwrap_or_default()
    }

    /// Where the `<` stands that a `>` before `end` closes.
    pub(super) fn angle_start(&self, end: usize) -> Option<usize> {
        let mut depth = 0usize;
        let mut at = end;
        while at > 0 {
            at -= 1;
            match self.pieces[at].token {
                Token::Punct('>') if at > 0 && self.is(at - 1, '-') => {}
                Token::Punct('>') => depth += 1,
                Token::Punct('<') => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at);
                    }
                }
                Token::Close(_) => at = self.partner(at)?,
                Token::Punct(';') | Token::Open(_) => return None,
                _ => {}
            }
        }
        None
    }

    /// The names of the path that ends before `end` (where `::` stands), and its first token.
    pub(super) fn path_before(&self, end: usize) -> (Vec<&'a str>, Option<&'a str>, usize) {
        let mut names = Vec::new();
        let mut generics = None;
        let mut at = end;
        loop {
            if at >= 1
                && self.is(at - 1, '>')
                && let Some(open) = self.angle_start(at)
            {
                generics.get_or_insert(self.slice(open + 1, at - 1));
                at = if self.after_path(open) { open - 2 } else { open };
            }
            let Some(name) = at.checked_sub(1).and_then(|i| self.word(i)) else {
                break;
            };
            names.push(name);
            at -= 1;
            if !self.after_path(at) {
                break;
            }
            at -= 2;
        }
        names.reverse();
        (names, generics, at)
    }
}
