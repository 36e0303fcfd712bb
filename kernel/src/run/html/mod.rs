//! An executed notebook as one page that needs nothing else: no network, no scripts of ours, light
//! or dark as the reader prefers. HTML that a cell displayed is put in as it is, as Jupyter does.

pub(in crate::run) mod ansi;
mod highlight;
mod markdown;
mod output;

use ferrolab_base::text::escape;
use std::path::Path;

use serde_json::Value;

use super::notebook::{Notebook, text_of};

const STYLE: &str = include_str!("page.css");

/// The page. `stem` names the notebook, `directory` is where its pictures lie.
pub(super) fn page(notebook: &Notebook, stem: &str, directory: &Path) -> String {
    let cells = notebook.values();
    let heading = cells
        .iter()
        .filter(|cell| cell["cell_type"] == "markdown")
        .filter_map(|cell| cell.get("source").and_then(text_of))
        .find_map(|source| markdown::title(&source));
    let metadata = notebook.metadata();
    let title = metadata["title"].as_str().or(heading.as_deref()).unwrap_or(stem);
    let language = metadata["lang"].as_str().unwrap_or("en");
    let mut body = String::new();
    if heading.is_none() {
        body += &format!("<h1>{}</h1>\n", escape(title));
    }
    for cell in cells {
        body += &cell_html(cell, directory);
    }
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"Ferrolab {}\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n\
         </body>\n</html>\n",
        escape(language),
        env!("CARGO_PKG_VERSION"),
        escape(title),
    )
}

fn cell_html(cell: &Value, directory: &Path) -> String {
    let source = cell.get("source").and_then(text_of).unwrap_or_default();
    match cell["cell_type"].as_str() {
        Some("markdown") => {
            let html = markdown::to_html(&source, &cell["attachments"], directory);
            format!("<div class=\"text\">\n{html}</div>\n")
        }
        Some("code") if !source.trim().is_empty() => code_html(cell, &source, directory),
        _ => String::new(),
    }
}

fn code_html(cell: &Value, source: &str, directory: &Path) -> String {
    let number = cell["execution_count"].as_u64();
    let (label, prompt) = match number {
        Some(n) => (format!("Cell {n}"), n.to_string()),
        None => ("Cell that was not run".to_owned(), " ".to_owned()),
    };
    let code = highlight::to_html(source.trim_end());
    let mut html = format!(
        "<section class=\"cell\" aria-label=\"{label}\">\n\
         <div class=\"in\"><span class=\"number\" aria-hidden=\"true\">[{prompt}]</span>\
         <pre tabindex=\"0\"><code>{code}</code></pre></div>\n"
    );
    let outputs = cell["outputs"].as_array().map_or(&[][..], Vec::as_slice);
    for output in outputs {
        html += &output::to_html(output, &label, directory);
    }
    html + "</section>\n"
}
