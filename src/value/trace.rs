//! What a type writes, and what it asks for when it reads, in a number: two that are equal agree on
//! every piece of a value, so postcard's format, which says nothing of itself, is read as it was
//! written. It knows no bytes.

/// Kinds of pieces: what is written in one way has one kind.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum Piece {
    Bool = 1,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Text,
    Bytes,
    None,
    Some,
    Unit,
    Seq,
    Map,
    /// A tuple, or a struct: items without a count.
    Row,
    Variant,
}

/// Pieces so far, and names of fields and variants so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trace {
    pub(super) pieces: u64,
    pub(super) names: u64,
}

/// The trace of a list or map while its items are written or read. Items in a row with equal traces
/// count once, so that lists of plain items have one trace, however long they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repeated {
    outer: Trace,
    all: Trace,
    last: Trace,
}

fn mix(hash: u64, with: u64) -> u64 {
    (hash ^ with).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
}

impl Trace {
    pub(super) const START: Self = Self { pieces: 1, names: 1 };

    pub(super) fn piece(&mut self, piece: Piece) {
        self.pieces = mix(self.pieces, piece as u64);
    }

    /// A piece with a number that is not written: how many items a tuple has, which variant it is.
    pub(super) fn numbered(&mut self, piece: Piece, number: usize) {
        self.pieces = mix(self.pieces, (number as u64) << 8 | piece as u64);
    }

    /// A name by where it is, which is quick: enough to know a trace again that the same code has left.
    pub(super) fn name_at(&mut self, name: &'static str) {
        self.names = mix(mix(self.names, name.as_ptr().addr() as u64), name.len() as u64);
    }

    /// A name by its letters.
    pub(super) fn name(&mut self, name: &str) {
        let mut hash = mix(self.names, name.len() as u64);
        for part in name.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            hash = mix(hash, u64::from_le_bytes(word));
        }
        self.names = hash;
    }

    fn join(&mut self, other: Self) {
        self.pieces = mix(self.pieces, other.pieces);
        self.names = mix(self.names, other.names);
    }

    pub(super) fn repeated(&self) -> Repeated {
        Repeated { outer: *self, all: Self::START, last: Self::START }
    }
}

impl Repeated {
    /// Before an item.
    pub(super) fn before(&self, trace: &mut Trace) {
        *trace = Trace::START;
    }

    /// After it.
    pub(super) fn after(&mut self, trace: &Trace) {
        if *trace != self.last {
            self.last = *trace;
            self.all.join(*trace);
        }
    }

    /// After all.
    pub(super) fn end(mut self, trace: &mut Trace) {
        self.outer.join(self.all);
        *trace = self.outer;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_nesting_count_and_length_does_not() {
        let of = |items: &[Piece]| {
            let mut trace = Trace::START;
            let mut list = trace.repeated();
            for item in items {
                list.before(&mut trace);
                trace.piece(*item);
                list.after(&trace);
            }
            list.end(&mut trace);
            trace
        };
        assert_eq!(of(&[Piece::U8]), of(&[Piece::U8, Piece::U8, Piece::U8]));
        assert_ne!(of(&[]), of(&[Piece::U8]));
        assert_ne!(of(&[Piece::U8, Piece::F64]), of(&[Piece::F64, Piece::U8]));
        let named = |names: &[&str]| {
            let mut trace = Trace::START;
            names.iter().for_each(|name| trace.name(name));
            trace.names
        };
        assert_ne!(named(&["a", "b"]), named(&["b", "a"]));
        assert_ne!(named(&["ab"]), named(&["a", "b"]));
        assert_ne!(named(&["a_long_name_x"]), named(&["a_long_name_y"]));
    }
}
