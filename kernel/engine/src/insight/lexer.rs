//! Rust's tokens from text that may be half written. It never fails: what it cannot read is
//! punctuation, what is not closed reaches to the end. It knows no grammar.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// An identifier or keyword, `r#` included.
    Word,
    Lifetime,
    Number,
    /// A string of any kind.
    Text {
        closed: bool,
    },
    Char,
    Comment {
        doc: bool,
        closed: bool,
        line: bool,
    },
    Open(char),
    Close(char),
    /// One character of punctuation.
    Punct(char),
}

/// A token and its byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) range: Range<usize>,
}

impl Lexeme {
    pub(crate) fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.range.clone()).unwrap_or_default()
    }

    pub(crate) fn is(&self, c: char) -> bool {
        matches!(self.token, Token::Punct(p) | Token::Open(p) | Token::Close(p) if p == c)
    }
}

pub(super) fn is_word_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// All tokens of a text, comments included.
pub(crate) fn tokens(source: &str) -> Vec<Lexeme> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let rest = &source[at..];
        let (token, length) = one(rest, c);
        let length = length.clamp(c.len_utf8(), rest.len());
        found.push(Lexeme { token, range: at..at + length });
        at += length;
    }
    found
}

/// The tokens that are not comments.
pub(super) fn code_tokens(source: &str) -> Vec<Lexeme> {
    let mut found = tokens(source);
    found.retain(|p| !matches!(p.token, Token::Comment { .. }));
    found
}

fn one(rest: &str, c: char) -> (Token, usize) {
    if rest.starts_with("//") {
        let length = rest.find('\n').unwrap_or(rest.len());
        let doc = rest.starts_with("///") && !rest.starts_with("////");
        return (Token::Comment { doc, closed: length < rest.len(), line: true }, length);
    }
    if rest.starts_with("/*") {
        let (length, closed) = block_comment(rest);
        let doc = rest.starts_with("/**") && !rest.starts_with("/***") && length > 4;
        return (Token::Comment { doc, closed, line: false }, length);
    }
    if let Some(found) = text(rest) {
        return found;
    }
    if c == '\'' {
        return quote(rest);
    }
    if is_word_start(c) {
        let skip = if rest.starts_with("r#") && rest[2..].starts_with(is_word_start) { 2 } else { 0 };
        let length = rest[skip..].find(|c| !is_word(c)).map_or(rest.len(), |n| n + skip);
        return (Token::Word, length);
    }
    if c.is_ascii_digit() {
        return (Token::Number, number(rest));
    }
    match c {
        '(' | '[' | '{' => (Token::Open(c), 1),
        ')' | ']' | '}' => (Token::Close(c), 1),
        _ => (Token::Punct(c), c.len_utf8()),
    }
}

fn block_comment(rest: &str) -> (usize, bool) {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0usize, 0);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return (at, true);
            }
        } else {
            at += 1;
        }
    }
    (rest.len(), false)
}

/// A string literal with any prefix: `"`, `b"`, `c"`, `r#"`, `br"`, `cr#"`.
fn text(rest: &str) -> Option<(Token, usize)> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(rest.len());
    let raw = match &rest[..prefix] {
        "" | "b" | "c" => false,
        "r" | "br" | "cr" => true,
        _ => return None,
    };
    let body = &rest[prefix..];
    if !raw {
        body.strip_prefix('"')?;
        let mut escaped = false;
        for (at, c) in body.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => return Some((Token::Text { closed: true }, prefix + at + 1)),
                _ => {}
            }
        }
        return Some((Token::Text { closed: false }, rest.len()));
    }
    let hashes = body.find(|c| c != '#').unwrap_or(body.len());
    let inner = body[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", &body[..hashes]);
    let start = prefix + hashes + 1;
    Some(match inner.find(&end) {
        Some(at) => (Token::Text { closed: true }, start + at + end.len()),
        None => (Token::Text { closed: false }, rest.len()),
    })
}

/// A character or a lifetime.
fn quote(rest: &str) -> (Token, usize) {
    let mut chars = rest.char_indices().skip(1);
    let Some((_, first)) = chars.next() else {
        return (Token::Punct('\''), 1);
    };
    if first == '\\' {
        // `'\u{1f600}'` is the longest.
        chars.next();
        let end = chars.take(12).find(|(_, c)| *c == '\'' || *c == '\n');
        return match end {
            Some((at, '\'')) => (Token::Char, at + 1),
            _ => (Token::Punct('\''), 1),
        };
    }
    match chars.next() {
        Some((at, '\'')) if first != '\'' => (Token::Char, at + 1),
        _ if is_word_start(first) => {
            let length = rest[1..].find(|c| !is_word(c)).map_or(rest.len(), |n| n + 1);
            (Token::Lifetime, length)
        }
        _ => (Token::Punct('\''), 1),
    }
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let exponent = at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !rest.starts_with("0x");
        match bytes[at] {
            b if b.is_ascii_alphanumeric() || b == b'_' => at += 1,
            // `1.5`, but neither `1..2` nor `1.max(2)`.
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) && !rest[..at].contains('.') => at += 1,
            b'+' | b'-' if exponent && bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => at += 1,
            _ => break,
        }
    }
    at
}
