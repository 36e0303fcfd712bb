//! What this notebook's own code needs of a processor and of the loader, so that workers without it get
//! other code, or are refused, before they crash. It asks nobody; `python/fit.py` compares.
//!
//! The helper library, items and cells of a session are compiled for one processor (`:target-cpu`), so what
//! this crate was compiled for is what all of them need.

use super::code;
use super::protocol::Needs;

macro_rules! features {
    ($($rustc:literal $kernel:literal,)*) => {
        /// Features this crate was compiled for, by the names that `/proc/cpuinfo` has for them.
        pub(crate) fn features() -> Vec<String> {
            [$((cfg!(target_feature = $rustc), $kernel)),*].iter().filter_map(|(used, name)| used.then(|| (*name).to_owned())).collect()
        }
    };
}

#[cfg(target_arch = "x86_64")]
features! {
    "sse3" "pni", "ssse3" "ssse3", "sse4.1" "sse4_1", "sse4.2" "sse4_2", "popcnt" "popcnt", "cmpxchg16b" "cx16",
    "avx" "avx", "avx2" "avx2", "bmi1" "bmi1", "bmi2" "bmi2", "f16c" "f16c", "fma" "fma", "lzcnt" "abm", "movbe" "movbe",
    "avx512f" "avx512f", "avx512bw" "avx512bw", "avx512cd" "avx512cd", "avx512dq" "avx512dq", "avx512vl" "avx512vl",
    "avx512ifma" "avx512ifma", "avx512vbmi" "avx512vbmi", "avx512vbmi2" "avx512_vbmi2", "avx512vnni" "avx512_vnni",
    "avx512bitalg" "avx512_bitalg", "avx512vpopcntdq" "avx512_vpopcntdq", "avx512bf16" "avx512_bf16",
    "aes" "aes", "pclmulqdq" "pclmulqdq", "vaes" "vaes", "vpclmulqdq" "vpclmulqdq", "gfni" "gfni", "sha" "sha_ni",
    "adx" "adx", "rdrand" "rdrand", "rdseed" "rdseed", "sse4a" "sse4a", "tbm" "tbm",
}

#[cfg(target_arch = "aarch64")]
features! {
    "neon" "asimd", "lse" "atomics", "crc" "crc32", "aes" "aes", "sha2" "sha2", "dotprod" "asimddp", "fp16" "asimdhp",
    "rcpc" "lrcpc", "sve" "sve", "sve2" "sve2", "bf16" "bf16", "i8mm" "i8mm",
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
features! {}

/// What every worker has to have: features, and the libraries that code from here is linked against.
pub(crate) fn needs() -> Needs {
    Needs { features: features(), libraries: code::layers() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_what_this_program_was_compiled_for() {
        let text = std::fs::read_to_string("/proc/cpuinfo").unwrap();
        let line = text.lines().find(|line| line.starts_with("flags") || line.starts_with("Features")).unwrap();
        let flags: Vec<&str> = line.split_whitespace().collect();
        assert!(features().iter().all(|name| flags.contains(&name.as_str())), "{:?} of {flags:?}", features());
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn names_are_those_of_the_kernel() {
        // Tests are compiled for the least of processors, whose features have no place in the table.
        assert_eq!(features().iter().any(|name| name == "avx2"), cfg!(target_feature = "avx2"));
        assert!(needs().libraries.is_empty());
    }
}
