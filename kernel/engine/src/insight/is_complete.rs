//! Whether a text is a whole cell. Brackets, strings and comments are counted by hand, since they
//! can be judged while the rest is half written; syn has the word on what is balanced.

use super::lexer::{Lexeme, Token, tokens};

/// Whether a text is a whole cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completeness {
    /// Ready to run.
    Complete,
    /// Something is still open.
    Incomplete {
        /// The spaces that the next line starts with.
        indent: String,
    },
    /// No continuation can mend it.
    Invalid,
}

/// Longer texts are judged by their brackets alone.
const PARSED: usize = 64 * 1024;

/// Stack of the thread that parses: syn recurses once for each level of nesting, and a text of
/// nothing but `!` has as many as it has bytes.
const STACK: usize = 512 << 20;

/// Words after which something has to follow.
const OPEN_WORDS: &[&str] = &[
    "as", "async", "const", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl", "in", "let", "loop", "match",
    "mod", "move", "mut", "pub", "ref", "static", "struct", "trait", "type", "unsafe", "use", "where", "while",
];

/// Judge a text. `is_raw` tells which magics, by their names with their marks, stand above text that is no Rust.
pub fn is_complete(code: &str, is_raw: &dyn Fn(&str) -> bool) -> Completeness {
    let rust = match without_directives(code, is_raw) {
        Ok(rust) => rust,
        Err(verdict) => return verdict,
    };
    let all = tokens(&rust);
    if all.iter().any(is_unclosed) {
        return incomplete(0);
    }
    match open_lines(&rust, &all) {
        Err(()) => return Completeness::Invalid,
        Ok(0) => {}
        Ok(levels) => return incomplete(levels),
    }
    let Some(last) = all.iter().rfind(|p| !matches!(p.token, Token::Comment { doc: false, .. })) else {
        return Completeness::Complete;
    };
    if matches!(last.token, Token::Comment { .. }) {
        return incomplete(0);
    }
    let code_tokens: Vec<&Lexeme> = all.iter().filter(|p| !matches!(p.token, Token::Comment { .. })).collect();
    if ends_open(&rust, &code_tokens) {
        return incomplete(0);
    }
    parsed(rust)
}

fn incomplete(levels: usize) -> Completeness {
    Completeness::Incomplete { indent: "    ".repeat(levels) }
}

/// The text with blank lines where its directives stand; a verdict when a directive decides.
fn without_directives(code: &str, is_raw: &dyn Fn(&str) -> bool) -> Result<String, Completeness> {
    let trimmed = code.trim_start();
    if trimmed.split_whitespace().next().is_some_and(is_raw) {
        // Their text has no end of its own: a blank line closes it.
        let ended = code.ends_with("\n\n") || (code.ends_with('\n') && trimmed.trim_end().contains('\n'));
        return Err(if ended { Completeness::Complete } else { incomplete(0) });
    }
    let mut out = String::with_capacity(code.len());
    let mut cell_magic = false;
    let mut at_rest = Some(true);
    let mut lines = code.split_inclusive('\n');
    while let Some(line) = lines.next() {
        if !is_marked(line) || !*at_rest.get_or_insert_with(|| is_at_rest(&out)) {
            out.push_str(line);
            at_rest = None;
            continue;
        }
        cell_magic |= line.trim_start().starts_with("%%");
        let mut directive = line.to_owned();
        out.push('\n');
        while continues(&directive) {
            let Some(more) = lines.next() else {
                return Err(incomplete(1));
            };
            directive.push_str(more);
            out.push('\n');
        }
    }
    if cell_magic && out.trim().is_empty() {
        return Err(incomplete(0));
    }
    Ok(out)
}

/// Whether a line starts with a directive's mark: `:name`, `%name`, `%%name`, `!command`, `?name`, `??name`.
pub fn is_marked(line: &str) -> bool {
    let line = line.trim_start();
    let mut chars = line.chars();
    match chars.next() {
        Some(':') => chars.next().is_some_and(char::is_alphabetic),
        Some('%') => chars.next().is_some_and(|c| c.is_alphabetic() || c == '%'),
        Some('?') => chars.next().is_some_and(|c| c.is_alphabetic() || c == '?' || c == '_'),
        Some('!') => chars.next().is_some_and(|c| c.is_alphabetic() || " ./~$_".contains(c)),
        _ => false,
    }
}

/// Whether a text ends where a statement can begin: at its start, behind `;` or behind `}`, with nothing open.
pub fn is_statement_start(before: &str) -> bool {
    let all = tokens(before);
    let last = all.iter().rfind(|piece| !matches!(piece.token, Token::Comment { .. }));
    let ended = last.is_none_or(|piece| matches!(piece.token, Token::Punct(';') | Token::Close('}')));
    ended && !all.iter().any(is_unclosed) && open_lines(before, &all) == Ok(0)
}

/// Where code begins in a text: behind its comments. None when there is nothing else. A comment that is not closed is
/// code, since rustc has something to say of it.
pub fn first_code(text: &str) -> Option<usize> {
    let is_comment = |piece: &&Lexeme| match piece.token {
        Token::Comment { doc, closed, line } => !doc && (closed || line),
        _ => false,
    };
    tokens(text).iter().find(|piece| !is_comment(piece)).map(|piece| piece.range.start)
}

/// Whether nothing before a line is still open, so that the line can be a directive.
pub(super) fn is_at_rest(before: &str) -> bool {
    let all = tokens(before);
    let code: Vec<&Lexeme> = all.iter().filter(|p| !matches!(p.token, Token::Comment { .. })).collect();
    open_lines(before, &all) == Ok(0) && !all.iter().any(is_unclosed) && !ends_open(before, &code)
}

fn is_unclosed(piece: &Lexeme) -> bool {
    matches!(piece.token, Token::Text { closed: false } | Token::Comment { closed: false, line: false, .. })
}

/// Whether a directive goes on in the next line: a bracket of TOML is open, or a backslash ends it.
fn continues(directive: &str) -> bool {
    if directive.trim_start().starts_with(['!', '?']) || directive.trim_start().starts_with("%%") {
        return directive.trim_end_matches(['\n', '\r']).ends_with('\\');
    }
    let count = |open: char, close: char| directive.matches(open).count() > directive.matches(close).count();
    count('{', '}') || count('[', ']') || directive.matches("\"\"\"").count() % 2 == 1
}

/// How many lines hold a bracket that is still open: the levels of indent. An error when brackets
/// do not match.
fn open_lines(source: &str, all: &[Lexeme]) -> Result<usize, ()> {
    let mut open: Vec<(char, usize)> = Vec::new();
    let (mut line, mut counted) = (0, 0);
    for piece in all {
        line += source[counted..piece.range.start].matches('\n').count();
        counted = piece.range.start;
        match piece.token {
            Token::Open(c) => open.push((c, line)),
            Token::Close(c) => match (open.pop(), c) {
                (Some(('(', _)), ')') | (Some(('[', _)), ']') | (Some(('{', _)), '}') => {}
                _ => return Err(()),
            },
            _ => {}
        }
    }
    open.dedup_by_key(|(_, line)| *line);
    Ok(open.len())
}

/// Whether the last tokens ask for more.
fn ends_open(source: &str, code: &[&Lexeme]) -> bool {
    let Some(last) = code.last() else {
        return false;
    };
    let text = source.trim_end();
    match last.token {
        Token::Word => OPEN_WORDS.contains(&last.text(source)),
        Token::Punct(';' | '?') => false,
        // A range may end with its dots.
        Token::Punct('.') => !ends_with_range(source, code),
        Token::Punct('>') => text.ends_with("->") || text.ends_with("=>") || text.ends_with(" >"),
        Token::Punct(c) => "+-*/%=&|^<,:!@#~".contains(c) && !text.ends_with("*/"),
        Token::Close(']') => is_attribute(code),
        _ => false,
    }
}

fn ends_with_range(source: &str, code: &[&Lexeme]) -> bool {
    code.len() >= 2 && code[code.len() - 2].is('.') && source.trim_end().ends_with("..")
}

/// Whether the bracket that closes last belongs to an outer attribute.
fn is_attribute(code: &[&Lexeme]) -> bool {
    let mut depth = 0usize;
    for (index, piece) in code.iter().enumerate().rev() {
        match piece.token {
            Token::Close(_) => depth += 1,
            Token::Open(_) => {
                depth -= 1;
                if depth == 0 {
                    return index > 0 && piece.is('[') && code[index - 1].is('#');
                }
            }
            _ => {}
        }
    }
    false
}

/// What syn says of a balanced text. In a thread of its own, for its stack and because spans are
/// kept for as long as their thread lives.
fn parsed(rust: String) -> Completeness {
    if rust.len() > PARSED {
        return Completeness::Complete;
    }
    let judge = move || {
        let length = rust.len();
        let text = format!("{{{rust}\n}}");
        match syn::parse_str::<syn::Block>(&text) {
            Ok(_) => Completeness::Complete,
            Err(error) if error.span().byte_range().start > length => incomplete(0),
            Err(_) => Completeness::Invalid,
        }
    };
    let thread = std::thread::Builder::new().name("is-complete".to_owned()).stack_size(STACK).spawn(judge);
    thread.ok().and_then(|t| t.join().ok()).unwrap_or(Completeness::Complete)
}
