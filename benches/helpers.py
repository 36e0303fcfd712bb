"""Measures the helpers beside Numba, NumPy, pandas, tqdm, indicatif, rayon and evcxr's plotters, in one run.

Every kernel runs on the same data on both sides (made by the same formula), is compiled before it is timed, and
both sides must agree on its value. Times are minima of several runs in turns; beside them stands what the machine
itself can do: memory bandwidth and floating-point operations, measured in the same run by cells. Nothing here
passes or fails.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import cells

ROOT = pathlib.Path(__file__).resolve().parents[1]
Kernel = cells.Kernel

SETUP = """
use std::time::Instant;
use std::hint::black_box;
/// Numbers that look random: the finaliser of SplitMix64.
fn mixed(i: usize) -> u64 {
    let mut z = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
fn unit(i: usize) -> f64 { (mixed(i) >> 11) as f64 / (1u64 << 53) as f64 }
/// Seconds of each of `repeat` runs after one that does not count.
fn seconds(repeat: usize, mut run: impl FnMut()) -> Vec<f64> {
    run();
    (0..repeat).map(|_| { let begun = Instant::now(); run(); begun.elapsed().as_secs_f64() }).collect()
}
"""

# name -> size, then what each variant is: data, body, value
KERNELS: dict[str, tuple[int, str, str, str]] = {
    "expression": (
        100_000_000,
        "let xs: Vec<f64> = par::map(0..{n}usize, |i| 0.5 + 9.5 * unit(i)); let mut out = vec![0.0f64; {n}]; out.fill(1.0);",
        "par::map_simd(&xs, &mut out, |x| x * x + x.sin() * x * x.ln())",
        "par::sum(&out)",
    ),
    "pi": (
        400_000_000,
        "let mut pi = 0.0;",
        "pi = PI_BODY",
        "pi",
    ),
    "kde": (
        1_000_000,
        "let xs: Vec<f64> = par::map(0..{n}usize, |i| 20.0 * unit(i) - 10.0); let mut kde = 0.0;",
        "kde = KDE_BODY",
        "kde",
    ),
    "group_sum": (
        50_000_000,
        "let index: Vec<u32> = par::map(0..{n}usize, |i| (mixed(i) % 50_000) as u32);"
        " let values: Vec<f64> = par::map(0..{n}usize, unit); let mut sums = vec![0.0];",
        "sums = par::group_sum(&index, &values, 50_000)",
        "sums.iter().enumerate().map(|(g, s)| g as f64 * s).sum::<f64>()",
    ),
}
