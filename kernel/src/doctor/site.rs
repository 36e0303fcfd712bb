//! Checks of the site layers that a kernel is told to read. Which environment it takes from them is not known here.

use super::Check;
use ferrolab_engine::environment::{Site, site};

const NAME: &str = "site layer";

/// One for each layer.
pub(super) fn checks(sites: &[Site]) -> Vec<Check> {
    sites.iter().map(check).collect()
}

fn check(layer: &Site) -> Check {
    let cache = match layer.open() {
        Ok(cache) => cache,
        // Cells run without; they are only compiled anew.
        Err(problem) => return Check::warn(NAME, problem.message, problem.help),
    };
    let at = cache.root().display();
    let about = site::About::read(cache.root());
    if about.processors.is_empty() {
        return Check::warn(
            NAME,
            format!("{at} holds nothing"),
            format!("fill it: ferrolab warm --into {at} NOTEBOOKS…"),
        );
    }
    let detail = format!("{at}: rustc {}, for {}", about.rustc, about.processors.join(", "));
    let here: Vec<&str> = site::levels().collect();
    let fits = about.processors.iter().any(|name| here.contains(&name.as_str()) || !name.starts_with("x86-64"));
    if !fits {
        let advice =
            format!("run `ferrolab warm --target-cpu {}` on such a machine", here.first().unwrap_or(&"native"));
        return Check::warn(NAME, format!("{detail}; this machine is none of those"), advice);
    }
    if about.ferrolab != env!("CARGO_PKG_VERSION") {
        let advice = "fill it again with this version";
        return Check::warn(NAME, format!("{detail}; filled by ferrolab {}", about.ferrolab), advice);
    }
    Check::ok(NAME, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn a_layer_that_is_missing_or_empty_is_named_with_what_to_do() {
        let site = |path: &std::path::Path| Site { path: path.to_owned(), owner: None };
        let missing = check(&site("/no/such/layer".as_ref()));
        assert!(missing.status == Status::Warn && missing.detail.contains("/no/such/layer"), "{missing:?}");
        let folder = tempfile::tempdir().expect("a folder");
        let empty = check(&site(folder.path()));
        assert!(empty.advice.is_some_and(|advice| advice.contains("ferrolab warm")));
    }
}
