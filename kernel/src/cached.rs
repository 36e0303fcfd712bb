//! `ferrolab cache`: what the user's cache holds, as a table, and what was removed from it. Which entries go is the
//! engine's to decide.

use std::time::Duration;

use crate::cli::{CacheArgs, CacheVerb};
use ferrolab_engine::environment::{self, Keep, Size, Usage};

const DAY: u64 = 24 * 3600;

/// Shows the cache, or removes from it.
///
/// # Errors
/// A sentence for the user when there is no cache that can be used.
pub fn run(args: &CacheArgs) -> Result<(), String> {
    match args.what {
        None => print!("{}", table(&environment::usage().map_err(|e| e.to_string())?)),
        Some(CacheVerb::Prune { days, builds, all }) => {
            let used_within = if all { Duration::ZERO } else { Duration::from_secs(days.saturating_mul(DAY)) };
            let keep = Keep { used_within, builds: !(builds || all) };
            let done = environment::prune(&keep).map_err(|e| e.to_string())?;
            println!(
                "removed {} environments and {} compiled cells: {}",
                done.environments,
                done.cells,
                shown(done.freed)
            );
            if done.building {
                println!("a build is running: its folders were left alone");
            }
        }
    }
    Ok(())
}

fn table(usage: &Usage) -> String {
    let mut text = format!("{}: {}\n", usage.root.display(), shown(usage.all));
    for entry in &usage.environments {
        let what = if entry.release.is_empty() {
            "an environment that cannot be used any more".to_owned()
        } else {
            let with = if entry.dependencies.is_empty() {
                String::new()
            } else {
                format!(" with {}", entry.dependencies.join(", "))
            };
            format!("rustc {} for {}{with}", entry.release, entry.processor)
        };
        let used = match entry.age.as_secs() / DAY {
            _ if entry.loaded => "in use".to_owned(),
            _ if entry.age == Duration::MAX => "never used".to_owned(),
            0 => "used today".to_owned(),
            days => format!("used {days} days ago"),
        };
        text += &format!("  {what}: {}, {used}\n", shown(entry.size));
    }
    let (cells, size) = usage.cells;
    text += &format!("  {cells} compiled cells and notes: {}\n", shown(size));
    text += &format!("  what builds left for the next one: {}\n", shown(usage.builds));
    text
}

fn shown(size: Size) -> String {
    let files = if size.files == 1 { "file" } else { "files" };
    format!("{:.1} MB in {} {files}", size.bytes as f64 / 1e6, size.files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_how_much_is_where() {
        let size = Size { files: 1, bytes: 2_500_000 };
        let usage = Usage { root: "/c".into(), environments: Vec::new(), cells: (3, size), builds: size, all: size };
        let text = table(&usage);
        assert!(text.starts_with("/c: 2.5 MB in 1 file\n"), "{text}");
        assert!(text.contains("3 compiled cells and notes: 2.5 MB"), "{text}");
    }
}
