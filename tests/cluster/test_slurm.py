"""Clusters on a real Slurm of three nodes: closures run there, the queue is told, jobs end in every way they can, none is left."""

import os
import re
import signal
import sys
import time

import nbformat
import pytest

from support import process, slurm
from support.frontend import Kernel

NAP = "std::thread::sleep(std::time::Duration::from_millis({}))"
HOST = 'std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_string()'


@pytest.fixture(scope="module")
def site(ferrolab):
    """The Slurm of this file's tests."""
    reason = slurm.why_not()
    if reason:
        pytest.skip(f"no Slurm can be started here: {reason}")
    site = slurm.Slurm(nodes=3)
    yield site
    site.close()


def environment(site, folder) -> dict[str, str]:
    # HOME and state are the test's own: logs of jobs go there
    return {"FERROLAB_PYTHON": sys.executable, "XDG_STATE_HOME": str(folder), **site.env}


@pytest.fixture(scope="module")
def shared(site, tmp_path_factory):
    """One kernel for the tests of this file."""
    folder = tmp_path_factory.mktemp("state")
    with Kernel(timeout=120, **environment(site, folder)) as kernel:
        kernel.logs = folder / "ferrolab" / "slurm"
        kernel.made = False
        kernel.ok("let kept = 41;")
        yield kernel


@pytest.fixture
def k(shared):
    yield shared
    assert shared.alive(), "the kernel died"


@pytest.fixture
def c(k):
    """The kernel when its cluster has two workers."""
    if not k.made:
        k.ok('let c = Cluster::slurm(slurm().nodes(2).cores(2).memory("500MB").walltime("00:10:00"))?;', timeout=60)
        k.made = True
    k.ok("c.scale(2)?; c.wait_for_workers(2)?;", timeout=60)
    return k


def until_shown(story, pattern: str, seconds: float = 30) -> str:
    """Waits until something that is shown matches; the cell goes on."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        story.begin()
        message = story._next()
        story.told.append(message)
        if re.search(pattern, story.text_of(message)):
            return story.text_of(message)
        assert message.content.get("execution_state") != "idle", f"the cell ended, and nothing matched /{pattern}/:\n{story.everything()}"
    raise AssertionError(f"nothing matched /{pattern}/ within {seconds} s:\n{story.everything()}")


def jobs(site, state: str = "RUNNING") -> dict[str, str]:
    """Jobs of clusters in this state, and where."""
    rows = [line.split("|") for line in site.run("squeue", "-h", "-t", state, "-o", "%i|%j|%N").splitlines()]
    return {number: node for number, name, node in rows if name.startswith("ferrolab-")}


def still_right(kernel) -> None:
    kernel.run("kept + 1").until("execute_result").result("42").until().idle()


def test_the_queue_is_told_until_workers_are_there(k, site):
    blocker = site.run("sbatch", "--parsable", "-N3", "--exclusive", "--time=10", f"--output={site.folder}/blocker.out", "--wrap", "sleep 600")
    site.wait(lambda: f"{blocker} RUNNING" in "\n".join(site.queue()), "busy nodes", 10)
    k.ok('let c = Cluster::slurm(slurm().nodes(2).cores(2).memory("500MB").walltime("00:10:00").directive("--comment=mine").prologue("export FROM_PROLOGUE=yes"))?;', timeout=60)
    k.made = True
    site.wait(lambda: "Resources" in "\n".join(site.queue()), "reason", 10)
    time.sleep(1)
    card = k.ok("c")
    assert "0 with 0 threads" in card and re.search(r"job \d+: pending: Resources: the nodes it needs are busy", card), card
    story = k.run("let hosts = c.map(0..40u64, |_| { " + NAP.format(50) + '; println!("hello"); ' + f"({HOST}, std::env::var(\"FROM_PROLOGUE\").unwrap_or_default()) }})?;", timeout=60)
    seen = until_shown(story, r"waiting for workers: job \d+ is pending \(Resources.*starts about \d\d:\d\d:\d\d")
    site.run("scancel", blocker)
    story.finish()
    told = story.everything()
    assert "40/40" in told, seen + told
    assert re.search(r"^\[n[123]-\d+\] hello$", story.printed(), re.M), told
    where = k.ok("let mut names: Vec<String> = hosts.iter().map(|(host, _)| host.clone()).collect(); names.sort(); names.dedup(); names")
    assert set(re.findall(r"n\d", where)) <= set(site.names) and where != "[]", where
    assert k.ok('hosts.iter().all(|(_, word)| word == "yes")') == "true"
    assert site.run("squeue", "-h", "-o", "%k").splitlines() == ["mine", "mine"]


def test_two_nodes_share_the_work(c):
    names = c.ok(f"let mut names = c.map(0..60u64, |_| {{ {NAP.format(50)}; {HOST} }})?; names.sort(); names.dedup(); names", timeout=60)
    assert len(re.findall(r"n\d", names)) == 2, names


def test_status_and_logs(c, site):
    card = c.ok("c")
    assert "2 with 4 threads" in card and "tcp://10.77.0.254:" in card, card
    for number, node in jobs(site).items():
        assert f"job {number}: running on {node}" in card, card
    logs = c.ok('c.logs()?.iter().map(|(name, text)| format!("{name} {}", text.contains("Start worker"))).collect::<Vec<_>>()')
    for number, node in jobs(site).items():
        assert f'"job {number} true"' in logs and f'"{node}-{number} ' in logs, logs


def test_nothing_listens_where_it_was_not_told_to(c, site):
    """The scheduler on the nodes' network, its dashboard on loopback."""
    bridge = next(pid for pid, line in process.command_lines(c.process.pid).items() if "bridge.py" in line)
    lines = [line.split() for line in site.run("ss", "-Htlnp").splitlines() if f"pid={bridge}," in line]
    hosts = {line[3].rsplit(":", 1)[0] for line in lines}
    assert hosts == {"127.0.0.1", slurm.LOGIN}, lines
    assert list(c.logs.glob("ferrolab-*.out")) and c.logs.stat().st_mode & 0o77 == 0, list(c.logs.glob("*"))


REFUSED = {
    'slurm().partition("nowhere")': ["Slurm refuses", "invalid partition specified: nowhere"],
    'slurm().memory("900GB")': ["Slurm refuses", "Memory specification can not be satisfied"],
    'slurm().walltime("soon")': ["Invalid --time specification"],
    'slurm().directive("--no-such-option")': ["no-such-option"],
    'slurm().memory("lots")': ["memory", "8GB"],
    "slurm().cores(3).tasks(2)": ["multiple"],
    'slurm().scheduler_interface("ib7")': ["ib7"],
    'slurm().log_directory("/proc/nothing")': ["log_directory"],
}


def test_what_can_never_run_is_refused_in_slurms_words(start, site, tmp_path):
    k = start(timeout=120, **environment(site, tmp_path))
    before = len(site.queue())
    for options, words in REFUSED.items():
        k.run(f"Cluster::slurm({options})?", timeout=60).until("error").error(None, *words).until().idle()
    assert len(site.queue()) == before
    # Slurm takes this one, and would let it wait for ever
    k.ok('let never = Cluster::slurm(slurm().partition("short").walltime("02:00:00"))?;', timeout=60)
    k.run("never.map(0..3u64, |x| x)?", timeout=60).until("error").error(None, "can never start", "PartitionTimeLimit", "longer than the partition allows").until().idle()
    k.ok("never.close()?;")
    site.wait(lambda: len(site.queue()) == before, "the queue as it was", 10)


def test_a_job_whose_script_fails_shows_its_log(k, site):
    k.ok('let failing = Cluster::slurm(slurm().prologue("echo no module named foo; exit 3"))?;', timeout=60)
    k.run("failing.wait_for_workers(1)?", timeout=60).until("error").error(None, "FAILED", "no module named foo", "scale(n)").until().idle()
    k.ok("failing.close()?;")


def test_jobs_cancelled_in_the_middle(c, site):
    story = c.run(f"c.map_with(&vec![1u64, 2], 0..80u64, |v, x| {{ {NAP.format(100)}; x * v[0] }})?.iter().sum::<u64>()", timeout=60)
    until_shown(story, r"\b[1-9]\d?/80")
    one, other = jobs(site)
    site.run("scancel", one)
    story.until("execute_result").result("3160").until().idle()
    assert f"job {one} on n" in story.everything() and "it was cancelled (CANCELLED)" in story.everything(), story.everything()
    story = c.run(f"c.map(0..400u64, |x| {{ {NAP.format(100)}; x }})?", timeout=60)
    until_shown(story, r"\b[1-9]\d?/400")
    site.run("scancel", other)
    story.until("error").error(None, "no workers", other, "CANCELLED", "cluster.scale(n)").until().idle()
    still_right(c)
    c.ok("c.scale(2)?; c.wait_for_workers(2)?;", timeout=60)
    c.run("c.map(0..3u64, |x| x)?").until("execute_result").result("[0, 1, 2]").until().idle()


def test_walltime_is_over(c, site):
    story = c.run(f"c.map(0..2000u64, |x| {{ {NAP.format(100)}; x }})?", timeout=90)
    until_shown(story, r"\b[1-9]\d*/2,000")
    for job in jobs(site):
        site.run("scontrol", "update", f"JobId={job}", "EndTime=now")
    story.until("error").error(None, "its walltime of", "was over (TIMEOUT)", "cluster.scale(n)").until().idle()
    still_right(c)


def test_a_node_is_lost(c, site):
    # parameters and large inputs are on that node too
    c.ok("let big = vec![1.0f64; 200_000];")
    story = c.run(f"c.map_with(&big, 0..150u64, |v, x| {{ {NAP.format(100)}; x as f64 * v[7] }})?.iter().sum::<f64>()", timeout=90)
    until_shown(story, r"\b[1-9]\d?/150")
    job, node = max(jobs(site).items())
    site.kill_node(node)
    try:
        assert story.finish() == "11175.0"
        still_right(c)
        # Slurm has put the job into the queue again, for some two minutes later; here, now
        site.wait(lambda: job in jobs(site, "PENDING"), "job in the queue again", 20)
        assert re.search(rf"job {job}: pending", c.ok("c")), site.describe()
        site.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        c.ok("c.wait_for_workers(2)?;", timeout=60)
        assert jobs(site)[job] != node, site.describe()
        told = c.run("c.map(0..2u64, |x| x)?")
        told.until("execute_result").result("[0, 1]").until().idle()
        assert f"job {job} lost {node}" in told.everything() + story.everything(), told.everything() + story.everything()
    finally:
        site.revive_node(node)


def test_a_nodes_network_is_cut_for_good(c, site):
    """Nobody says so: the scheduler finds out by what is not answered, within Dask's 30 seconds."""
    story = c.run(f"c.map(0..150u64, |x| {{ {NAP.format(100)}; x }})?.iter().sum::<u64>()", timeout=120)
    until_shown(story, r"\b[1-9]\d?/150")
    node = max(jobs(site).values())
    site.cut_node(node)
    try:
        assert story.finish() == "11175"
        assert "1 lost" in story.everything(), story.everything()
        still_right(c)
        # Slurm notices by itself, and puts the job into the queue again for some two minutes later; here, now
        site.wait(lambda: jobs(site, "PENDING"), "job in the queue again", 60)
        for job in jobs(site, "PENDING"):
            site.run("scontrol", "update", f"JobId={job}", "StartTime=now")
        c.ok("c.wait_for_workers(2)?;", timeout=60)
        assert node not in jobs(site).values(), site.describe()
    finally:
        site.mend_node(node)


@pytest.mark.long
def test_a_job_whose_workers_hang_is_replaced(start, site, tmp_path):
    """For Slurm it runs; Dask has given its worker up. Scaling submits another one for it."""
    kernel = start(timeout=120, DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL="4s", **environment(site, tmp_path))
    before = set(jobs(site))
    kernel.ok('let c = Cluster::slurm(slurm().nodes(1).memory("300MB"))?; c.wait_for_workers(1)?;', timeout=60)
    [hanging] = set(jobs(site)) - before
    for pid, line in site.work(jobs(site)[hanging]).items():
        if "dask_worker" in line or "multiprocessing" in line:
            os.kill(pid, signal.SIGSTOP)
    site.wait(lambda: "0 with 0 threads" in kernel.ok("c"), "lost worker", 90)
    assert jobs(site)[hanging], site.describe()
    time.sleep(11)
    kernel.ok("c.scale(1)?; c.wait_for_workers(1)?;", timeout=60)
    assert hanging not in jobs(site), site.describe()
    kernel.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_a_task_takes_more_memory_than_its_job_has(c):
    """Whether Slurm ends the job or Dask the worker, memory is named."""
    c.run("c.map(0..4u64, |x| if x == 2 { vec![1u8; 2 << 30].iter().map(|b| u64::from(*b)).sum::<u64>() } else { x })?", timeout=120).until(
        "error"
    ).error(None, "memory").until().idle()
    still_right(c)
    c.ok("c.scale(2)?; c.wait_for_workers(2)?;", timeout=60)
    c.run("c.map(0..2u64, |x| x)?").until("execute_result").result("[0, 1]").until().idle()


def test_adapt_goes_up_and_down(k, site):
    k.ok('let a = Cluster::slurm(slurm().nodes(0).memory("300MB"))?; a.adapt(0, 2)?;', timeout=60)
    before = len(jobs(site))
    story = k.run(f"a.map(0..400u64, |x| {{ {NAP.format(50)}; x }})?.len()", timeout=90)
    site.wait(lambda: len(jobs(site)) == before + 2, "two more jobs", 60)
    story.until("execute_result").result("400").until().idle()
    site.wait(lambda: len(jobs(site)) == before, "jobs given back", 60)
    k.run("a.map(0..2u64, |x| x)?", timeout=60).until("execute_result").result("[0, 1]").until().idle()
    k.ok("a.close()?;")


def test_closing_leaves_nothing(c, site):
    c.ok("c.close()?;")
    site.empty()
    site.wait(lambda: not any("ferrolab-guard" in line for line in process.command_lines(1).values()), "end of the guard", 20)


def begin(start, site, tmp_path) -> Kernel:
    """A kernel of one's own with a node."""
    kernel = start(timeout=120, **environment(site, tmp_path))
    kernel.ok('let c = Cluster::slurm(slurm().cores(2).tasks(2).memory("1GB"))?; c.wait_for_workers(2)?;', timeout=60)
    return kernel


def test_tls_with_credentials_made_for_the_cluster(start, site, tmp_path):
    kernel = start(timeout=120, **environment(site, tmp_path))
    kernel.ok('let c = Cluster::slurm(slurm().nodes(2).cores(2).memory("500MB").security(&cluster::Security::temporary()))?; c.wait_for_workers(2)?;', timeout=90)
    hosts = kernel.ok(f"let mut h = c.map(0..40u64, |_| {{ {NAP.format(20)}; {HOST} }})?; h.sort(); h.dedup(); h")
    assert re.fullmatch(r'\["n\d", "n\d"\]', hosts), hosts
    assert kernel.ok('c.status()?.address().starts_with("tls://")') == "true"
    keys = list((tmp_path / "ferrolab" / "slurm").glob("*.pem"))
    assert len(keys) == 3 and all(file.stat().st_mode & 0o077 == 0 for file in keys), keys
    kernel.ok("c.close()?;", timeout=60)
    assert not any(file.exists() for file in keys)
    site.empty()


def test_the_kernel_is_killed(start, site, tmp_path):
    kernel = begin(start, site, tmp_path)
    left = process.tree(kernel.process.pid)
    os.kill(kernel.process.pid, signal.SIGKILL)
    kernel.process.wait(10)
    site.empty()
    site.wait(lambda: not any(process.alive(pid) for pid in left), f"end of {left}", 30)


def test_the_bridge_is_killed(start, site, tmp_path):
    kernel = begin(start, site, tmp_path)
    os.kill(next(pid for pid, line in process.command_lines(kernel.process.pid).items() if "bridge.py" in line), signal.SIGKILL)
    site.empty()
    kernel.run("c.map(0..2u64, |x| x)?", timeout=60).until("error").error(None, "make it again").until().idle()


def test_everything_here_is_killed_at_once(start, site, tmp_path):
    """As when the login node crashes: nobody is left to cancel the jobs, and they end by themselves."""
    kernel = begin(start, site, tmp_path)
    here = process.command_lines(kernel.process.pid)
    guards = [pid for pid, line in here.items() if "ferrolab-guard" in line]
    assert guards, here
    # the guards first: they would do what this test is about
    for pid in [*guards, *here]:
        if process.alive(pid):
            os.kill(pid, signal.SIGKILL)
    kernel.process.wait(10)
    site.empty(60)


def test_a_notebook_in_a_job_with_workers_of_sbatch(site, tmp_path):
    """What notebooks/04_cluster.ipynb says, in a job of one node, with workers of workers.sbatch on two others."""
    script = process.ROOT / "notebooks/workers.sbatch"
    file, out = tmp_path / "scheduler.json", tmp_path / "out.ipynb"
    cells = [
        f"!{sys.executable} -m distributed.cli.dask_scheduler --scheduler-file {file} --interface eth0 --port 0 --dashboard-address 127.0.0.1:0 --no-show > {tmp_path}/scheduler.log 2>&1 &",
        f"!PYTHON={sys.executable} sbatch --nodes=2 --ntasks-per-node=1 --cpus-per-task=2 --mem=600M --output={tmp_path}/workers.out {script} {file}",
        f'let cluster = Cluster::scheduler_file("{file}")?; cluster.wait_for_workers(2)?; cluster.count()?',
        f"let mut names = cluster.map(0..40u64, |_| {{ {NAP.format(50)}; {HOST} }})?; names.sort(); names.dedup(); names",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": {"name": "ferrolab", "display_name": "Rust", "language": "rust"}})
    nbformat.write(book, tmp_path / "book.ipynb")
    env = process.environment(**environment(site, tmp_path))
    names = ("FERROLAB_CACHE_DIR", "FERROLAB_PYTHON", "XDG_STATE_HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR")
    exports = ",".join(["ALL", *(f"{name}={env[name]}" for name in names)])
    wrap = f"{process.FERROLAB} run {tmp_path}/book.ipynb --no-html -o {out}"
    job = site.run("sbatch", "--parsable", "-n1", "-c1", "--mem=1500M", "--time=10", f"--export={exports}", f"--output={tmp_path}/job.out", "--wrap", wrap)
    site.wait(lambda: not any(line.startswith(f"{job} ") for line in site.queue()), "end of the notebook's job", 90)
    said = (tmp_path / "job.out").read_text()
    assert out.exists(), said
    results = [o.data["text/plain"] for cell in nbformat.read(out, as_version=4).cells for o in cell.outputs if o.output_type == "execute_result"]
    assert results[0] == "4", said
    assert len(re.findall(r"n\d", results[1])) == 2, said
    # a site's cgroups end the notebook's scheduler with its job; what is used here loses sight of it
    for pid, line in site.work("n1").items():
        if "dask_scheduler" in line:
            os.kill(pid, signal.SIGTERM)
    site.empty(60)
