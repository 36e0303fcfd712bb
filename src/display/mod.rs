//! Showing values in a notebook: rich content, tables, and a trait for types of your own.
//!
//! Everything here ends as a MIME bundle: the same value in several representations, of which the
//! frontend shows the richest one it knows. A value of these types is shown when it is the
//! trailing expression of a cell; `.show()` shows it anywhere else. This room knows formats; it
//! does not know frames or processes (that is [`crate::rt`]) and draws nothing ([`crate::plot`]).

mod array;
mod check;
mod columns;
mod content;
mod dbg;
mod debug;
pub mod dispatch;
mod table;
#[cfg(test)]
mod tests;

pub use crate::rt::{MimeBundle, clear_output, input, new_display_id};
pub use columns::{TableOf, table_of};
pub use content::{Content, bundle, html, jpeg, json, latex, markdown, plotly, png, svg, text, vega_lite};
pub use debug::debug_text;
pub(crate) use ferrolab_base::text::escape;
pub use table::{Table, table};

use crate::rt;

/// A value that knows how to look in a notebook.
///
/// Implement [`mime_bundle`](Display::mime_bundle) for a type of your own and every value of it is
/// shown that way when it is the trailing expression of a cell.
///
/// ```
/// use ferrolab::display::{Display, MimeBundle};
///
/// struct Colour(u8, u8, u8);
///
/// impl Display for Colour {
///     fn mime_bundle(&self) -> MimeBundle {
///         let Colour(r, g, b) = self;
///         vec![
///             ("text/html".into(), format!("<b style='color:rgb({r},{g},{b})'>■</b>").into()),
///             ("text/plain".into(), format!("#{r:02x}{g:02x}{b:02x}").into()),
///         ]
///     }
/// }
/// Colour(255, 128, 0).show();
/// ```
pub trait Display {
    /// The representations, richest first: MIME type and bytes (UTF-8 for text types; PNG and
    /// JPEG as they are, not base64). Put a `text/plain` last, for terminals.
    fn mime_bundle(&self) -> MimeBundle;

    /// Jupyter's output metadata: a JSON object such as `{"image/png": {"width": 640}}`, or
    /// empty.
    fn metadata(&self) -> String {
        String::new()
    }

    /// Shows the value now, after everything printed before it.
    fn show(&self) {
        rt::show(self.mime_bundle(), &self.metadata(), None);
    }

    /// Shows the value under a display id, so that [`update`](Display::update) can replace it.
    fn show_as(&self, display_id: &str) {
        rt::show(self.mime_bundle(), &self.metadata(), Some(display_id));
    }

    /// Replaces what is shown under a display id. It does not wait for the frontend.
    fn update(&self, display_id: &str) {
        rt::update(self.mime_bundle(), &self.metadata(), display_id);
    }
}

macro_rules! forward {
    ($($pointer:ty),*) => {$(
        impl<T: Display + ?Sized> Display for $pointer {
            fn mime_bundle(&self) -> MimeBundle {
                (**self).mime_bundle()
            }
            fn metadata(&self) -> String {
                (**self).metadata()
            }
        }
    )*};
}
forward!(&T, &mut T, Box<T>, std::rc::Rc<T>, std::sync::Arc<T>);

/// Shows a value now, after everything printed before it.
///
/// ```
/// ferrolab::display::show(&ferrolab::display::markdown("**done**"));
/// ```
pub fn show(value: &dyn Display) {
    value.show();
}

/// Shows a value under a display id of your own, for later updates.
///
/// ```
/// use ferrolab::display;
/// display::show_as(&display::text("starting"), "status");
/// display::update(&display::text("half way"), "status");
/// ```
pub fn show_as(value: &dyn Display, display_id: &str) {
    value.show_as(display_id);
}

/// Replaces what is shown under a display id.
///
/// ```
/// use ferrolab::display;
/// display::update(&display::html("<b>done</b>"), "status");
/// ```
pub fn update(value: &dyn Display, display_id: &str) {
    value.update(display_id);
}
