//! Amdahl's law: the serial fraction behind measured times. It takes numbers and returns numbers
//! and words; it measures nothing.

use super::units;

/// Times fitted by the law of Amdahl (*Validity of the single processor approach to achieving large
/// scale computing capabilities*, AFIPS 1967): on `n` threads a body takes `T₁ · (s + (1 − s)/n)`.
///
/// ```
/// // 10 s in all, 2 s of them serial.
/// let times = [(1, 10.0), (2, 6.0), (4, 4.0), (8, 3.0)];
/// let fit = ferrolab::timing::Amdahl::fit(&times).unwrap();
/// assert!((fit.serial - 0.2).abs() < 1e-9);
/// assert!((fit.speedup(8) - 10.0 / 3.0).abs() < 1e-9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amdahl {
    /// The serial fraction `s` as fitted. Below 0 when the times shrink faster than the threads
    /// grow, above 1 when more threads are slower.
    pub serial: f64,
    /// The fitted time on one thread, seconds.
    pub single: f64,
    /// How far the times are from the law: the root of the mean square of the relative errors.
    pub residual: f64,
}

impl Amdahl {
    /// Fits `(threads, seconds)` by least squares of the relative errors. `None` with fewer than
    /// two different numbers of threads, or with times that are not positive.
    #[must_use]
    pub fn fit(times: &[(usize, f64)]) -> Option<Self> {
        if times.iter().any(|(n, t)| *n == 0 || !(*t > 0.0 && t.is_finite())) {
            return None;
        }
        // T = a + b/n. Divided by T: a·u + b·v = 1 with u = 1/T, v = 1/(nT).
        let (mut uu, mut uv, mut vv, mut u1, mut v1) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (n, t) in times {
            let (u, v) = (1.0 / t, 1.0 / (*n as f64 * t));
            uu += u * u;
            uv += u * v;
            vv += v * v;
            u1 += u;
            v1 += v;
        }
        let determinant = uu * vv - uv * uv;
        if times.is_empty() || determinant <= 1e-12 * uu * vv {
            return None;
        }
        let (a, b) = ((u1 * vv - v1 * uv) / determinant, (uu * v1 - uv * u1) / determinant);
        let error = |(n, t): &(usize, f64)| ((a + b / *n as f64) / t - 1.0).powi(2);
        let residual = (times.iter().map(error).sum::<f64>() / times.len() as f64).sqrt();
        Some(Self { serial: a / (a + b), single: a + b, residual })
    }

    /// The speed-up that the law gives for `threads`.
    #[must_use]
    pub fn speedup(&self, threads: usize) -> f64 {
        1.0 / (self.serial + (1.0 - self.serial) / threads.max(1) as f64)
    }

    /// What the fit means, as a sentence.
    pub(super) fn words(&self) -> String {
        let rough = if self.residual > 0.1 {
            format!(" (the law fits to {:.0} % only)", self.residual * 100.0)
        } else {
            String::new()
        };
        let percent = self.serial * 100.0;
        if self.serial < -0.01 {
            return format!(
                "faster than the ideal line (super-linear), so Amdahl's law names no serial part: each thread's share may fit a cache better, or the first measurement was slow{rough}"
            );
        }
        if self.serial < 0.001 {
            return format!("no serial part that can be seen (Amdahl's law, least squares){rough}");
        }
        if self.serial > 1.02 {
            return format!(
                "more threads make it slower, so Amdahl's law names no serial part: the work is too small to share, or its threads wait for each other{rough}"
            );
        }
        if self.serial > 0.9 {
            return format!(
                "serial fraction {:.0} % (Amdahl's law, least squares): more threads change nothing; is there parallel work in this cell?{rough}",
                percent.min(100.0)
            );
        }
        format!(
            "serial fraction {} % (Amdahl's law, least squares), so no number of threads makes it more than {} times faster{rough}",
            units::digits(percent),
            units::digits(1.0 / self.serial)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law(serial: f64, counts: &[usize]) -> Vec<(usize, f64)> {
        counts.iter().map(|n| (*n, 7.0 * (serial + (1.0 - serial) / *n as f64))).collect()
    }

    #[test]
    fn the_fit_finds_the_fraction_it_was_made_with() {
        for serial in [0.0, 0.01, 0.25, 0.5, 1.0] {
            for counts in [&[1, 2][..], &[1, 2, 4, 8], &[2, 4, 64], &[1, 1, 3]] {
                let fit = Amdahl::fit(&law(serial, counts)).expect("two counts");
                assert!((fit.serial - serial).abs() < 1e-9, "{serial} {counts:?} {fit:?}");
                assert!((fit.single - 7.0).abs() < 1e-9 && fit.residual < 1e-9, "{fit:?}");
            }
        }
    }

    #[test]
    fn noise_moves_it_a_little() {
        let noisy: Vec<_> = law(0.1, &[1, 2, 4, 8])
            .iter()
            .enumerate()
            .map(|(i, (n, t))| (*n, t * [1.02, 0.99, 1.01, 0.98][i]))
            .collect();
        let fit = Amdahl::fit(&noisy).expect("two counts");
        assert!((fit.serial - 0.1).abs() < 0.03, "{fit:?}");
    }

    #[test]
    fn what_it_cannot_fit_it_does_not_fit() {
        assert_eq!(Amdahl::fit(&[]), None);
        assert_eq!(Amdahl::fit(&[(1, 1.0)]), None);
        assert_eq!(Amdahl::fit(&[(2, 1.0), (2, 1.1)]), None);
        assert_eq!(Amdahl::fit(&[(1, 1.0), (2, 0.0)]), None);
        assert_eq!(Amdahl::fit(&[(0, 1.0), (2, 1.0)]), None);
    }

    #[test]
    fn words_for_every_case() {
        let says = |times: &[(usize, f64)]| Amdahl::fit(times).expect("two counts").words();
        assert!(says(&[(1, 10.0), (2, 4.0)]).contains("super-linear"));
        assert!(says(&[(1, 10.0), (2, 12.0)]).contains("slower"));
        assert!(says(&[(1, 10.0), (2, 10.0)]).contains("parallel work"));
        assert!(says(&law(0.0, &[1, 2, 4])).contains("no serial part"));
        let quarter = says(&law(0.25, &[1, 2, 4]));
        assert!(quarter.contains("25.0 %") && quarter.contains("4.00 times"), "{quarter}");
        assert!(says(&[(1, 10.0), (2, 2.0), (4, 9.0)]).contains("only)"));
    }
}
