//! The one command that gets what is missing, as this machine is: its environment manager, its modules, its packages.
//! It runs nothing.

use std::env;
use std::fs;
use std::path::Path;

use ferrolab_system::users;

/// What decides which command helps.
#[derive(Debug, Default)]
pub(super) struct Machine {
    /// A conda environment is active.
    conda: bool,
    /// There is a system of modules, as on clusters.
    modules: bool,
    /// The distribution and those it is like, by their words in `os-release`.
    distribution: Vec<String>,
    root: bool,
}

impl Machine {
    /// This one.
    pub(super) fn here() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            conda: set("CONDA_PREFIX"),
            modules: set("MODULESHOME") || set("LMOD_CMD"),
            distribution: distribution(&fs::read_to_string("/etc/os-release").unwrap_or_default()),
            root: users::own() == 0,
        }
    }

    /// For a C compiler, with the linker that it calls.
    pub(super) fn compiler(&self) -> String {
        if self.conda {
            return "conda install -c conda-forge gcc_linux-64".to_owned();
        }
        // On a cluster who is not root installs no packages.
        if self.modules && !self.root {
            return "module load gcc".to_owned();
        }
        let likes = |name: &str| self.distribution.iter().any(|word| word == name);
        let command = match () {
            () if likes("debian") || likes("ubuntu") => "apt install gcc libc6-dev",
            () if likes("fedora") || likes("rhel") => "dnf install gcc",
            () if likes("suse") || likes("opensuse") => "zypper install gcc",
            () if likes("arch") => "pacman -S gcc",
            () if likes("alpine") => "apk add gcc musl-dev",
            () => return "install gcc with this system's package manager".to_owned(),
        };
        if self.root { command.to_owned() } else { format!("sudo {command}") }
    }

    /// For a Rust toolchain, new or newer. `now` is the rustc that there is.
    pub(super) fn rust(&self, now: Option<&Path>) -> String {
        let of_rustup = |rustc: &Path| {
            rustc.components().any(|part| [".rustup", ".cargo"].iter().any(|name| part.as_os_str() == *name))
        };
        if now.is_some_and(of_rustup) {
            return "rustup update stable".to_owned();
        }
        if self.conda {
            return "conda install -c conda-forge 'rust>=1.91'".to_owned();
        }
        if self.modules && now.is_none() {
            return "module load rust".to_owned();
        }
        // Distributions have old ones; this needs no rights.
        "curl -sSf https://sh.rustup.rs | sh -s -- -y --profile minimal".to_owned()
    }
}

/// The words for a distribution in the text of `os-release`.
fn distribution(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let lines = lines.filter(|(name, _)| ["ID", "ID_LIKE"].contains(name));
    lines.flat_map(|(_, value)| value.trim_matches('"').split(' ')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_has_its_own_command() {
        let debian = Machine { distribution: distribution("ID=debian\n"), root: true, ..Machine::default() };
        assert_eq!(debian.compiler(), "apt install gcc libc6-dev");
        let rocky = distribution("NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n");
        let user = Machine { distribution: rocky, ..Machine::default() };
        assert_eq!(user.compiler(), "sudo dnf install gcc");
        assert_eq!(Machine { modules: true, ..user }.compiler(), "module load gcc");
        let conda = Machine { conda: true, modules: true, ..Machine::default() };
        assert!(conda.compiler().starts_with("conda install") && conda.rust(None).starts_with("conda install"));
        assert_eq!(conda.rust(Some(Path::new("/home/a/.cargo/bin/rustc"))), "rustup update stable");
        assert!(debian.rust(Some(Path::new("/usr/bin/rustc"))).contains("rustup.rs"), "Debian's own is too old");
    }
}
