//! The built-in font: compute nodes have none.

use ab_glyph::{Font, FontRef};
use plotters::style::{FontStyle, register_font};
use std::sync::{LazyLock, Once};

/// DejaVu Sans, reduced to Latin, Greek, Cyrillic, mathematical and block characters; its licence
/// is in `fonts/LICENSE`.
static DATA: &[u8] = include_bytes!("fonts/DejaVuSans-subset.ttf");

static FONT: LazyLock<Option<FontRef<'static>>> = LazyLock::new(|| FontRef::try_from_slice(DATA).ok());

/// Names under which `plotters` finds the font. There is one face for all of them.
const NAMES: [&str; 12] = [
    "sans-serif",
    "serif",
    "monospace",
    "Arial",
    "Helvetica",
    "Calibri",
    "Verdana",
    "DejaVu Sans",
    "Times New Roman",
    "Courier New",
    "Noto Sans",
    "Roboto",
];

/// Makes the built-in font known to `plotters`. The runner calls it once; calling it again does
/// nothing.
///
/// ```
/// ferrolab::plot::register_fonts();
/// ```
pub fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for name in NAMES {
            // It can only fail for a broken font file, and then texts fail with plotters' error.
            let _ = register_font(name, FontStyle::Normal, DATA);
        }
    });
}

pub(super) fn font() -> Option<&'static FontRef<'static>> {
    FONT.as_ref()
}

/// Width of a text in pixels.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let Some(font) = font() else {
        return text.chars().count() as f64 * size * 0.6;
    };
    let units = f64::from(font.units_per_em().unwrap_or(2048.0));
    let advance = |c| f64::from(font.h_advance_unscaled(font.glyph_id(c)));
    text.chars().map(advance).sum::<f64>() * size / units
}

/// A text in one line of at most `room` pixels; what is longer ends in an ellipsis.
pub(super) fn cut(text: &str, size: f64, room: f64) -> String {
    let text = text.replace(['\n', '\r', '\t'], " ");
    if width(&text, size) <= room {
        return text;
    }
    let dots = width("…", size);
    let mut used = 0.0;
    let fits = |c: &char| {
        used += width(c.encode_utf8(&mut [0; 4]), size);
        used + dots <= room
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}

/// A size, down to two thirds, at which a text fits into a room, and the text, cut if it must be.
pub(super) fn fit(text: &str, size: f64, room: f64) -> (String, f64) {
    let natural = width(text, size);
    let size = if natural > room { (size * room / natural).max(size / 1.5) } else { size };
    (cut(text, size, room.max(1.0)), size)
}
