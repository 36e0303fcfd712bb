//! Markdown as HTML: headings get anchors, Rust in fences gets colours, pictures that lie beside the
//! notebook or in it are put into the page. Mathematics stays as it was written.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};
use serde_json::Value;

/// Pictures larger than this stay links.
const LARGEST_PICTURE: u64 = 8 << 20;

/// Markdown as HTML. `attachments` are those of the cell, `directory` is where links start.
pub(super) fn to_html(source: &str, attachments: &Value, directory: &Path) -> String {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_MATH;
    let mut out: Vec<Event<'_>> = Vec::new();
    let mut heading: Option<usize> = None;
    let mut fence: Option<String> = None;
    for event in Parser::new_ext(source, options) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) if is_rust(&info) => {
                fence = Some(String::new());
            }
            Event::Text(text) if fence.is_some() => {
                fence.get_or_insert_default().push_str(&text);
            }
            Event::End(TagEnd::CodeBlock) if fence.is_some() => {
                let code = super::highlight::to_html(&fence.take().unwrap_or_default());
                let block = format!("<pre tabindex=\"0\"><code>{code}</code></pre>\n");
                out.push(Event::Html(block.into()));
            }
            Event::Start(Tag::Heading { .. }) => {
                heading = Some(out.len());
                out.push(event);
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(start) = heading.take() {
                    anchor(&mut out[start..]);
                }
                out.push(event);
            }
            Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
                let embedded = embed(&dest_url, attachments, directory);
                out.push(Event::Start(Tag::Image {
                    link_type,
                    dest_url: embedded.map_or(dest_url, CowStr::from),
                    title,
                    id,
                }));
            }
            other => out.push(other),
        }
    }
    let mut text = String::with_capacity(source.len() * 2);
    html::push_html(&mut text, out.into_iter());
    text
}

/// The text of the first heading of the first level.
pub(super) fn title(source: &str) -> Option<String> {
    let mut text: Option<String> = None;
    for event in Parser::new(source) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level as usize == 1 => {
                text = Some(String::new());
            }
            Event::End(TagEnd::Heading(_)) if text.is_some() => return text,
            Event::Text(more) | Event::Code(more) => {
                if let Some(text) = &mut text {
                    text.push_str(&more);
                }
            }
            _ => {}
        }
    }
    None
}

fn is_rust(info: &str) -> bool {
    let word = info.split([',', ' ']).next().unwrap_or_default();
    matches!(word, "rust" | "rs" | "Rust")
}

/// Gives a heading the anchor that Jupyter would give it.
fn anchor(heading: &mut [Event<'_>]) {
    let words: String = heading
        .iter()
        .filter_map(|event| match event {
            Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    if let Some(Event::Start(Tag::Heading { id, .. })) = heading.first_mut() {
        *id = Some(words.replace(' ', "-").into());
    }
}

/// A picture as a data URI; `None` for what stays a link.
fn embed(url: &str, attachments: &Value, directory: &Path) -> Option<String> {
    if let Some(name) = url.strip_prefix("attachment:") {
        let (mime, data) = attachments.get(name)?.as_object()?.iter().next()?;
        let data: String = data.as_str()?.split_whitespace().collect();
        return Some(format!("data:{mime};base64,{data}"));
    }
    if url.contains(':') || url.starts_with("//") {
        return None;
    }
    let path = directory.join(url);
    let mime = match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    let size = fs::metadata(&path).ok()?.len();
    if size > LARGEST_PICTURE {
        return None;
    }
    let data = STANDARD.encode(fs::read(&path).ok()?);
    Some(format!("data:{mime};base64,{data}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn headings_code_math_and_pictures() {
        let attachments = json!({"a.png": {"image/png": "AAAA"}});
        let source = "# Big *one* `x`\n\n```rust\nfn f() {}\n```\n\n$a_1 b_2$ ![A](attachment:a.png)";
        let html = to_html(source, &attachments, Path::new("/nowhere"));
        assert!(html.contains("<h1 id=\"Big-one-x\">"), "{html}");
        assert!(html.contains("<span class=\"hk\">fn</span>"), "{html}");
        assert!(html.contains("a_1 b_2"), "{html}");
        assert!(html.contains("src=\"data:image/png;base64,AAAA\" alt=\"A\""), "{html}");
        assert_eq!(title(source).as_deref(), Some("Big one x"));
    }
}
