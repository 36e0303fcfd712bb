//! Colour maps: from a place between 0 and 1 to a colour. Each is a row of colours taken at even
//! steps from a published map, with straight lines between them. Colours by name are here, too.

use super::canvas::{Colour, SERIES};

/// A named colour map.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Map {
    name: &'static str,
    /// Light in the middle: for values around zero.
    pub(super) diverging: bool,
    stops: &'static [u32],
}

/// Viridis, magma, inferno and plasma are those of matplotlib (Smith and van der Walt, CC0),
/// cividis is by Nuñez, Anderton and Renslow (CC0), coolwarm is Moreland's, RdBu Brewer's.
static MAPS: [Map; 8] = [
    Map {
        name: "viridis",
        diverging: false,
        stops: &[0x440154, 0x482878, 0x3e4a89, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6dcd59, 0xb4de2c, 0xfde725],
    },
    Map {
        name: "magma",
        diverging: false,
        stops: &[0x000004, 0x180f3e, 0x451077, 0x721f81, 0x9f2f7f, 0xcd4071, 0xf1605d, 0xfd9567, 0xfec98d, 0xfcfdbf],
    },
    Map {
        name: "inferno",
        diverging: false,
        stops: &[0x000004, 0x1b0c42, 0x4b0c6b, 0x781c6d, 0xa52c60, 0xcf4446, 0xed6925, 0xfb9a06, 0xf7d03c, 0xfcffa4],
    },
    Map {
        name: "plasma",
        diverging: false,
        stops: &[0x0d0887, 0x47039f, 0x7301a8, 0x9c179e, 0xbd3786, 0xd8576b, 0xed7953, 0xfa9e3b, 0xfdc926, 0xf0f921],
    },
    Map {
        name: "cividis",
        diverging: false,
        stops: &[0x00204d, 0x00336f, 0x39486b, 0x575c6d, 0x707173, 0x8a8779, 0xa69d75, 0xc4b56c, 0xe4cf5b, 0xffea46],
    },
    Map { name: "greys", diverging: false, stops: &[0x000000, 0xffffff] },
    Map {
        name: "coolwarm",
        diverging: true,
        stops: &[
            0x3b4cc0, 0x5977e3, 0x7b9ff9, 0x9ebeff, 0xc0d4f5, 0xdddcdc, 0xf2cbb7, 0xf7ac8e, 0xee8468, 0xd65244,
            0xb40426,
        ],
    },
    Map {
        name: "rdbu",
        diverging: true,
        stops: &[
            0x67001f, 0xb2182b, 0xd6604d, 0xf4a582, 0xfddbc7, 0xf7f7f7, 0xd1e5f0, 0x92c5de, 0x4393c3, 0x2166ac,
            0x053061,
        ],
    },
];

/// A colour map, perhaps backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) map: &'static Map,
    backwards: bool,
}

impl Default for Choice {
    fn default() -> Self {
        Self { map: &MAPS[0], backwards: false }
    }
}

impl Choice {
    /// The map of this name; `_r` at its end turns it round.
    pub(super) fn named(name: &str) -> Result<Self, String> {
        let lower = name.to_lowercase();
        let (base, backwards) = match lower.strip_suffix("_r") {
            Some(base) => (base, true),
            None => (lower.as_str(), false),
        };
        let base = if base == "grays" || base == "gray" || base == "grey" { "greys" } else { base };
        match MAPS.iter().find(|m| m.name == base) {
            Some(map) => Ok(Self { map, backwards }),
            None => {
                let known: Vec<&str> = MAPS.iter().map(|m| m.name).collect();
                Err(format!("no colour map is named `{name}`; there are {}, each also with `_r`", known.join(", ")))
            }
        }
    }

    /// The colour for a place between 0 and 1; nothing for what is not a number.
    pub(super) fn colour(self, t: f64) -> [u8; 4] {
        if t.is_nan() {
            return [0; 4];
        }
        let t = if self.backwards { 1.0 - t } else { t }.clamp(0.0, 1.0);
        let stops = self.map.stops;
        let place = t * (stops.len() - 1) as f64;
        let i = (place as usize).min(stops.len() - 2);
        let part = place - i as f64;
        let channel = |shift: u32| {
            let of = |hex: u32| f64::from((hex >> shift) & 255);
            (of(stops[i]) * (1.0 - part) + of(stops[i + 1]) * part).round() as u8
        };
        [channel(16), channel(8), channel(0), 255]
    }

    /// Colours at 256 even places.
    pub(super) fn table(self) -> Vec<[u8; 4]> {
        (0..256).map(|i| self.colour(f64::from(i) / 255.0)).collect()
    }
}

/// A colour by name or as `#rgb` or `#rrggbb`.
pub(super) fn parse(text: &str) -> Option<Colour> {
    let names = ["blue", "orange", "green", "red", "purple", "olive", "pink", "teal"];
    let lower = text.trim().to_lowercase();
    if let Some(i) = names.iter().position(|n| *n == lower) {
        return Some(SERIES[i]);
    }
    match lower.as_str() {
        "grey" | "gray" => return Some(Colour::rgb(0x7f_7f_7f)),
        "black" => return Some(Colour::rgb(0)),
        "white" => return Some(Colour::rgb(0xff_ff_ff)),
        _ => {}
    }
    let digits = lower.strip_prefix('#')?;
    let long: String = match digits.len() {
        3 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 => digits.to_owned(),
        _ => return None,
    };
    u32::from_str_radix(&long, 16).ok().map(Colour::rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance([r, g, b, _]: [u8; 4]) -> f64 {
        let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn maps_run_from_dark_to_light_and_diverging_ones_are_light_in_the_middle() {
        for map in &MAPS {
            let choice = Choice::named(map.name).unwrap();
            let back = Choice::named(&format!("{}_R", map.name)).unwrap();
            let light: Vec<f64> = (0..=20).map(|i| luminance(choice.colour(f64::from(i) / 20.0))).collect();
            let rises = |v: &[f64]| v.windows(2).all(|p| p[0] < p[1] + 0.004);
            match map.diverging {
                false => assert!(rises(&light), "{} {light:?}", map.name),
                true => {
                    let falling: Vec<f64> = light[10..].iter().rev().copied().collect();
                    assert!(rises(&light[..11]) && rises(&falling), "{}", map.name);
                }
            }
            assert_eq!(back.colour(0.25), choice.colour(0.75));
        }
        assert_eq!(Choice::default().colour(0.0), [0x44, 0x01, 0x54, 255]);
        assert_eq!(Choice::default().colour(f64::NAN), [0; 4]);
        let wrong = Choice::named("jet").unwrap_err();
        assert!(wrong.contains("`jet`") && wrong.contains("viridis, magma"), "{wrong}");
    }

    #[test]
    fn colours_have_names_and_numbers() {
        assert_eq!(parse("#f80").unwrap().rgba, [255, 136, 0, 255]);
        assert_eq!(parse(" #0A0B0C ").unwrap().rgba, [10, 11, 12, 255]);
        assert_eq!(parse("Blue").unwrap(), SERIES[0]);
        assert!(parse("mauve").is_none() && parse("#12").is_none() && parse("#äöü").is_none());
    }
}
