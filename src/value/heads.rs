//! CBOR (RFC 8949), as far as values need it: what stands in front of each piece. Values that are written
//! so say what they are. Nothing here knows serde.

use super::Fault;

/// Private tag: a `Some` around something that looks like nothing.
const SOME: u64 = 0x666c_6162;
const NULL: u8 = 0xf6;
pub(super) const BREAK: u8 = 0xff;

/// Kinds of pieces that have a length or a value in their head.
#[derive(Debug, Clone, Copy)]
pub(super) enum Major {
    Unsigned = 0,
    Negative = 1,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
    Tag = 6,
}

pub(super) fn write(to: &mut Vec<u8>, major: Major, value: u64) {
    let major = (major as u8) << 5;
    let bytes = value.to_be_bytes();
    match value {
        0..24 => to.push(major | value as u8),
        24..0x100 => to.extend([major | 24, value as u8]),
        0x100..0x1_0000 => {
            to.push(major | 25);
            to.extend(&bytes[6..]);
        }
        0x1_0000..0x1_0000_0000 => {
            to.push(major | 26);
            to.extend(&bytes[4..]);
        }
        _ => {
            to.push(major | 27);
            to.extend(&bytes);
        }
    }
}

/// A list or map whose length follows from [`BREAK`].
pub(super) fn write_open(to: &mut Vec<u8>, major: Major) {
    to.push((major as u8) << 5 | 31);
}

pub(super) fn write_signed(to: &mut Vec<u8>, value: i64) {
    // -1 - value, without overflow
    if value < 0 { write(to, Major::Negative, !value as u64) } else { write(to, Major::Unsigned, value as u64) }
}

pub(super) fn write_wide(to: &mut Vec<u8>, tag: u64, value: u128) {
    write(to, Major::Tag, tag);
    write(to, Major::Bytes, 16);
    to.extend(value.to_be_bytes());
}

pub(super) fn write_bool(to: &mut Vec<u8>, value: bool) {
    to.push(0xf4 | u8::from(value));
}

pub(super) fn write_f32(to: &mut Vec<u8>, value: f32) {
    to.push(0xfa);
    to.extend(value.to_bits().to_be_bytes());
}

pub(super) fn write_f64(to: &mut Vec<u8>, value: f64) {
    to.push(0xfb);
    to.extend(value.to_bits().to_be_bytes());
}

/// Nothing, within so many `Some`.
pub(super) fn write_null(to: &mut Vec<u8>, somes: u32) {
    for _ in 0..somes {
        write(to, Major::Tag, SOME);
    }
    to.push(NULL);
}

/// What stands at some place. Texts and bytes are whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Head<'de> {
    Unsigned(u64),
    Signed(i64),
    Wide(u128),
    Deep(i128),
    Bytes(&'de [u8]),
    Text(&'de str),
    /// With its length, unless that follows from [`BREAK`].
    Array(Option<usize>),
    Map(Option<usize>),
    Some,
    Null,
    Bool(bool),
    Single(f32),
    Double(f64),
    Break,
}

impl Head<'_> {
    /// In serde's words.
    pub(super) fn found(&self) -> &'static str {
        match self {
            Self::Unsigned(_) | Self::Signed(_) | Self::Wide(_) | Self::Deep(_) => "integer",
            Self::Bytes(_) => "byte array",
            Self::Text(_) => "string",
            Self::Array(_) => "sequence",
            Self::Map(_) => "map",
            Self::Some => "Option value",
            Self::Null => "unit value",
            Self::Bool(_) => "boolean",
            Self::Single(_) | Self::Double(_) => "floating point",
            Self::Break => "the end of a list",
        }
    }
}

fn take<'de>(bytes: &mut &'de [u8], count: usize) -> Result<&'de [u8], Fault> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(Fault::short)?;
    *bytes = rest;
    Ok(taken)
}

fn number(bytes: &mut &[u8], count: usize) -> Result<u64, Fault> {
    Ok(take(bytes, count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// Takes what stands in front off the bytes.
pub(super) fn read<'de>(bytes: &mut &'de [u8]) -> Result<Head<'de>, Fault> {
    let first = take(bytes, 1)?[0];
    let (major, short) = (first >> 5, first & 31);
    if first == BREAK {
        return Ok(Head::Break);
    }
    if short == 31 && major == Major::Array as u8 {
        return Ok(Head::Array(None));
    }
    if short == 31 && major == Major::Map as u8 {
        return Ok(Head::Map(None));
    }
    let value = match short {
        0..24 => u64::from(short),
        24..28 => number(bytes, 1 << (short - 24))?,
        _ => return Err(Fault::new("not a value that was written here")),
    };
    Ok(match major {
        0 => Head::Unsigned(value),
        1 => i64::try_from(value).map_or(Head::Deep(-1 - i128::from(value)), |value| Head::Signed(!value)),
        2 => Head::Bytes(take(bytes, value as usize)?),
        3 => {
            let text = std::str::from_utf8(take(bytes, value as usize)?);
            Head::Text(text.map_err(|e| Fault::new(e.to_string()))?)
        }
        4 => Head::Array(Some(value as usize)),
        5 => Head::Map(Some(value as usize)),
        6 => return tagged(bytes, value),
        _ => match first {
            0xf4 => Head::Bool(false),
            0xf5 => Head::Bool(true),
            NULL => Head::Null,
            0xfa => Head::Single(f32::from_bits(value as u32)),
            0xfb => Head::Double(f64::from_bits(value)),
            _ => return Err(Fault::new("not a value that was written here")),
        },
    })
}

fn tagged<'de>(bytes: &mut &'de [u8], tag: u64) -> Result<Head<'de>, Fault> {
    if tag == SOME {
        return Ok(Head::Some);
    }
    let Head::Bytes(digits) = read(bytes)? else { return Err(Fault::new("not a value that was written here")) };
    let value = digits.iter().fold(0u128, |number, byte| number << 8 | u128::from(*byte));
    match tag {
        2 => Ok(Head::Wide(value)),
        3 => Ok(Head::Deep(!(value as i128))),
        _ => Err(Fault::new("not a value that was written here")),
    }
}

/// Takes one whole value off the bytes.
pub(super) fn skip(bytes: &mut &[u8]) -> Result<(), Fault> {
    // Lists within lists are counted, not recursed into: how many items are left, or until a break.
    let mut open = vec![Some(1usize)];
    while let Some(left) = open.last_mut() {
        match left {
            Some(0) => {
                open.pop();
                continue;
            }
            Some(left) => *left -= 1,
            None if bytes.first() == Some(&BREAK) => {
                take(bytes, 1)?;
                open.pop();
                continue;
            }
            None => {}
        }
        match read(bytes)? {
            Head::Array(None) | Head::Map(None) => open.push(None),
            Head::Array(Some(count)) => open.push(Some(count)),
            Head::Map(Some(count)) => open.push(Some(count.saturating_mul(2))),
            Head::Some => open.push(Some(1)),
            Head::Break => return Err(Fault::new("not a value that was written here")),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back_and_values_are_skipped() {
        let mut to = Vec::new();
        let numbers = [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX];
        numbers.iter().for_each(|n| write(&mut to, Major::Unsigned, *n));
        [-1, -24, -25, i64::MIN].iter().for_each(|n| write_signed(&mut to, *n));
        write_wide(&mut to, 3, !(i128::MIN as u128));
        let mut bytes = &to[..];
        for n in numbers {
            assert_eq!(read(&mut bytes).unwrap(), Head::Unsigned(n));
        }
        for n in [-1, -24, -25, i64::MIN] {
            assert_eq!(read(&mut bytes).unwrap(), Head::Signed(n));
        }
        assert_eq!(read(&mut bytes).unwrap(), Head::Deep(i128::MIN));
        assert!(bytes.is_empty() && read(&mut bytes).is_err());

        // {_ "a": [1, [_ ], Some(null)], "b": {1: 2}}
        let mut to = vec![0xbf, 0x61, b'a', 0x83, 0x01, 0x9f, 0xff];
        write_null(&mut to, 1);
        to.extend([0x61, b'b', 0xa1, 0x01, 0x02, 0xff, 0x07]);
        let mut bytes = &to[..];
        skip(&mut bytes).unwrap();
        assert_eq!(bytes, [7]);
        for short in 0..to.len() - 1 {
            assert!(skip(&mut &to[..short]).is_err(), "{short}");
        }
    }
}
