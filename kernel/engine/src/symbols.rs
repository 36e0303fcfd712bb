//! The names in a shared object: of its functions, and its own. It reads ELF of 64 bits, as `ld` writes it on machines
//! with the least byte first; nothing is loaded.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;

const SECTION_SYMBOLS: u32 = 2;
const SECTION_DYNAMIC: u32 = 6;
const TAG_SONAME: u64 = 14;
const TYPE_FUNCTION: u8 = 2;

/// Names of functions and their places.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    /// The object's own name.
    pub(super) own: Option<String>,
    by_place: BTreeMap<u64, Vec<String>>,
    by_name: HashMap<String, u64>,
}

impl Symbols {
    /// Reads them. A file without names, or one that is no object, has none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(&fs::read(path)?).unwrap_or_default())
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let file = File(bytes);
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let (table, size, count) = (file.u64(0x28)?, file.u16(0x3a)?, file.u16(0x3c)?);
        let sections: Vec<Section> = (0..u64::from(count))
            .map_while(|index| Section::read(&file, usize::try_from(table + index * u64::from(size)).ok()?))
            .collect();
        let mut symbols = Self::default();
        for section in &sections {
            let Some(names) = sections.get(section.link as usize) else { continue };
            match section.kind {
                SECTION_SYMBOLS => symbols.add_functions(&file, section, names),
                SECTION_DYNAMIC => symbols.own = own_name(&file, section, names).or(symbols.own),
                _ => {}
            }
        }
        Some(symbols)
    }

    fn add_functions(&mut self, file: &File<'_>, section: &Section, names: &Section) {
        let entry = |at: usize| {
            let (name, info, shown) = (file.u32(at)?, file.u8(at + 4)?, file.u16(at + 6)?);
            // Those of section 0 are somebody else's.
            (info & 15 == TYPE_FUNCTION && shown != 0).then_some(())?;
            Some((file.text(names.offset + name as usize)?, file.u64(at + 8)?))
        };
        let places = (section.offset..section.offset + section.size).step_by(24);
        for (name, place) in places.filter_map(entry) {
            self.by_place.entry(place).or_default().push(name.clone());
            self.by_name.insert(name, place);
        }
    }

    /// Where the function is here that is at this place in another object. Functions that are alike may be one there
    /// under several names, any of which will do.
    pub(super) fn counterpart(&self, other: &Self, place: u64) -> Option<u64> {
        let names = other.by_place.get(&place)?;
        if let Some(found) = names.iter().find_map(|name| self.by_name.get(name)) {
            return Some(*found);
        }
        // Crates that were built at other places have other hashes.
        names.iter().find_map(|name| {
            let plain = without_hash(name)?;
            let alike = |symbols: &Self| -> Vec<u64> {
                let all = symbols.by_name.iter().filter(|(name, _)| without_hash(name) == Some(plain));
                all.map(|(_, place)| *place).collect()
            };
            let (here, there) = (alike(self), alike(other));
            (here.len() == 1 && there.len() == 1).then(|| here[0])
        })
    }
}

/// A name of rustc's without the hash at its end: `…17h0123456789abcdefE`.
fn without_hash(name: &str) -> Option<&str> {
    let rest = name.strip_suffix('E')?;
    let (plain, hash) = rest.split_at_checked(rest.len().checked_sub(19)?)?;
    let is_hash = hash.strip_prefix("17h")?.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(plain)
}

fn own_name(file: &File<'_>, section: &Section, names: &Section) -> Option<String> {
    let mut entries = (section.offset..section.offset + section.size).step_by(16);
    let at = entries.find(|at| file.u64(*at) == Some(TAG_SONAME))?;
    file.text(names.offset + usize::try_from(file.u64(at + 8)?).ok()?)
}

struct Section {
    kind: u32,
    offset: usize,
    size: usize,
    link: u32,
}

impl Section {
    fn read(file: &File<'_>, at: usize) -> Option<Self> {
        let size = |value: u64| usize::try_from(value).ok().filter(|value| *value <= file.0.len());
        Some(Self {
            kind: file.u32(at + 4)?,
            offset: size(file.u64(at + 0x18)?)?,
            // Sections that take no place in the file may be large.
            size: size(file.u64(at + 0x20)?).unwrap_or(0),
            link: file.u32(at + 0x28)?,
        })
    }
}

struct File<'a>(&'a [u8]);

impl File<'_> {
    fn u8(&self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    fn u16(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn u32(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    fn u64(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.0.get(at..)?.first_chunk()?))
    }

    /// A text that ends with a zero.
    fn text(&self, at: usize) -> Option<String> {
        let rest = self.0.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        String::from_utf8(rest[..end].to_vec()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_this_program_are_found_by_their_places() {
        let program = std::env::current_exe().expect("this program");
        let symbols = Symbols::read(&program).expect("readable");
        let (name, place) = symbols.by_name.iter().find(|(name, _)| name.contains("symbols")).expect("its own");
        assert!(symbols.by_place[place].contains(name));
        assert_eq!(symbols.counterpart(&symbols, *place), Some(*place));
        assert_eq!(symbols.counterpart(&symbols, u64::MAX), None);
    }

    #[test]
    fn what_is_no_object_has_no_names() {
        for bytes in [&b""[..], b"\x7fELF\x02\x01", &[0xff; 200]] {
            assert!(Symbols::parse(bytes).unwrap_or_default().by_name.is_empty());
        }
    }

    #[test]
    fn a_function_of_a_crate_from_elsewhere_is_known_when_there_is_one_of_its_name() {
        let of = |pairs: &[(&str, u64)]| {
            let mut symbols = Symbols::default();
            for (name, place) in pairs {
                symbols.by_name.insert((*name).to_owned(), *place);
                symbols.by_place.entry(*place).or_default().push((*name).to_owned());
            }
            symbols
        };
        let here = of(&[("_ZN5shim3map17h0000000000000001E", 16), ("_ZN5shim4keep17h0000000000000002E", 32)]);
        let there = of(&[("_ZN5shim3map17h0000000000000003E", 160), ("_ZN5shim4keep17h0000000000000004E", 320)]);
        assert_eq!(there.counterpart(&here, 16), Some(160));
        let two = of(&[("_ZN5shim3map17h0000000000000003E", 160), ("_ZN5shim3map17h0000000000000005E", 320)]);
        assert_eq!(two.counterpart(&here, 16), None, "nobody knows which");
    }
}
