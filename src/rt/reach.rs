//! From a variable's own bytes to the large blocks that it owns.
//!
//! The kernel knows from the type that what is found holds no pointers, and that the variable has no
//! part that may be empty (an enum's other variants leave old bytes behind). So every word of it that is
//! the address of a large block is the address of one that it owns.

use super::large;
use super::memory;

/// Longer lists of rows are not gone through before each cell.
const LONGEST: usize = 1 << 20;
/// Words of a vector.
const VECTOR: usize = 3;

/// The large blocks that a variable at `address` owns, of `length` bytes. With two levels it is a vector of vectors.
pub(super) fn blocks(address: usize, length: usize, levels: u8) -> Vec<usize> {
    let own = memory::words(address, length);
    match levels {
        1 => own.into_iter().filter(|word| large::is_block(*word)).collect(),
        2 if own.len() == VECTOR => rows(&own),
        _ => Vec::new(),
    }
}

fn rows(own: &[usize]) -> Vec<usize> {
    let order = Order::of_this_library();
    let bytes = own[order.length].saturating_mul(VECTOR * size_of::<usize>());
    if bytes > LONGEST {
        return Vec::new();
    }
    let rows = memory::words(own[order.pointer], bytes);
    rows.chunks_exact(VECTOR).map(|row| row[order.pointer]).filter(|word| large::is_block(*word)).collect()
}

/// Where the words of a vector stand, which is for the standard library to decide.
#[derive(Clone, Copy)]
struct Order {
    pointer: usize,
    length: usize,
}

impl Order {
    fn of_this_library() -> Self {
        let mut sample: Vec<u64> = Vec::with_capacity(7);
        sample.extend([1, 2, 3]);
        let words = memory::words((&raw const sample) as usize, size_of::<Vec<u64>>());
        let find = |wanted: usize| words.iter().position(|word| *word == wanted).unwrap_or(0);
        Self { pointer: find(sample.as_ptr() as usize), length: find(sample.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_of_vectors_leads_to_its_rows() {
        let rows: Vec<Vec<f64>> = (0..5).map(|_| vec![1.0; 40_000]).collect();
        let addresses: Vec<usize> = rows.iter().map(|row| row.as_ptr() as usize).collect();
        addresses.iter().for_each(|a| large::ferrolab_rt_block_made(*a, 40_000 * 8));
        let at = (&raw const rows) as usize;
        assert!(blocks(at, size_of_val(&rows), 1).is_empty(), "the list of rows is small");
        assert_eq!(blocks(at, size_of_val(&rows), 2), addresses);
        assert_eq!(blocks((&raw const rows[0]) as usize, size_of::<Vec<f64>>(), 1), addresses[..1]);
        addresses.iter().for_each(|a| assert!(!large::ferrolab_rt_block_freed(*a)));
    }
}
