//! What a shared object says of itself and of others: its name, and the names of those it needs. It reads the
//! file's bytes and loads nothing.

/// Words of the format (64 bits, little-endian, as everywhere cells run).
const MAGIC: &[u8] = b"\x7fELF\x02\x01";
const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const NEEDED: u64 = 1;
const STRING_TABLE: u64 = 5;
const OWN_NAME: u64 = 14;

/// The names in a shared object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// What others name it by.
    pub(crate) own: Option<Vec<u8>>,
    /// What it names, in its order.
    pub(crate) needed: Vec<Vec<u8>>,
}

/// A part of the file that is mapped, and where.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Reads the names; none in what is no such file, or is cut.
pub(crate) fn names(bytes: &[u8]) -> Names {
    read(bytes).unwrap_or_default()
}

fn read(bytes: &[u8]) -> Option<Names> {
    if !bytes.starts_with(MAGIC) {
        return None;
    }
    let (start, size, count) = (number(bytes, 32, 8)?, number(bytes, 54, 2)?, number(bytes, 56, 2)?);
    let segments: Option<Vec<Segment>> = (0..count).map(|index| segment(bytes, start + index * size)).collect();
    let segments = segments?;
    let dynamic = segments.iter().find(|segment| segment.kind == DYNAMIC)?;
    let entries = (0..dynamic.size / 16).map_while(|index| {
        let at = dynamic.offset + index * 16;
        Some((number(bytes, at, 8)?, number(bytes, at + 8, 8)?))
    });
    let entries: Vec<(u64, u64)> = entries.take_while(|(tag, _)| *tag != 0).collect();
    let (_, table) = entries.iter().find(|(tag, _)| *tag == STRING_TABLE)?;
    let within = |segment: &&Segment| {
        segment.kind == LOAD && (segment.address..segment.address.saturating_add(segment.size)).contains(table)
    };
    let home = segments.iter().find(within)?;
    let table = table - home.address + home.offset;
    let mut found = Names::default();
    for (tag, value) in entries {
        match tag {
            NEEDED => found.needed.push(text(bytes, table.checked_add(value)?)?),
            OWN_NAME => found.own = Some(text(bytes, table.checked_add(value)?)?),
            _ => {}
        }
    }
    Some(found)
}

fn segment(bytes: &[u8], at: u64) -> Option<Segment> {
    let kind = u32::try_from(number(bytes, at, 4)?).ok()?;
    let (offset, address, size) = (number(bytes, at + 8, 8)?, number(bytes, at + 16, 8)?, number(bytes, at + 32, 8)?);
    Some(Segment { kind, offset, address, size })
}

fn number(bytes: &[u8], at: u64, length: usize) -> Option<u64> {
    let at = usize::try_from(at).ok()?;
    let part = bytes.get(at..at.checked_add(length)?)?;
    let mut whole = [0; 8];
    whole[..length].copy_from_slice(part);
    Some(u64::from_le_bytes(whole))
}

fn text(bytes: &[u8], at: u64) -> Option<Vec<u8>> {
    let rest = bytes.get(usize::try_from(at).ok()?..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    Some(rest[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_itself_has_a_name_and_a_program_needs_libc() {
        let program = std::fs::read(std::env::current_exe().expect("a path")).expect("its bytes");
        let found = names(&program);
        assert!(found.own.is_none() && found.needed.iter().any(|name| name.starts_with(b"libc.so")), "{found:?}");
        for cut in [0, 4, 40, 64, 100, 1000, program.len() / 2] {
            // No panic, whatever is missing.
            names(&program[..cut]);
        }
        assert_eq!(names(b"not an object"), Names::default());
    }
}
