//! This machine's processor as code is compiled for it: which features it has, which of rustc's levels it reaches, and
//! what `native` means here. It runs nothing; Linux says it all in one file.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;

use super::identity::Identity;

/// rustc's levels for x86-64, the best first, and what each adds to those below, by Linux's names.
const LEVELS: [(&str, &[&str]); 4] = [
    ("x86-64-v4", &["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"]),
    ("x86-64-v3", &["avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"]),
    ("x86-64-v2", &["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]),
    ("x86-64", &[]),
];

/// What compilers use of an x86 processor by themselves, or crates by asking rustc. Linux has many more words, some
/// of which come and go with microcode and with the system (`rtm`, `ibrs`, `md_clear`): a new one is no reason to
/// build everything anew.
const X86: &[&str] = &[
    "3dnowprefetch",
    "abm",
    "adx",
    "aes",
    "amx_bf16",
    "amx_complex",
    "amx_fp16",
    "amx_int8",
    "amx_tile",
    "avx",
    "avx2",
    "avx512_bf16",
    "avx512_bitalg",
    "avx512_fp16",
    "avx512_vbmi2",
    "avx512_vnni",
    "avx512_vp2intersect",
    "avx512_vpopcntdq",
    "avx512bw",
    "avx512cd",
    "avx512dq",
    "avx512er",
    "avx512f",
    "avx512ifma",
    "avx512pf",
    "avx512vbmi",
    "avx512vl",
    "avx_ifma",
    "avx_ne_convert",
    "avx_vnni",
    "avx_vnni_int16",
    "avx_vnni_int8",
    "bmi1",
    "bmi2",
    "clflushopt",
    "clwb",
    "clzero",
    "cx16",
    "cx8",
    "f16c",
    "fma",
    "fma4",
    "fsgsbase",
    "fxsr",
    "gfni",
    "lahf_lm",
    "lwp",
    "mmx",
    "movbe",
    "movdir64b",
    "movdiri",
    "pclmulqdq",
    "pni",
    "popcnt",
    "rdpid",
    "rdrand",
    "rdseed",
    "serialize",
    "sha512",
    "sha_ni",
    "sm3",
    "sm4",
    "sse",
    "sse2",
    "sse4_1",
    "sse4_2",
    "sse4a",
    "ssse3",
    "tbm",
    "vaes",
    "vpclmulqdq",
    "waitpkg",
    "xop",
    "xsave",
    "xsavec",
    "xsaveopt",
    "xsaves",
];

/// The same of an ARM processor.
const ARM: &[&str] = &[
    "aes",
    "asimd",
    "asimddp",
    "asimdfhm",
    "asimdhp",
    "asimdrdm",
    "atomics",
    "bf16",
    "bti",
    "crc32",
    "dcpodp",
    "dcpop",
    "dit",
    "fcma",
    "flagm",
    "flagm2",
    "fp",
    "fphp",
    "frint",
    "i8mm",
    "ilrcpc",
    "jscvt",
    "lrcpc",
    "lse128",
    "mte",
    "paca",
    "pacg",
    "pmull",
    "rng",
    "sb",
    "sha1",
    "sha2",
    "sha3",
    "sha512",
    "sm3",
    "sm4",
    "sme",
    "sme2",
    "ssbs",
    "sve",
    "sve2",
    "sve2p1",
    "sveaes",
    "svebf16",
    "svebitperm",
    "svef32mm",
    "svef64mm",
    "svei8mm",
    "svepmull",
    "svesha3",
    "svesm4",
    "uscat",
];

/// rustc's names for what this machine can run, the best first; none where there are no levels.
pub(super) fn levels() -> impl Iterator<Item = &'static str> {
    let of = if ARCH == "x86_64" { reached(&words(&table())) } else { Vec::new() };
    of.into_iter()
}

/// What `target-cpu=native` means on this machine: a home directory may be shared by machines with different
/// processors.
pub(super) fn native() -> String {
    identity(&table())
}

fn table() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

/// Levels need all that is below them.
fn reached(has: &BTreeSet<&str>) -> Vec<&'static str> {
    let mut found = Vec::new();
    for (name, adds) in LEVELS.iter().rev() {
        if !adds.iter().all(|word| has.contains(word)) {
            break;
        }
        found.insert(0, *name);
    }
    found
}

/// The words for features.
fn words(table: &str) -> BTreeSet<&str> {
    let lines = table.lines().filter_map(|line| line.split_once(':'));
    let lines = lines.filter(|(key, _)| ["flags", "Features"].contains(&key.trim()));
    lines.flat_map(|(_, value)| value.split_whitespace()).collect()
}

fn identity(table: &str) -> String {
    let known: &[&str] = match ARCH {
        "x86_64" | "x86" => X86,
        "aarch64" => ARM,
        _ => &[],
    };
    let identity = Identity::default().part("native 2").part(ARCH);
    let has = words(table);
    let has: Vec<&&str> = has.iter().filter(|word| known.contains(word)).collect();
    if !has.is_empty() {
        return identity.parts(has).finish();
    }
    // Elsewhere the processor's name stands for what it has.
    let names = ["isa", "uarch", "cpu", "cpu model", "machine"];
    let lines = table.lines().filter_map(|line| line.split_once(':'));
    let lines = lines.filter(|(key, _)| names.contains(&key.trim()));
    identity.parts(lines.map(|(key, value)| format!("{}={}", key.trim(), value.trim()))).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_stand_on_each_other() {
        let v2 = "cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3";
        let of = |flags: &str| reached(&flags.split(' ').collect()).first().copied();
        assert_eq!(of(v2), Some("x86-64-v2"));
        assert_eq!(of("avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"), Some("x86-64"));
        assert_eq!(of(&format!("{v2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave md_clear")), Some("x86-64-v3"));
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn native_is_what_code_can_use_and_nothing_else() {
        let table = |model: &str, flags: &str| format!("vendor_id\t: X\nmodel\t\t: {model}\nflags\t\t: {flags}\n");
        let one = identity(&table("85", "fpu sse2 avx2 fma"));
        assert_eq!(one, identity(&table("106", "fma avx2 md_clear sse2 rtm fpu")), "the same code runs on both");
        assert_ne!(one, identity(&table("85", "fpu sse2 fma")));
    }

    #[test]
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    fn this_machine_reaches_a_level() {
        assert_eq!(levels().last(), Some("x86-64"));
    }
}
