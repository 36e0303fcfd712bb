//! Arrays of different shapes walked together by NumPy's rule: which numbers meet, and where they
//! lie. No arithmetic; compiled once, for all closures.

use std::fmt;

/// Numbers of a block of a [`Broadcast`]: some kilobytes, which stay in the nearest cache.
pub(super) const BLOCK: usize = 256;

/// Shapes that do not go together; it names all of them.
///
/// ```
/// use ferrolab::par;
/// let error = par::ufunc2(|x, y| x + y).call(&[1.0, 2.0], &[1.0, 2.0, 3.0]).unwrap_err();
/// assert_eq!(error.shapes, [vec![2], vec![3]]);
/// assert!(error.to_string().contains("[2] and [3]"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ShapeError {
    /// The shapes of the operands, in order.
    pub shapes: Vec<Vec<usize>>,
}

impl fmt::Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: Vec<String> = self.shapes.iter().map(|shape| format!("{shape:?}")).collect();
        write!(
            f,
            "shapes {} do not broadcast: counted from the last axis, lengths must be equal or 1",
            shapes.join(" and ")
        )
    }
}

impl fmt::Debug for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ShapeError {}

/// Where an operand's numbers lie: strides are in numbers.
#[doc(hidden)]
#[derive(Debug)]
pub struct View {
    start: *const u8,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl View {
    pub(super) fn new(start: *const u8, shape: &[usize], strides: &[isize]) -> Self {
        Self { start, shape: shape.to_vec(), strides: strides.to_vec() }
    }
}

/// Operands of one result shape, walked in row order of the result.
#[doc(hidden)]
pub struct Broadcast {
    pub(super) shape: Vec<usize>,
    /// Bytes of a number: 4 or 8.
    size: usize,
    /// Lengths of the axes that are left when those that run on are joined.
    axes: Vec<usize>,
    operands: Vec<(*const u8, Vec<isize>)>,
}
// SAFETY: it only reads numbers, which the operands it was made from keep borrowed.
unsafe impl Sync for Broadcast {}

impl Broadcast {
    /// Broadcasts views of numbers of `size` bytes.
    pub(super) fn new(size: usize, views: &[View]) -> Result<Self, ShapeError> {
        let n = views.iter().map(|view| view.shape.len()).max().unwrap_or(0);
        let mut shape = vec![1; n];
        for view in views {
            let lengths = shape[n - view.shape.len()..].iter_mut().zip(&view.shape);
            for (length, &own) in lengths {
                if *length != own && *length != 1 && own != 1 {
                    return Err(ShapeError { shapes: views.iter().map(|view| view.shape.clone()).collect() });
                }
                if *length == 1 {
                    *length = own;
                }
            }
        }
        let stride = |view: &View, axis: usize| {
            let own = (axis + view.shape.len()).checked_sub(n);
            own.filter(|&own| view.shape[own] != 1).map_or(0, |own| view.strides[own])
        };
        let mut plan = Self {
            size,
            axes: Vec::new(),
            operands: views.iter().map(|view| (view.start, Vec::new())).collect(),
            shape,
        };
        for axis in (0..n).filter(|&axis| plan.shape[axis] != 1) {
            let length = plan.shape[axis];
            let strides: Vec<isize> = views.iter().map(|view| stride(view, axis)).collect();
            // The axis before runs on in this one when a step of it is this whole one, for all operands.
            let mut pairs = plan.operands.iter().zip(&strides);
            let runs_on = pairs.all(|((_, own), step)| own.last().is_some_and(|last| *last == step * length as isize));
            match plan.axes.last_mut() {
                Some(last) if runs_on => {
                    *last *= length;
                    for ((_, own), step) in plan.operands.iter_mut().zip(strides) {
                        if let Some(last) = own.last_mut() {
                            *last = step;
                        }
                    }
                }
                _ => {
                    plan.axes.push(length);
                    for ((_, own), step) in plan.operands.iter_mut().zip(strides) {
                        own.push(step);
                    }
                }
            }
        }
        Ok(plan)
    }

    /// How many numbers the result has; `None` when they cannot be counted.
    pub(super) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |n, length| n.checked_mul(*length))
    }

    /// As [`Self::block`], for all operands: each has a part of the buffer.
    ///
    /// # Safety
    /// As there, with a buffer of [`BLOCK`] numbers for each operand.
    #[inline(never)]
    pub(super) unsafe fn blocks(&self, start: usize, n: usize, buffer: *mut u8, found: &mut [*const u8]) {
        for (operand, found) in found.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *found = unsafe { self.block(operand, start, n, buffer.add(operand * BLOCK * self.size)) };
        }
    }

    /// `n` numbers of an operand in the order of the result, from `start`, next to each other: where
    /// they lie if they do so, else copied to `buffer`.
    ///
    /// # Safety
    /// The operands are still borrowed, `start + n` is at most the count, `n` is not 0, and `buffer` is valid
    /// for `n` numbers.
    unsafe fn block(&self, operand: usize, start: usize, n: usize, buffer: *mut u8) -> *const u8 {
        let (origin, strides) = &self.operands[operand];
        let (row, last) = match (self.axes.last(), strides.last()) {
            (Some(row), Some(last)) => (*row, *last),
            _ => (1, 0),
        };
        let mut done = 0;
        while done < n {
            let at = start + done;
            let column = at % row;
            let take = (row - column).min(n - done);
            let offset = self.offset(strides, at / row) + column as isize * last;
            let from = origin.wrapping_offset(offset * self.size as isize);
            if take == n && last == 1 {
                return from;
            }
            // SAFETY: `take` numbers of a row of the operand, and as many of the buffer.
            unsafe {
                match self.size {
                    4 => copy(from.cast::<u32>(), last, take, buffer.cast::<u32>().add(done)),
                    _ => copy(from.cast::<u64>(), last, take, buffer.cast::<u64>().add(done)),
                }
            }
            done += take;
        }
        buffer
    }

    /// Numbers from the first one of an operand to that of a row.
    fn offset(&self, strides: &[isize], mut row: usize) -> isize {
        let outer = self.axes.len().saturating_sub(1);
        let mut offset = 0;
        for (length, stride) in self.axes[..outer].iter().zip(strides).rev() {
            offset += (row % length) as isize * stride;
            row /= length;
        }
        offset
    }
}

/// # Safety
/// `n` numbers from `from` in steps of `stride` are readable, and as many from `to` writable.
unsafe fn copy<T: Copy>(from: *const T, stride: isize, n: usize, to: *mut T) {
    // SAFETY: the caller's promise.
    unsafe {
        match stride {
            0 => std::slice::from_raw_parts_mut(to.cast::<std::mem::MaybeUninit<T>>(), n)
                .fill(std::mem::MaybeUninit::new(from.read())),
            1 => to.copy_from_nonoverlapping(from, n),
            _ => {
                for i in 0..n {
                    to.add(i).write(from.offset(i as isize * stride).read());
                }
            }
        }
    }
}
