//! Opening up C code in an archive: some crates compile theirs with hidden symbols, which nothing
//! outside of one shared object can find, and cells are other shared objects. It changes one
//! byte for each such symbol in a copy and nothing else.

use std::fs;
use std::path::Path;

use super::cache::failed;
use super::error::EnvironmentError;

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Copy an archive; in the copy, no symbol of its C objects is hidden.
pub(super) fn expose(from: &Path, to: &Path) -> Result<(), EnvironmentError> {
    let mut bytes = fs::read(from).map_err(|e| failed("read", from, &e))?;
    each_member(&mut bytes);
    fs::write(to, bytes).map_err(|e| failed("write", to, &e))
}

fn each_member(bytes: &mut [u8]) {
    if !bytes.starts_with(MAGIC) {
        return;
    }
    let mut names: Vec<u8> = Vec::new();
    let mut at = MAGIC.len();
    while let Some(header) = bytes.get(at..at + HEADER) {
        let Some(size) = decimal(&header[48..58]) else {
            return;
        };
        let name = header[..16].to_vec();
        let start = at + HEADER;
        let Some(member) = bytes.get_mut(start..start.saturating_add(size)) else {
            return;
        };
        if name.starts_with(b"// ") {
            names = member.to_vec();
        } else if !is_rust(&name, &names) {
            // `None`: a member that is no object is left as it is.
            let _: Option<()> = unhide(member);
        }
        // Members start at even offsets.
        at = start + size + size % 2;
    }
}

/// Objects of rustc's are fine as they are: what is hidden there is meant to be.
fn is_rust(name: &[u8], names: &[u8]) -> bool {
    let long = name.strip_prefix(b"/").and_then(decimal).and_then(|offset| names.get(offset..));
    let name = long.unwrap_or(name);
    let end = name.iter().position(|&byte| byte == b'/' || byte == b'\n').unwrap_or(name.len());
    name[..end].ends_with(b".rcgu.o") || name[..end].ends_with(b".rmeta")
}

/// Make hidden symbols of a 64-bit little-endian ELF object visible. `None` for anything else.
fn unhide(object: &mut [u8]) -> Option<()> {
    const SYMBOL: usize = 24;
    const HIDDEN: u8 = 2;
    if !object.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let table = number(object, 0x28, 8)?;
    let (entry, count) = (number(object, 0x3a, 2)?, number(object, 0x3c, 2)?);
    for index in 0..count {
        let section = table.checked_add(index.checked_mul(entry)?)?;
        // SHT_SYMTAB
        if number(object, section.checked_add(4)?, 4)? != 2 {
            continue;
        }
        let start = number(object, section.checked_add(0x18)?, 8)?;
        let size = number(object, section.checked_add(0x20)?, 8)?;
        let symbols = object.get_mut(start..start.checked_add(size)?)?;
        for symbol in symbols.chunks_exact_mut(SYMBOL) {
            let global = matches!(symbol[4] >> 4, 1 | 2);
            let defined = symbol[6..8] != [0, 0];
            if global && defined && symbol[5] & 3 == HIDDEN {
                symbol[5] &= !3;
            }
        }
    }
    Some(())
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let digits = bytes.get(at..at.checked_add(width)?)?;
    let value = digits.iter().rev().fold(0u64, |value, &digit| value << 8 | u64::from(digit));
    usize::try_from(value).ok()
}

fn decimal(text: &[u8]) -> Option<usize> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(visibility: u8) -> Vec<u8> {
        let mut bytes = vec![0u8; 64 + 64 + 24];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x28] = 64;
        bytes[0x3a] = 64;
        bytes[0x3c] = 1;
        bytes[64 + 4] = 2;
        bytes[64 + 0x18] = 128;
        bytes[64 + 0x20] = 24;
        bytes[128 + 4] = 1 << 4;
        bytes[128 + 5] = visibility;
        bytes[128 + 6] = 1;
        bytes
    }

    fn archive(name: &str, object: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(format!("{name:<48}{:<10}`\n", object.len()).bytes());
        bytes.extend(object);
        bytes
    }

    #[test]
    fn hidden_symbols_of_c_objects_become_visible_and_others_stay() {
        for (name, expected) in [("zstd.o/", 0), ("x.rcgu.o/", 2)] {
            let mut bytes = archive(name, &object(2));
            each_member(&mut bytes);
            assert_eq!(bytes, archive(name, &object(expected)), "{name}");
        }
    }

    #[test]
    fn anything_else_is_left_alone() {
        for text in [&b""[..], b"!<arch>\n", b"!<arch>\nnot a header", b"\x7fELF\x02\x01"] {
            let mut bytes = text.to_vec();
            each_member(&mut bytes);
            assert!(unhide(&mut bytes).is_none());
            assert_eq!(bytes, text);
        }
    }
}
