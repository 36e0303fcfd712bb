//! How many threads this process was granted, and by whom. It reads the affinity mask, cgroups and
//! the variables of batch systems; it starts no thread and changes nothing.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Variables in which a batch system says how many cores a job may use on this node.
const JOB_VARIABLES: [&str; 5] = ["SLURM_CPUS_PER_TASK", "PBS_NUM_PPN", "NCPUS", "LSB_DJOB_NUMPROC", "NSLOTS"];

/// What Slurm says of the node when it says nothing of the task: all tasks on the node share it.
const NODE_VARIABLE: (&str, &str) = ("SLURM_CPUS_ON_NODE", "SLURM_CPUS_PER_TASK");

/// The variables with which a user decides for themself; the first that is set counts.
const CHOICES: [&str; 2] = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS"];

/// One voice on the number of threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Where it comes from: `affinity`, `cgroup`, or a variable's name.
    pub source: String,
    /// Threads; at least 1.
    pub threads: usize,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Threads to use: the user's choice, else the smallest limit.
    pub threads: usize,
    /// Processors the machine has online, granted or not.
    pub online: usize,
    /// Everything that was found, the smallest first.
    pub limits: Vec<Limit>,
    /// The user's choice: the variable it stands in, and threads.
    pub chosen: Option<Limit>,
}

impl Granted {
    /// The smallest limit, without the user's choice.
    pub fn allowed(&self) -> usize {
        self.limits.first().map_or(self.online, |limit| limit.threads)
    }

    /// Who decided on the number of threads: a variable, the smallest limit, or the machine.
    pub fn decided_by(&self) -> &str {
        self.chosen.as_ref().or(self.limits.first()).map_or("the machine", |limit| &limit.source)
    }
}

/// Looks at this process.
pub fn granted() -> Granted {
    let affinity = rustix::thread::sched_getaffinity(None).ok().map(|set| set.count() as usize);
    let online = fs::read_to_string("/sys/devices/system/cpu/online")
        .ok()
        .and_then(|text| count_ranges(text.trim()))
        .or(affinity)
        .unwrap_or(1);
    let get = |name: &str| env::var(name).ok();
    weigh(online, affinity, cgroup_limit(Path::new("/")), &get)
}

fn weigh(
    online: usize,
    affinity: Option<usize>,
    cgroup: Option<usize>,
    get: &dyn Fn(&str) -> Option<String>,
) -> Granted {
    // OpenMP takes a list, one number for each level of nesting; the first is what counts here.
    let number = |name: &str| get(name)?.split(',').next()?.trim().parse().ok().filter(|n: &usize| *n > 0);
    let mut limits: Vec<Limit> = Vec::new();
    let mut add = |source: &str, threads: Option<usize>| {
        limits.extend(threads.map(|n| Limit { source: source.to_owned(), threads: n.max(1) }));
    };
    add("affinity", affinity);
    add("cgroup", cgroup);
    JOB_VARIABLES.iter().for_each(|name| add(name, number(name)));
    if number(NODE_VARIABLE.1).is_none() {
        add(NODE_VARIABLE.0, number(NODE_VARIABLE.0));
    }
    limits.sort_by_key(|limit| limit.threads);
    let choice = |name: &&str| Some(Limit { source: (*name).to_owned(), threads: number(name)? });
    let chosen = CHOICES.iter().find_map(choice);
    let allowed = limits.first().map_or(online, |limit| limit.threads);
    let threads = chosen.as_ref().map_or(allowed, |choice| choice.threads).max(1);
    Granted { threads, online, limits, chosen }
}

/// Counts `0-3,8,10-11`.
fn count_ranges(text: &str) -> Option<usize> {
    text.split(',').try_fold(0, |sum, part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        Some(sum + last.checked_sub(first)? + 1)
    })
}

/// The smallest CPU quota of this process's cgroup and those above it, rounded up to whole threads.
/// `root` stands for `/`.
fn cgroup_limit(root: &Path) -> Option<usize> {
    let table = fs::read_to_string(root.join("proc/self/cgroup")).ok()?;
    let mut smallest: Option<f64> = None;
    for line in table.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let mounts: &[&str] = match controllers {
            "" => &["sys/fs/cgroup", "sys/fs/cgroup/unified"],
            c if c.split(',').any(|c| c == "cpu") => &["sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpu"],
            _ => continue,
        };
        for mount in mounts.iter().map(|m| root.join(m)) {
            // Inside a container the path may be that of the host; its own root is the mount then.
            let mut dir: PathBuf = mount.join(path.trim_start_matches('/'));
            while dir.starts_with(&mount) {
                if let Some(cores) = quota_in(&dir) {
                    smallest = Some(smallest.map_or(cores, |s| s.min(cores)));
                }
                if !dir.pop() {
                    break;
                }
            }
        }
    }
    smallest.map(|cores| (cores.ceil() as usize).max(1))
}

/// The quota of one cgroup directory in cores, of either version.
fn quota_in(dir: &Path) -> Option<f64> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| *n > 0.0);
    if let Ok(text) = fs::read_to_string(dir.join("cpu.max")) {
        let (quota, period) = text.trim().split_once(' ')?;
        return Some(number(quota)? / number(period)?);
    }
    let file = |name: &str| number(&fs::read_to_string(dir.join(name)).ok()?);
    Some(file("cpu.cfs_quota_us")? / file("cpu.cfs_period_us")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let root = env::temp_dir().join(format!("ferrolab-{name}-{}", std::process::id()));
        for (path, text) in files {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        root
    }

    #[test]
    fn quotas_of_version_2_are_found_above() {
        let root = tree(
            "cgroup2",
            &[
                ("proc/self/cgroup", "0::/slurm/job/step\n"),
                ("sys/fs/cgroup/slurm/job/step/cpu.max", "max 100000\n"),
                ("sys/fs/cgroup/slurm/job/cpu.max", "350000 100000\n"),
                ("sys/fs/cgroup/slurm/cpu.max", "800000 100000\n"),
            ],
        );
        assert_eq!(cgroup_limit(&root), Some(4));
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn quotas_of_version_1_are_found_in_a_container() {
        let root = tree(
            "cgroup1",
            &[
                ("proc/self/cgroup", "4:memory:/x\n3:cpu,cpuacct:/docker/abc\n"),
                ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"),
                ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
            ],
        );
        assert_eq!(cgroup_limit(&root), Some(2));
        fs::write(root.join("sys/fs/cgroup/cpu/cpu.cfs_quota_us"), "-1\n").unwrap();
        assert_eq!(cgroup_limit(&root), None);
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn the_smallest_voice_wins_unless_the_user_chose() {
        let slurm = |name: &str| (name == "SLURM_CPUS_PER_TASK").then(|| "3".to_owned());
        let found = weigh(64, Some(8), Some(16), &slurm);
        assert_eq!((found.threads, found.allowed()), (3, 3));
        assert_eq!(found.limits[0].source, "SLURM_CPUS_PER_TASK");
        let chosen = |name: &str| (name == "RAYON_NUM_THREADS").then(|| "12".to_owned());
        let found = weigh(64, Some(8), None, &chosen);
        assert_eq!((found.threads, found.allowed(), found.decided_by()), (12, 8, "RAYON_NUM_THREADS"));
        let found = weigh(5, None, None, &|_| None);
        assert_eq!((found.threads, found.decided_by()), (5, "the machine"));
        assert_eq!(count_ranges("0-3,8,10-11"), Some(7));
    }

    fn with(variables: &[(&str, &str)]) -> Granted {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        weigh(64, Some(16), None, &find)
    }

    #[test]
    fn slurm_says_it_of_the_task_or_of_the_node() {
        let node = with(&[("SLURM_CPUS_ON_NODE", "6")]);
        assert_eq!((node.threads, node.decided_by()), (6, "SLURM_CPUS_ON_NODE"));
        // With a number for each task, that of the node holds the other tasks' cores too.
        let task = with(&[("SLURM_CPUS_ON_NODE", "2"), ("SLURM_CPUS_PER_TASK", "4")]);
        assert_eq!((task.threads, task.decided_by()), (4, "SLURM_CPUS_PER_TASK"));
        assert_eq!(with(&[("SLURM_CPUS_ON_NODE", "128")]).decided_by(), "affinity");
    }

    #[test]
    fn choices_count_in_their_order() {
        let both = with(&[("OMP_NUM_THREADS", "3"), ("RAYON_NUM_THREADS", "5")]);
        assert_eq!((both.threads, both.decided_by()), (5, "RAYON_NUM_THREADS"));
        let list = with(&[("OMP_NUM_THREADS", "4,2"), ("SLURM_CPUS_PER_TASK", "8")]);
        assert_eq!((list.threads, list.decided_by()), (4, "OMP_NUM_THREADS"));
        assert_eq!(with(&[("OMP_NUM_THREADS", "0"), ("RAYON_NUM_THREADS", "many")]).threads, 16);
    }

    #[test]
    fn this_process_was_granted_something() {
        let found = granted();
        assert!(found.threads >= 1 && found.online >= 1, "{found:?}");
    }
}
