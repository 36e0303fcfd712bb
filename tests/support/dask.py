"""Dask schedulers and workers that the notebook did not start, certificates, and a Python with the oldest release that is stated."""

from __future__ import annotations

import datetime
import fcntl
import ipaddress
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from support import process

PYTHON = {"FERROLAB_PYTHON": sys.executable}
NAP = "std::thread::sleep(std::time::Duration::from_millis({}))"
# what the bar of a run says when some of its tasks are done
SOME_DONE = r"\b[1-9][\d,]*/[\d,]+ \["
# what docs/clusters.md and python.rs state
OLDEST = "2024.8.0"


class Outside:
    """A scheduler and workers in processes of their own; all are killed at the end."""

    def __init__(self, folder: pathlib.Path, python: str = sys.executable):
        self.folder, self.python = folder, python
        self.file = folder / "scheduler.json"
        self.started: list[subprocess.Popen] = []

    def __enter__(self) -> Outside:
        return self

    def __exit__(self, *_) -> None:
        for each in self.started:
            try:
                os.killpg(each.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            each.wait()

    def spawn(self, command: list[str], name: str, **env: str) -> subprocess.Popen:
        with (self.folder / f"{name}.log").open("w") as log:
            started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env={**os.environ, **env})
        self.started.append(started)
        return started

    def scheduler(self, *options: str) -> str:
        """Starts it and waits for its address."""
        command = [self.python, "-m", "distributed.cli.dask_scheduler", "--scheduler-file", str(self.file), "--port", "0", "--no-dashboard", "--host", "127.0.0.1"]
        self.spawn([*command, *options], "scheduler")
        deadline = time.monotonic() + 60
        while not self.file.exists() or not self.file.stat().st_size:
            assert time.monotonic() < deadline, (self.folder / "scheduler.log").read_text()
            time.sleep(0.05)
        return json.loads(self.file.read_text())["address"]

    def worker(self, name: str, *options: str, before: str = "", **env: str) -> subprocess.Popen:
        """Starts one; with `before`, shell commands in a mount namespace of its own come first."""
        command = [self.python, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--name", name]
        command += ["--no-dashboard", "--host", "127.0.0.1", "--local-directory", str(self.folder), *options]
        if before:
            command = ["unshare", "-m", "sh", "-c", f'{before} && exec "$@"', "sh", *command]
        return self.spawn(command, name, **env)


def dask(*arguments: str) -> subprocess.Popen:
    """A scheduler or a worker that the notebook did not start, alone."""
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def still_right(kernel) -> None:
    """The variable that these tests begin with has its value."""
    kernel.run("kept + 1").result("42").until().idle()


def can_mount() -> bool:
    """Only root makes a mount namespace without further ado."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode == 0


def oldest_python() -> str:
    """A Python with the oldest release of distributed that is stated."""
    return locked_venv(f"oldest-{OLDEST}", f"distributed=={OLDEST}", "numpy", "cryptography")


def locked_venv(name: str, *packages: str) -> str:
    """A Python with packages of its own; made once for the test directory, by whoever comes first."""
    folder = process.WORK / name
    python = folder / "bin/python"
    process.WORK.mkdir(parents=True, exist_ok=True)
    with (process.WORK / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages], check=True)
            (folder / "done").touch()
    return str(python)


class Authority:
    """A certificate authority of the tests: PEM files in a folder."""

    def __init__(self, folder: pathlib.Path, name: str):
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder, self.name = folder, name
        folder.mkdir(parents=True, exist_ok=True)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key, None)
        self.ca = self._write("ca.pem", self.certificate)

    def _write(self, name: str, thing) -> str:
        from cryptography.hazmat.primitives import serialization as s

        path = self.folder / name
        if hasattr(thing, "private_bytes"):
            data = thing.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        else:
            data = thing.public_bytes(s.Encoding.PEM)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
            file.write(data)
        return str(path)

    def _sign(self, name: str, key, issuer):
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer.subject if issuer else subject)
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name: str) -> tuple[str, str]:
        """A certificate and its key, as two files."""
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.generate_private_key(ec.SECP256R1())
        return self._write(f"{name}.pem", self._sign(name, key, self.certificate)), self._write(f"{name}.key", key)


def asked(k, code: str) -> str:
    """What a Python client `c` of a kernel's cluster prints."""
    address = k.ok("cluster.status()?.address().to_string()").strip('"')
    code = f"from distributed import Client\nwith Client('{address}') as c:\n    " + code.replace("\n", "\n    ")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def keys_of(k, prefix: str, state: str = "") -> list[str]:
    """The keys that begin so of what the scheduler knows, or only of what is in this state."""
    tasks = f"[key for key, task in dask_scheduler.tasks.items() if str(key).startswith({prefix!r}) and {state!r} in ('', task.state)]"
    return asked(k, f"print(*c.run_on_scheduler(lambda dask_scheduler: {tasks}))").split()


def settled_keys(k, want: int, prefix: str, state: str = "") -> None:
    """Until there are so many of them: releases are not waited for."""
    deadline = time.monotonic() + 10
    while len(found := keys_of(k, prefix, state)) != want:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
