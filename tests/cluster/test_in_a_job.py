"""Sessions inside of Slurm jobs: memory that is counted without control groups, the end of the walltime, and the app for Open
OnDemand, rendered as a portal does and run."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from support import process, slurm, users
from support.frontend import Kernel
from support.notebooks import notebook, read

PACKAGING = process.ROOT / "packaging"


@pytest.fixture(scope="module")
def site(ferrolab):
    reason = slurm.why_not()
    if reason:
        pytest.skip(f"no Slurm can be started here: {reason}")
    site = slurm.Slurm(nodes=1)
    yield site
    site.close()


def run_in_job(site, folder, book, *options: str, seconds: float = 120) -> str:
    """Runs a notebook in a job; what it and Slurm said. The executed notebook is out.ipynb."""
    env = process.environment()
    names = ("FERROLAB_CACHE_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR")
    exports = ",".join(["ALL", *(f"{name}={env[name]}" for name in names)])
    # Slurm's signal goes to the steps of a job
    wrap = f"srun {process.FERROLAB} run {book} --no-html --allow-errors -o {folder}/out.ipynb"
    job = site.run("sbatch", "--parsable", "-n1", f"--export={exports}", f"--output={folder}/job.out", *options, "--wrap", wrap)
    site.wait(lambda: not any(line.startswith(f"{job} ") for line in site.queue()), "end of the job", seconds)
    return (folder / "job.out").read_text()


def results(path) -> list[str]:
    return [o.data["text/plain"] for cell in read(path).cells for o in cell.get("outputs", []) if o.output_type == "execute_result"]


# text, which is in a copy: large numbers are not
MUCH = 'let much: Vec<String> = (0..{} << 10).map(|i| format!("{{i:01000}}")).collect(); much.len()'


def test_memory_without_control_groups(site, tmp_path):
    """Slurm adds up what each process has. A copy of 400 MB would be counted once more, and end the job of 1,000 MB with all that is
    in it: so none is made, and the cell says so. Half a minute."""
    book = notebook(tmp_path, MUCH.format(400), "std::thread::sleep(std::time::Duration::from_secs(4)); much.len() + 1", "drop(much)", "1 + 1")
    said = run_in_job(site, tmp_path, book, "-c2", "--mem=1000M", "--time=5")
    assert "409601" in said and "2" in results(tmp_path / "out.ipynb")[-1:], said
    assert "Slurm counts a copy of the variables in full" in said and "of the 1000 MB of job" in said and "--mem" in said, said
    # what is small has its copy as before
    few = notebook(tmp_path, "let kept = vec![1, 2];", "let mut kept = kept; kept.push(3); panic!()", "kept.len()", name="few.ipynb")
    said = run_in_job(site, tmp_path, few, "-c2", "--mem=1000M", "--time=5")
    assert results(tmp_path / "out.ipynb") == ["2"] and "counts a copy" not in said, said


def test_the_end_of_a_job_is_told_as_such(ferrolab):
    """By Slurm's variable, as a kernel in a job would see it. Some seconds."""
    over = ["the time of Slurm job 4711 is over", "--time"]
    cancelled = ["by its frontend or because Slurm job 4711 was cancelled"]
    for end, words in ((str(int(time.time()) + 3), over), ("", cancelled)):
        kernel = Kernel(SLURM_JOB_ID="4711", SLURM_JOB_END_TIME=end)
        try:
            kernel.ok("let kept = 1;")
            story = kernel.run('println!("begun"); loop { std::thread::sleep(std::time::Duration::from_millis(10)); }')
            story.until("stream").stdout("begun\n")
            kernel.process.send_signal(signal.SIGTERM)
            story.until("error").error("SessionEnded", *words)
            assert "nterrupt" not in story.text_of(story.failed)
        finally:
            kernel.close(check=False)


@pytest.mark.long
@pytest.mark.timeout(400)
def test_the_walltime_of_a_real_job(site, tmp_path):
    """Slurm's shortest is a minute; 22.05 has no variable for the end, so its queue is asked."""
    book = notebook(tmp_path, "let kept = 1;", "loop { std::thread::sleep(std::time::Duration::from_millis(10)); }")
    said = run_in_job(site, tmp_path, book, "-c1", "--mem=800M", "--time=1", seconds=300)
    assert re.search(r"SessionEnded: the time of Slurm job \d+ is over", said), said
    # what ran before is in the notebook that was written at the end
    assert [cell.execution_count for cell in read(tmp_path / "out.ipynb").cells] == [1, 2]


def test_jobs_of_cargo_follow_what_was_granted(ferrolab, tmp_path):
    """Without an affinity mask or a control group only Slurm's variables say how many processors are ours. cargo is one that
    writes down how it is called."""
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    folder, calls = tmp_path / "toolchain", tmp_path / "calls"
    folder.mkdir()
    rustc = users.toolchain(folder)
    # files of their own, not links to what everybody uses: a compiler of another time is another one
    os.utime(shutil.copy2(rustc, f"{rustc}.own"), (1, 1))
    os.replace(f"{rustc}.own", rustc)
    (folder / "bin/cargo").unlink()
    process.script(folder / "bin", "cargo", f'echo "$@" >> {calls}\nexec {sysroot}/bin/cargo "$@"')
    crate = tmp_path / "tiny"
    (crate / "src").mkdir(parents=True)
    (crate / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n')
    (crate / "src/lib.rs").write_text("pub fn one() -> u8 { 1 }\n")
    with Kernel(timeout=300, RUSTC=str(rustc), SLURM_JOB_ID="7", SLURM_CPUS_PER_TASK="1") as kernel:
        kernel.run(f':dep tiny = {{ path = "{crate}" }}', timeout=280).finish()
        kernel.run("tiny::one()").result("1").idle()
    builds = [line for line in calls.read_text().splitlines() if line.startswith("build ")]
    assert builds and all("--jobs 1" in line for line in builds), builds


# -- Open OnDemand ----------------------------------------------------------------------------------

PORTAL = "https://portal.example.org"
# what a portal does around the app's templates (its template "basic"): helpers, before, script, and what the page is told
WRAPPER = """#!/bin/bash
cd "{stage}"
host=$(hostname)
find_port() {{ python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }}
create_passwd() {{ head -c 64 /dev/urandom | base64 | tr -dc a-zA-Z0-9 | head -c "$1"; }}
source ./before.sh
export port password host
./script.sh &
SCRIPT=$!
python3 -c 'import json, os, sys; json.dump(dict(zip(("host", "port", "password"), sys.argv[1:])), open("connection.json.new", "w"))' "$host" "$port" "$password"
mv connection.json.new connection.json
wait $SCRIPT
"""
RENDER = """
require 'erb'; require 'json'; require 'ostruct'
values = JSON.parse(STDIN.read)
context = OpenStruct.new(values)
num_cores, memory, host, port, password = %w[num_cores memory host port password].map { |name| values[name] }
print ERB.new(File.read(ARGV[0]), trim_mode: '-').result(binding)
"""


def render(path, **values) -> str:
    done = subprocess.run(["ruby", "-e", RENDER, str(path)], input=json.dumps(values), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_app_of_open_ondemand_runs(site, cli, tmp_path):
    """Rendered by Ruby, submitted with the app's options, opened with the password of its page: a cell runs in the job."""
    if shutil.which("ruby") is None:
        pytest.skip("Ruby renders the templates")
    import yaml

    folder, stage = PACKAGING / "ondemand", tmp_path / "stage"
    stage.mkdir()
    pack = tmp_path / "rust.tar.zst"
    done = cli("pack", "-o", pack)
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.copy2(process.FERROLAB, tmp_path / "ferrolab")
    env = process.environment(JUPYTER_CONFIG_DIR=str(tmp_path / "config"))
    keep = ("FERROLAB_CACHE_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
    setup = "\n".join([f"export PATH={pathlib.Path(sys.executable).parent}:$PATH TMPDIR={tmp_path}", *(f"export {name}={env[name]}" for name in keep)])
    values = {"site_setup": setup, "site_pack": str(pack), "site_origin": PORTAL, "num_cores": "2", "memory": "1"}
    for name in ("before.sh", "script.sh"):
        (stage / name).write_text(render(folder / f"template/{name}.erb", **values))
        (stage / name).chmod(0o755)
    native = yaml.safe_load(render(folder / "submit.yml.erb", **values))["script"]["native"]
    (stage / "job").write_text(WRAPPER.format(stage=stage))
    job = site.run("sbatch", "--parsable", *native, "--time=10", f"--output={stage}/output.log", str(stage / "job"))
    try:
        site.wait(lambda: (stage / "connection.json").exists(), f"server\n{(stage / 'output.log').read_text() if (stage / 'output.log').exists() else ''}", 200)
        told = json.loads((stage / "connection.json").read_text())
        config = (stage / "config.py").read_text()
        assert told["password"] in config and (stage / "config.py").stat().st_mode & 0o077 == 0
        base = f"http://{slurm.NET}.1:{told['port']}/node/{told['host']}/{told['port']}"
        shown = opened(base, told["password"], render(folder / "view.html.erb", **told), stage / "output.log")
        assert shown == '("n1", 2)', shown
    finally:
        site.run("scancel", job, check=False)
        site.empty(60)


def opened(base: str, password: str, page: str, log) -> str:
    """What a browser does with the page: its form is sent, JupyterLab opens, a kernel runs a cell."""
    import requests
    import websocket

    action = re.search(r'action="([^"?]+)', page)[1]
    assert base.endswith(action.removesuffix("/login")) and f'value="{password}"' in page, page
    session, deadline = requests.Session(), time.monotonic() + 300
    while True:
        try:
            session.get(f"{base}/login", timeout=5)
            break
        except requests.ConnectionError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.3)
    # in another browser: only what the form has, from the portal's page
    session = requests.Session()
    session.headers["Origin"] = PORTAL
    wrong = session.post(f"{base}/login", data={"token": "guessed", "password": "guessed"}, timeout=10)
    assert not wrong.ok and session.get(f"{base}/api/kernels", timeout=10).status_code == 403
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page))
    entered = session.post(f"{base}/login", data=fields, timeout=10)
    assert entered.ok and session.get(f"{base}/lab", timeout=10).ok, (entered.text[-500:], log.read_text())
    headers = {"X-XSRFToken": session.cookies.get("_xsrf")}
    assert "ferrolab" in session.get(f"{base}/api/kernelspecs", timeout=10).json()["kernelspecs"]
    kernel = session.post(f"{base}/api/kernels", json={"name": "ferrolab"}, headers=headers, timeout=60).json()
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)
    channel = websocket.create_connection(base.replace("http", "ws", 1) + f"/api/kernels/{kernel['id']}/channels", cookie=cookies, origin=PORTAL, timeout=120)
    code = '(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned(), rayon::current_num_threads())'
    head = {"msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3", "date": ""}
    content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False, "stop_on_error": True}
    channel.send(json.dumps({"channel": "shell", "header": head, "parent_header": {}, "metadata": {}, "content": content, "buffers": []}))
    while True:
        message = json.loads(channel.recv())
        assert message["msg_type"] != "error", message["content"]
        if message["msg_type"] == "execute_result":
            channel.close()
            return message["content"]["data"]["text/plain"]
