//! Ready-made content: a few representations of one thing and a plain text for terminals.

use super::{Display, MimeBundle, check};
use ferrolab_base::text;

/// Something to show: representations, richest first, and Jupyter metadata.
///
/// ```
/// use ferrolab::display;
/// let note = display::html("<b>42</b>").alt("42");
/// assert_eq!(note.get("text/plain"), Some("42".as_bytes()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    data: MimeBundle,
    metadata: String,
}

impl Content {
    /// Sets the plain text that terminals and screen readers get.
    ///
    /// ```
    /// let c = ferrolab::display::latex("x^2").alt("x squared");
    /// assert_eq!(c.get("text/plain"), Some("x squared".as_bytes()));
    /// ```
    #[must_use]
    pub fn alt(mut self, text: impl Into<String>) -> Self {
        self.data.retain(|(mime, _)| mime != "text/plain");
        self.data.push(("text/plain".into(), text.into().into_bytes()));
        self
    }

    /// Adds a representation, before the plain text.
    ///
    /// ```
    /// let c = ferrolab::display::text("a,b").with("text/csv", "a,b");
    /// assert!(c.get("text/csv").is_some());
    /// ```
    #[must_use]
    pub fn with(mut self, mime: &str, data: impl Into<Vec<u8>>) -> Self {
        let at = self.data.iter().position(|(mime, _)| mime == "text/plain").unwrap_or(self.data.len());
        self.data.insert(at, (mime.to_owned(), data.into()));
        self
    }

    /// Sets Jupyter's output metadata, a JSON object.
    ///
    /// ```
    /// let c = ferrolab::display::png(vec![]).meta(r#"{"image/png": {"width": 320}}"#);
    /// # use ferrolab::display::Display;
    /// assert!(c.metadata().contains("320"));
    /// ```
    #[must_use]
    pub fn meta(mut self, json: impl Into<String>) -> Self {
        self.metadata = json.into();
        self
    }

    /// The bytes of one representation.
    ///
    /// ```
    /// assert!(ferrolab::display::text("hi").get("text/html").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, mime: &str) -> Option<&[u8]> {
        self.data.iter().find(|(m, _)| m == mime).map(|(_, bytes)| bytes.as_slice())
    }
}

impl Display for Content {
    fn mime_bundle(&self) -> MimeBundle {
        self.data.clone()
    }
    fn metadata(&self) -> String {
        self.metadata.clone()
    }
}

fn content(mime: &str, data: Vec<u8>, plain: String) -> Content {
    Content {
        data: vec![(mime.to_owned(), data), ("text/plain".to_owned(), plain.into_bytes())],
        metadata: String::new(),
    }
}

/// Content from representations of your own, richest first.
///
/// ```
/// ferrolab::display::bundle(vec![("text/plain".into(), b"x".to_vec())]);
/// ```
#[must_use]
pub fn bundle(data: MimeBundle) -> Content {
    Content { data, metadata: String::new() }
}

/// Plain text, shown as it is (not quoted like a string's `Debug` text).
///
/// ```
/// ferrolab::display::text("two\nlines");
/// ```
#[must_use]
pub fn text(text: impl Into<String>) -> Content {
    Content::default().alt(text)
}

/// HTML. The plain text fallback is the HTML without its tags.
///
/// ```
/// let c = ferrolab::display::html("<b>4</b> &lt; 5");
/// assert_eq!(c.get("text/plain"), Some("4 < 5".as_bytes()));
/// ```
#[must_use]
pub fn html(html: impl Into<String>) -> Content {
    let html = html.into();
    let plain = strip_tags(&html);
    content("text/html", html.into_bytes(), plain)
}

/// An SVG drawing.
///
/// ```
/// ferrolab::display::svg("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>");
/// ```
#[must_use]
pub fn svg(svg: impl Into<String>) -> Content {
    let svg = svg.into();
    let plain = format!("[SVG drawing, {}]", text::bytes(svg.len() as u64));
    content("image/svg+xml", svg.into_bytes(), plain)
}

/// A PNG image, from its encoded bytes.
///
/// ```
/// ferrolab::display::png(vec![0x89, b'P', b'N', b'G']);
/// ```
#[must_use]
pub fn png(bytes: impl Into<Vec<u8>>) -> Content {
    let bytes = bytes.into();
    let word = |at: usize| {
        let word: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_be_bytes(word))
    };
    let plain = match (word(16), word(20)) {
        (Some(w), Some(h)) => format!("[PNG image, {w} × {h} pixels, {}]", text::bytes(bytes.len() as u64)),
        _ => format!("[PNG image, {}]", text::bytes(bytes.len() as u64)),
    };
    content("image/png", bytes, plain)
}

/// A JPEG image, from its encoded bytes.
///
/// ```
/// ferrolab::display::jpeg(vec![0xff, 0xd8]);
/// ```
#[must_use]
pub fn jpeg(bytes: impl Into<Vec<u8>>) -> Content {
    let bytes = bytes.into();
    let plain = format!("[JPEG image, {}]", text::bytes(bytes.len() as u64));
    content("image/jpeg", bytes, plain)
}

/// Markdown, with `$…$` formulas where the frontend renders them.
///
/// ```
/// ferrolab::display::markdown("# Result\n$x = 4$");
/// ```
#[must_use]
pub fn markdown(markdown: impl Into<String>) -> Content {
    let markdown = markdown.into();
    content("text/markdown", markdown.clone().into_bytes(), markdown)
}

/// A LaTeX formula; `$$` is put around it when it has no `$` of its own.
///
/// ```
/// let c = ferrolab::display::latex(r"\frac{1}{2}");
/// assert_eq!(c.get("text/latex"), Some(r"$$\frac{1}{2}$$".as_bytes()));
/// ```
#[must_use]
pub fn latex(latex: impl Into<String>) -> Content {
    let plain = latex.into();
    let wrapped = if plain.contains('$') || plain.contains("\\begin") { plain.clone() } else { format!("$${plain}$$") };
    content("text/latex", wrapped.into_bytes(), plain)
}

/// A JSON document, shown as a tree that folds. Takes JSON text or anything whose `to_string` is
/// JSON, such as `serde_json::Value`. Text that is not JSON is shown as text, with what is wrong and the
/// line and column of it.
///
/// ```
/// let c = ferrolab::display::json(r#"{"pi": 3.14}"#);
/// assert!(c.get("application/json").is_some());
/// assert!(ferrolab::display::json("{oops").get("application/json").is_none());
/// ```
#[must_use]
pub fn json(json: impl ToString) -> Content {
    as_json("application/json", json.to_string(), None)
}

/// A Vega-Lite chart, from its JSON specification.
///
/// ```
/// ferrolab::display::vega_lite(r#"{"mark": "bar", "data": {"values": []}}"#);
/// ```
#[must_use]
pub fn vega_lite(spec: impl ToString) -> Content {
    let spec = spec.to_string();
    as_json("application/vnd.vegalite.v5+json", spec, Some("Vega-Lite chart"))
}

/// A Plotly figure, from its JSON (`{"data": […], "layout": {…}}`).
///
/// ```
/// ferrolab::display::plotly(r#"{"data": [{"y": [1, 3, 2]}]}"#);
/// ```
#[must_use]
pub fn plotly(figure: impl ToString) -> Content {
    let figure = figure.to_string();
    as_json("application/vnd.plotly.v1+json", figure, Some("Plotly figure"))
}

fn as_json(mime: &str, source: String, what: Option<&str>) -> Content {
    if let Err(error) = check::json(&source) {
        return text(format!("not valid JSON: {error}:\n{source}"));
    }
    let plain = match what {
        Some(what) => format!("[{what}, {}]", text::bytes(source.len() as u64)),
        None => source.clone(),
    };
    content(mime, source.into_bytes(), plain)
}

fn strip_tags(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let tail = &rest[at..];
        let starts_tag = tail[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tail.find('>') {
            Some(end) if starts_tag => rest = &tail[end + 1..],
            _ => {
                out.push('<');
                rest = &tail[1..];
            }
        }
    }
    out.push_str(rest);
    for (entity, c) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        if out.contains('&') {
            out = out.replace(entity, c);
        }
    }
    out
}
