//! One output of a cell as HTML: the richest representation that a page without scripts can show.

use std::path::Path;

use serde_json::Value;

use super::super::notebook::text_of;
use super::{ansi, escape, markdown};

/// The output as HTML. `label` names the cell, for those who do not see pictures.
pub(super) fn to_html(output: &Value, label: &str, directory: &Path) -> String {
    match output["output_type"].as_str() {
        Some("stream") => {
            let class = match output["name"].as_str() {
                Some("stderr") => "stream stderr",
                _ => "stream",
            };
            pre(class, &output.get("text").and_then(text_of).unwrap_or_default())
        }
        Some("error") => {
            let lines = output["traceback"].as_array().map_or(&[][..], Vec::as_slice);
            let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
            let text = match lines.join("\n") {
                text if text.is_empty() => {
                    let part = |key: &str| output[key].as_str().unwrap_or_default().to_owned();
                    format!("{}: {}", part("ename"), part("evalue"))
                }
                text => text,
            };
            let body = pre("error", &text);
            format!("<div role=\"group\" aria-label=\"Error in {}\">\n{body}</div>\n", escape(label))
        }
        Some("execute_result") => {
            let shown = data(&output["data"], label, directory);
            let number = &output["execution_count"];
            format!(
                "<div class=\"out\"><span class=\"number\" aria-hidden=\"true\">→ {number}</span>\
                 <div class=\"value\">\n{shown}</div></div>\n"
            )
        }
        Some("display_data") => data(&output["data"], label, directory),
        _ => String::new(),
    }
}

fn data(data: &Value, label: &str, directory: &Path) -> String {
    let get = |mime: &str| data.get(mime).and_then(text_of);
    let plain = get("text/plain").unwrap_or_default();
    if let Some(html) = get("text/html") {
        return format!("<div class=\"html\">\n{html}\n</div>\n");
    }
    if let Some(source) = get("text/markdown") {
        let html = markdown::to_html(&source, &Value::Null, directory);
        return format!("<div class=\"html\">\n{html}</div>\n");
    }
    let name = match plain.trim() {
        name if !name.is_empty() && !name.contains('\n') => name.to_owned(),
        _ => format!("Figure of {}", label.to_lowercase()),
    };
    let name = escape(&name);
    if let Some(svg) = get("image/svg+xml") {
        return figure_svg(&svg, &name);
    }
    for mime in ["image/png", "image/jpeg", "image/gif", "image/webp"] {
        if let Some(base64) = get(mime) {
            let base64: String = base64.split_whitespace().collect();
            return format!(
                "<div class=\"figure\"><img src=\"data:{mime};base64,{}\" alt=\"{name}\"></div>\n",
                escape(&base64)
            );
        }
    }
    if let Some(latex) = get("text/latex") {
        return pre("latex", &latex);
    }
    if !plain.is_empty() {
        return pre("plain", &plain);
    }
    let json = data
        .as_object()
        .into_iter()
        .flatten()
        .find(|(mime, value)| !value.is_string() && (mime.ends_with("/json") || mime.ends_with("+json")));
    if let Some((mime, value)) = json {
        let body = pre("plain", &format!("{value:#}"));
        return format!("<details><summary>{}</summary>\n{body}</details>\n", escape(mime));
    }
    let kinds = data.as_object().into_iter().flatten().map(|(mime, _)| mime.as_str());
    let kinds: Vec<&str> = kinds.collect();
    if kinds.is_empty() {
        return String::new();
    }
    pre("plain", &format!("[{}]", kinds.join(", ")))
}

/// An SVG within the page, where the XML declaration and the document type have no place.
fn figure_svg(svg: &str, name: &str) -> String {
    let Some(start) = svg.find("<svg") else {
        return pre("plain", svg);
    };
    // A drawing made for white paper gets white paper; one that knows themes decides for itself.
    let themed = svg.contains("currentColor") || svg.contains("prefers-color-scheme");
    let class = if themed { "figure" } else { "figure paper" };
    format!("<div class=\"{class}\" role=\"img\" aria-label=\"{name}\">\n{}\n</div>\n", svg[start..].trim_end())
}

fn pre(class: &str, text: &str) -> String {
    let html = ansi::to_html(text.trim_end_matches('\n'));
    format!("<pre class=\"{class}\" tabindex=\"0\">{html}</pre>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(mime_bundle: Value) -> String {
        let output = json!({"output_type": "display_data", "data": mime_bundle});
        to_html(&output, "Cell 1", Path::new("/"))
    }

    #[test]
    fn the_richest_representation_is_shown() {
        let html = shown(json!({"text/plain": "p", "text/html": ["<b>", "x</b>"]}));
        assert!(html.contains("<b>x</b>"), "{html}");
        let html = shown(json!({"text/plain": "A \"plot\"", "image/png": "QUJD\n"}));
        assert!(html.contains("base64,QUJD\" alt=\"A &quot;plot&quot;\""), "{html}");
        let html = shown(json!({"image/svg+xml": "<?xml version='1.0'?>\n<svg></svg>"}));
        assert!(html.contains("aria-label=\"Figure of cell 1\">\n<svg>"), "{html}");
        assert!(html.contains("paper") && !html.contains("?xml"), "{html}");
        assert!(shown(json!({"text/latex": "$x<y$"})).contains("$x&lt;y$"));
        assert!(shown(json!({"application/json": {"a": 1}})).contains("<details>"));
        assert_eq!(shown(json!({})), "");
    }

    #[test]
    fn streams_and_errors_are_told_apart() {
        let stream = json!({"output_type": "stream", "name": "stderr", "text": "w<\n"});
        let html = to_html(&stream, "Cell 1", Path::new("/"));
        assert_eq!(html, "<pre class=\"stream stderr\" tabindex=\"0\">w&lt;</pre>\n");
        let error = json!({"output_type": "error", "ename": "E", "evalue": "v", "traceback": []});
        let html = to_html(&error, "Cell 1", Path::new("/"));
        assert!(html.contains("Error in Cell 1") && html.contains("E: v"), "{html}");
    }
}
