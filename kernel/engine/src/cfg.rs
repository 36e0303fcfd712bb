//! Which `#[cfg(…)]` hold in a cell, as rustc says. Two items of one name of which `cfg` leaves one are no
//! redefinition, and what is left out defines nothing.

use std::collections::HashSet;
use std::process::Command;

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// The names and values that are set; none known, everything holds.
#[derive(Debug, Clone, Default)]
pub struct Cfg(Option<HashSet<String>>);

impl Cfg {
    /// Asks rustc, as cells are compiled. What holds is rustc's to say later, too: without an answer nothing is left
    /// out here.
    pub fn ask(rustc: &std::path::Path, target_cpu: &str, checks: bool) -> Option<String> {
        let mut command = Command::new(rustc);
        command.args(["--print", "cfg", "-C", &format!("target-cpu={target_cpu}"), "-C", "panic=unwind"]);
        command.args(["-C", if checks { "debug-assertions=on" } else { "debug-assertions=off" }]);
        let answer = command.env_remove("RUSTFLAGS").output().ok().filter(|output| output.status.success());
        answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What holds by rustc's answer.
    pub fn of(said: &str) -> Self {
        Self(Some(Self::read(said)))
    }

    fn read(said: &str) -> HashSet<String> {
        said.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }

    /// Do the `cfg` among these attributes hold? Those that cannot be read do.
    pub fn holds(&self, attributes: &[Attribute]) -> bool {
        let Some(set) = &self.0 else { return true };
        let conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
        conditions.clone().all(|attribute| attribute.parse_args::<syn::LitBool>().map_or(true, |plain| plain.value))
            && conditions.filter_map(|attribute| attribute.parse_args::<Meta>().ok()).all(|meta| holds(set, &meta))
    }
}

fn holds(set: &HashSet<String>, meta: &Meta) -> bool {
    let each = |list: &syn::MetaList| {
        list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).unwrap_or_default()
    };
    match meta {
        Meta::Path(path) => match path.get_ident().map(ToString::to_string).as_deref() {
            Some(name) => set.contains(name),
            None => true,
        },
        Meta::NameValue(pair) => {
            let Expr::Lit(ExprLit { lit: Lit::Str(value), .. }) = &pair.value else { return true };
            let name = pair.path.get_ident().map(ToString::to_string).unwrap_or_default();
            set.contains(&format!("{name}={:?}", value.value()))
        }
        Meta::List(list) if list.path.is_ident("all") => each(list).iter().all(|meta| holds(set, meta)),
        Meta::List(list) if list.path.is_ident("any") => each(list).iter().any(|meta| holds(set, meta)),
        Meta::List(list) if list.path.is_ident("not") => !each(list).iter().all(|meta| holds(set, meta)),
        Meta::List(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &str) -> bool {
        let cfg = Cfg(Some(Cfg::read("unix\ntarget_os=\"linux\"\ntarget_feature=\"avx2\"\n")));
        let item: syn::ItemFn = syn::parse_str(&format!("#[cfg({condition})] fn f() {{}}")).expect("a function");
        cfg.holds(&item.attrs)
    }

    #[test]
    fn conditions_are_read_as_rustc_reads_them() {
        let yes =
            ["unix", "target_os = \"linux\"", "not(windows)", "any(windows, unix)", "all()", "all(unix, not(test))"];
        let no = [
            "windows",
            "target_os = \"macos\"",
            "not(unix)",
            "any()",
            "all(unix, windows)",
            "feature = \"x\"",
            "false",
        ];
        yes.iter().for_each(|condition| assert!(holds(condition), "{condition}"));
        no.iter().for_each(|condition| assert!(!holds(condition), "{condition}"));
        assert!(Cfg::default().holds(&[syn::parse_quote!(#[cfg(windows)])]));
    }
}
