"""What the system forbids: `ulimit` and `noexec`. Doctor says it beforehand, and the cell that runs into it says which it was and what to do."""

import json
import os
import subprocess
import uuid

import pytest

from support import caches, process
from support.frontend import Kernel


def under(limits: str) -> tuple[str, ...]:
    return ("bash", "-c", f'ulimit {limits} && exec "$@"', "sh")


@pytest.fixture
def limited(ferrolab):
    """Kernels under limits."""
    kernels = []

    def begin(limits: str, before: tuple[str, ...] = (), **env) -> Kernel:
        kernels.append(Kernel(launcher=(*before, *under(limits)), **env))
        return kernels[-1]

    yield begin
    for kernel in kernels:
        kernel.close(check=False)


def doctor(ferrolab, limits: str = "-c 0", **env):
    done = subprocess.run([*under(limits), str(ferrolab), "doctor", "--json"], env=process.environment(**env), capture_output=True, text=True, timeout=120)
    assert done.stdout, done.stderr
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


# -- ulimit --------------------------------------------------------------------------------------


def test_a_file_that_may_not_grow_is_an_error_of_the_write(limited, tmp_path):
    kernel = limited("-f 300")
    kernel.ok("let kept = 5;")
    kernel.run(f'std::fs::write("{tmp_path}/large", vec![0u8; 1 << 20])?;').fails(None, "the limit on the size of a file (ulimit -f, 300 KB) was hit", "ulimit -f unlimited")
    kernel.run("kept").result("5").idle()
    # a command of the user's own
    kernel.run(f'!head -c 1000000 /dev/zero > "{tmp_path}/large"').fails("Shell", "the command failed")
    assert (tmp_path / "large").stat().st_size == 300 << 10
    kernel.run("kept").result("5").idle()


def test_code_that_is_too_large_for_a_file(limited):
    """rustc's object or the linker's."""
    kernel = limited("-f 20")
    text = "static TABLE: [u64; 40_000] = { let mut t = [0; 40_000]; let mut i = 0; while i < 40_000 { t[i] = i as u64 * 7; i += 1; } t }; std::hint::black_box(&TABLE)[3]"
    kernel.run(text).fails(None, "(ulimit -f, 20 KB)")
    assert kernel.alive()


def test_processor_time_that_is_used_up(limited):
    kernel = limited("-t 2")
    kernel.ok("let kept = 5;")
    kernel.run("let mut n = 0u64; loop { n = std::hint::black_box(n + 1); }").fails("Crash", "the limit on CPU time of a process (ulimit -t, 2 s) was hit", "variables are as they were")
    kernel.run("kept").result("5").idle()


def test_memory_of_the_cell(limited):
    kernel = limited("-v 6291456")
    kernel.ok("let kept = 5;")
    kernel.run("let large = vec![1u8; 7 << 30]; large.len()").fails("Crash", "the limit on address space (ulimit -v, 6 GB) was hit", "ulimit -v unlimited")
    kernel.run("kept").result("5").idle()
    kernel.run("let smaller = vec![1u8; 1 << 20]; smaller.len()").result("1048576").idle()


def test_no_memory_for_the_runner_or_for_rustc(limited):
    """So low that nothing runs: whichever process is the first to fail, the limit is named."""
    for kilobytes, shown in ((200_000, "195.3 MB"), (300_000, "293.0 MB")):
        kernel = limited(f"-v {kilobytes}")
        # a new text each time: a cell that was compiled once needs no rustc
        kernel.run(f"let words: Vec<String> = (0..9).map(|i| format!(\"{{i}}\")).collect(); words.join(\"{uuid.uuid4()}\")").fails(None, f"the limit on address space (ulimit -v, {shown})")
        assert "panicked" not in kernel.log_text(), kernel.log_text()
        kernel.close(check=False)


def test_no_more_threads(limited, root_user, tmp_path):
    before = ()
    if root_user:
        # for root there is no limit on processes; without rights of root, but to read its toolchain, there is
        caps = "+dac_override,+dac_read_search,+fowner"
        before = ("setpriv", "--reuid=54321", "--clear-groups", f"--inh-caps=-all,{caps}", f"--ambient-caps=-all,{caps}", "--bounding-set=-sys_resource,-sys_admin")
        if subprocess.run([*before, "true"], capture_output=True).returncode:
            pytest.skip("no setpriv, or not allowed here")
    # what others have is none of its business, so the number is above what this user's own processes need
    kernel = limited("-u 90", before)
    kernel.ok("let kept = 5;")
    story = kernel.run("let threads: Vec<_> = (0..200).map(|_| std::thread::spawn(|| std::thread::sleep(std::time::Duration::from_secs(2)))).collect(); threads.len()")
    story.fails(None, "the limit on processes and threads (ulimit -u, 90) was hit")
    kernel.run("kept").result("5").idle()


def test_no_more_open_files(limited):
    kernel = limited("-n 128")
    kernel.ok("let kept = 5;")
    kernel.run('(0..500).map(|_| std::fs::File::open("/dev/null")).collect::<std::io::Result<Vec<_>>>()?;').fails(None, "the limit on open files (ulimit -n, 128) was hit", "ulimit -n 65536")
    kernel.run('let all: Vec<_> = (0..500).map_while(|_| std::fs::File::open("/dev/null").ok()).collect();').until().idle()
    kernel.run("kept").says("no snapshot before this cell: ", "the limit on open files (ulimit -n, 128) was hit")
    kernel.run("drop(all);").until().idle()
    kernel.run("kept").result("5").idle()


def test_doctor_names_low_limits(ferrolab):
    code, checks = doctor(ferrolab, "-t 600 && ulimit -f 500000 && ulimit -v 4194304")
    check = checks["limits"]
    assert check["status"] == "warn", check
    for text in ("address space 4 GB (ulimit -v)", "CPU time of a process 600 s (ulimit -t)", "the size of a file 488.3 MB (ulimit -f)"):
        assert text in check["detail"], check
    assert "ulimit -v unlimited" in check["advice"], check
    assert code == 0
    assert doctor(ferrolab)[1]["a test cell"]["status"] == "ok"


def test_a_limit_that_doctor_itself_runs_into(ferrolab):
    code, checks = doctor(ferrolab, "-v 400000")
    bad = [check for check in checks.values() if check["status"] == "fail"]
    assert code == 1 and any("ulimit -v" in str(check["advice"]) + check["detail"] for check in bad), checks


# -- noexec --------------------------------------------------------------------------------------


@pytest.fixture
def mounted(tmp_path, root_user):
    """Folders that are mounts: `mounted("name", "noexec")` is empty and in memory, `mounted("name", "noexec", over=path)` is that folder."""
    if not root_user:
        pytest.skip("only root mounts")
    mounts = []

    def mount(name: str, options: str, over=None):
        folder = over or tmp_path / name
        folder.mkdir(exist_ok=True)
        command = ["mount", "--bind", str(folder), str(folder)] if over else ["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "none", str(folder)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        mounts.append(folder)
        if over:
            remount(folder, options)
        return folder

    yield mount
    for folder in reversed(mounts):
        subprocess.run(["umount", "-l", str(folder)], check=False)


def remount(folder, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,bind,{options}", str(folder)], check=True)


def test_a_cache_without_execution_is_named_before_anything_is_built(ferrolab, start, mounted):
    folder = mounted("cache", "noexec")
    kernel = start(FERROLAB_CACHE_DIR=str(folder))
    began = kernel.run("1 + 1")
    began.fails("Environment", str(folder), "noexec", "FERROLAB_CACHE_DIR")
    code, checks = doctor(ferrolab, FERROLAB_CACHE_DIR=str(folder))
    assert code == 1
    for name in ("cache", "a test cell", "environment"):
        assert checks[name]["status"] == "fail" and "noexec" in checks[name]["detail"], checks[name]
        assert "FERROLAB_CACHE_DIR" in checks[name]["advice"], checks[name]
    # a folder in it that is not there yet
    code, checks = doctor(ferrolab, FERROLAB_CACHE_DIR=str(folder / "below" / "it"))
    assert code == 1 and checks["cache"]["status"] == "fail", checks
    text = subprocess.run([str(ferrolab), "doctor"], env=process.environment(FERROLAB_CACHE_DIR=str(folder)), capture_output=True, text=True)
    assert text.returncode == 1 and "noexec" in text.stdout and "not ready" in text.stdout


def test_a_whole_cache_that_is_mounted_without_execution(ferrolab, start, mounted, tmp_path):
    """Made elsewhere, and complete; and one in a running session, where a cell says it and no variable is lost."""
    cache = caches.copy(tmp_path / "whole")
    mounted("", "exec", over=cache)
    kernel = start(FERROLAB_CACHE_DIR=str(cache))
    kernel.ok("let kept = 5;")
    remount(cache, "noexec")
    kernel.run("kept + 1000").fails("Environment", "noexec", str(cache), "FERROLAB_CACHE_DIR")
    code, checks = doctor(ferrolab, FERROLAB_CACHE_DIR=str(cache))
    assert code == 1 and checks["environment"]["status"] == "fail" and "noexec" in checks["environment"]["detail"], checks
    start(FERROLAB_CACHE_DIR=str(cache)).run("1 + 1").fails("Environment", "noexec", "FERROLAB_CACHE_DIR")
    remount(cache, "exec")
    kernel.run("kept + 1001").result("1006").idle()
    code, checks = doctor(ferrolab, FERROLAB_CACHE_DIR=str(cache))
    assert checks["environment"]["status"] == "ok", checks


@pytest.mark.long
def test_a_temporary_folder_without_execution_does_no_harm(start, mounted, tmp_path):
    folder = mounted("tmp", "noexec")
    serial = os.getpid()
    derive, user = tmp_path / "derive", tmp_path / "user"
    for path, kind, body in (
        (derive, "[lib]\nproc-macro = true\n", "use proc_macro::TokenStream;\n#[proc_macro] pub fn seven(_: TokenStream) -> TokenStream { \"7\".parse().unwrap() }"),
        (user, f'[dependencies]\nderive-{serial} = {{ path = "../derive" }}\n', f"pub fn value() -> i32 {{ derive_{serial}::seven!() + env!(\"MADE\").len() as i32 }}"),
    ):
        (path / "src").mkdir(parents=True)
        (path / "Cargo.toml").write_text(f'[package]\nname = "{path.name}-{serial}"\nversion = "0.1.0"\nedition = "2021"\n{kind}')
        (path / "src/lib.rs").write_text(body)
    (user / "build.rs").write_text('fn main() { println!("cargo:rustc-env=MADE=x"); }')
    kernel = start(TMPDIR=str(folder))
    kernel.ok(f':dep user-{serial} = {{ path = "{user}" }}', timeout=120)
    kernel.run(f"user_{serial}::value()").result("8").idle()


@pytest.mark.long
def test_a_cache_that_is_read_only_beside_a_temporary_folder_without_execution(start, mounted, tmp_path):
    """Cells are made elsewhere then, where they can be loaded."""
    cache = caches.copy(tmp_path / "read-only")
    mounted("", "ro", over=cache)
    kernel = start(FERROLAB_CACHE_DIR=str(cache), TMPDIR=str(mounted("tmp", "noexec")))
    story = kernel.run("20 + 22")
    if story.ends() == "ok":
        assert "42" in story.everything()
    else:
        assert "noexec" in story.everything() and "TMPDIR" in story.everything(), story.everything()
