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
