//! Small texts that both sides show: escaped HTML, grouped digits, sizes, short names of types.

/// Text made safe to stand in HTML or SVG, in content and in quoted attributes. Control characters that XML
/// forbids become `�`.
///
/// ```
/// assert_eq!(ferrolab_base::text::escape("a < \"b\"\u{1}"), "a &lt; &quot;b&quot;\u{fffd}");
/// ```
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A whole number with its digits in groups of three.
///
/// ```
/// assert_eq!(ferrolab_base::text::grouped(1_234_567), "1,234,567");
/// ```
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in decimal units, with three digits or so.
///
/// ```
/// let said = [12, 1_500, 123_456, 9_990_000_000].map(ferrolab_base::text::bytes);
/// assert_eq!(said, ["12 bytes", "1.5 kB", "123 kB", "10.0 GB"]);
/// ```
pub fn bytes(size: u64) -> String {
    if size < 1000 {
        return format!("{size} bytes");
    }
    let (mut value, mut unit) = (size as f64 / 1e3, 0);
    let units = ["kB", "MB", "GB", "TB"];
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if value >= 100.0 { format!("{value:.0} {}", units[unit]) } else { format!("{value:.1} {}", units[unit]) }
}

/// A type as its user would write it: each path in it is reduced to its last part.
///
/// ```
/// let full = "std::collections::HashMap<alloc::string::String, [f64; 3]>";
/// assert_eq!(ferrolab_base::text::short_type(full), "HashMap<String, [f64; 3]>");
/// ```
pub fn short_type(full: &str) -> String {
    let mut short = String::new();
    let mut segment_start = 0;
    let mut characters = full.char_indices().peekable();
    while let Some((_, c)) = characters.next() {
        if c == ':' && characters.peek().is_some_and(|(_, next)| *next == ':') {
            characters.next();
            short.truncate(segment_start);
            continue;
        }
        short.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            segment_start = short.len();
        }
    }
    short
}
