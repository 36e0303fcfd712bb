//! Lines of a text notebook: which of them begin a cell, and how those are written that only look like it. It knows
//! neither metadata nor cells.

/// How a comment begins.
pub(super) const COMMENT: &str = "//";

/// The lines of a text, without their ends; an end at the very end is no line of its own.
pub(super) fn of(text: &str) -> Vec<&str> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

/// A file from Windows has another end on every line; a single carriage return within a cell is the cell's own.
pub(super) fn with_plain_ends(text: &str) -> String {
    let first = text.split_inclusive('\n').next().unwrap_or_default();
    if first.ends_with("\r\n") { text.replace("\r\n", "\n") } else { text.to_owned() }
}

/// What begins a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins<'a> {
    /// `// %% …`: what stands behind the two marks.
    Marked(&'a str),
    /// `// %%` alone, and what other tools write for it.
    Plain,
}

/// Does this line begin a cell?
pub(super) fn begins(line: &str) -> Option<Begins<'_>> {
    behind(line.trim_start().strip_prefix(COMMENT)?)
}

/// The same of what stands behind the comment's mark.
fn behind(rest: &str) -> Option<Begins<'_>> {
    let rest = rest.trim_start();
    if let Some(options) = rest.strip_prefix("%%") {
        let after = options.trim_start_matches('%');
        if options.trim().is_empty() {
            return Some(Begins::Plain);
        }
        return after.starts_with(char::is_whitespace).then_some(Begins::Marked(options));
    }
    let word = rest.trim_end();
    let numbered = word.strip_prefix("In[").map(|rest| rest.strip_suffix(':').unwrap_or(rest));
    let numbered = numbered.and_then(|rest| rest.strip_suffix(']'));
    let numbered = numbered.is_some_and(|number| number.chars().all(|c| c.is_ascii_digit() || c == ' '));
    (numbered || word == "<codecell>").then_some(Begins::Plain)
}

/// A line of a cell that would begin another one gets a slash more: `/// %%`. So does one that has slashes more.
pub(super) fn guarded(line: String) -> String {
    if !looks_like_beginning(&line, 2) {
        return line;
    }
    let at = line.len() - line.trim_start().len();
    format!("{}/{}", &line[..at], &line[at..])
}

/// Takes that slash away.
pub(super) fn unguarded(line: &str) -> String {
    if !looks_like_beginning(line, 3) {
        return line.to_owned();
    }
    let at = line.len() - line.trim_start().len();
    format!("{}{}", &line[..at], &line[at + 1..])
}

fn looks_like_beginning(line: &str, least: usize) -> bool {
    let code = line.trim_start();
    let rest = code.trim_start_matches('/');
    code.len() - rest.len() >= least && behind(rest).is_some()
}

/// A directive in the first column, which is no Rust, or a comment that would be taken for one: jupytext puts `// `
/// before it.
pub(super) fn is_directive(line: &str) -> bool {
    let mut rest = line;
    while let Some(inner) = rest.strip_prefix(COMMENT) {
        rest = inner.strip_prefix(' ').unwrap_or(inner);
    }
    rest.strip_prefix(':').is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// As a comment.
pub(super) fn commented(line: &str) -> String {
    if line.is_empty() { COMMENT.to_owned() } else { format!("{COMMENT} {line}") }
}

/// Without the comment's mark, where there is one.
pub(super) fn uncommented(line: &str) -> &str {
    let Some(rest) = line.strip_prefix(COMMENT) else { return line };
    rest.strip_prefix(' ').unwrap_or(rest)
}

/// A fence of Markdown that is open: its character, and how often it stands there.
type Fence = (char, usize);

fn opens_fence(text: &str) -> Option<Fence> {
    let (fence, info) = fence(text)?;
    (fence.0 == '~' || !info.contains('`')).then_some(fence)
}

fn closes_fence(text: &str, open: Fence) -> bool {
    fence(text).is_some_and(|((mark, count), info)| mark == open.0 && count >= open.1 && info.trim().is_empty())
}

fn fence(text: &str) -> Option<(Fence, &str)> {
    let inner = text.trim_start_matches(' ');
    if text.len() - inner.len() > 3 {
        return None;
    }
    let mark = inner.chars().next().filter(|c| ['`', '~'].contains(c))?;
    let info = inner.trim_start_matches(mark);
    let count = inner.len() - info.len();
    (count >= 3).then_some(((mark, count), info))
}

/// Where the fenced block that begins at this line ends: the index of its last line. In it, `// %%` is text. It has to
/// end before the comment does, so that a block that nobody closed takes nothing else with it.
pub(super) fn fenced<T: AsRef<str>>(lines: &[T], at: usize) -> Option<usize> {
    let is_comment = |line: &&T| line.as_ref().starts_with(COMMENT);
    let open = lines.get(at).filter(is_comment).and_then(|line| opens_fence(uncommented(line.as_ref())))?;
    let rest = lines[at + 1..].iter().take_while(is_comment);
    rest.zip(at + 1..).find(|(line, _)| closes_fence(uncommented(line.as_ref()), open)).map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_a_cell() {
        for line in ["// %%", "//%%", "  // %% ", "// <codecell>", "// In[12]:", "//  In[ ]"] {
            assert_eq!(begins(line), Some(Begins::Plain), "{line}");
        }
        assert_eq!(begins("// %% a title"), Some(Begins::Marked(" a title")));
        assert_eq!(begins("// %%%% deeper"), Some(Begins::Marked("%% deeper")));
        for line in ["// %%time", "%% x", "/// %%", "// x %%", "// In[a]", "", "//"] {
            assert_eq!(begins(line), None, "{line}");
        }
    }

    #[test]
    fn what_looks_like_a_beginning_is_guarded() {
        for line in ["// %% x", "/// %%", "  //// %% y", "//In[3]:", "// %%time", "x // %%", "// // %% x"] {
            let written = guarded(line.to_owned());
            assert_eq!(begins(&written), None, "{written}");
            assert_eq!(unguarded(&written), line);
        }
        assert_eq!(guarded("// // %% x".into()), "// // %% x", "as jupytext leaves it");
    }

    #[test]
    fn directives_in_the_first_column() {
        assert!(is_directive(":dep x") && is_directive("// :dep x") && is_directive("//// :vars"));
        assert!(!is_directive(" :dep") && !is_directive("::x") && !is_directive("%%time") && !is_directive("//  :x"));
    }

    #[test]
    fn fences_end_with_their_comment() {
        let lines = ["// ```mermaid", "// %% not a cell", "// ```", "// ~~~", "", "// ~~~"];
        assert_eq!((fenced(&lines, 0), fenced(&lines, 3), fenced(&lines, 1)), (Some(2), None, None));
    }
}
