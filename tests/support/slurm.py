"""A real Slurm of a few small nodes on this machine, for the time of some tests.

Each node is a network, host name and mount namespace with its own address; the controller and munge run
here, the "login node". Everything has a folder, ports, a key and sockets of its own: a Slurm that this
machine is part of is neither used nor touched. Needs root that may make namespaces (CAP_NET_ADMIN,
CAP_SYS_ADMIN), and Debian's slurmctld, slurmd, slurm-client, munge and iproute2; `why_not` says what is
missing. By hand: `python tests/support/slurm.py` keeps one until Enter is pressed.
"""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

NET = "10.77.0"
LOGIN = f"{NET}.254"
BRIDGE = "flbr0"
PROGRAMS = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge", "mungekey": "munge", "ip": "iproute2"}
PATH = os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin"

CONFIG = """
ClusterName=ferrolab
SlurmctldHost={host}({login})
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
MpiDefault=none
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=600
SchedulerParameters=bf_interval=1,sched_interval=1
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=3
MinJobAge=300
SlurmctldTimeout=10
SlurmdTimeout=10
MailProg=/bin/true
NodeName=n[1-{nodes}] NodeAddr={net}.[1-{nodes}] CPUs=2 Boards=1 SocketsPerBoard=1 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE State=UP
PartitionName=short Nodes=n1 MaxTime=5 State=UP
"""


def why_not() -> str | None:
    """Why no Slurm can be started here."""
    if os.geteuid() != 0:
        return "a Slurm of several nodes needs root"
    missing = sorted({package for program, package in PROGRAMS.items() if shutil.which(program, path=PATH) is None})
    if missing:
        return f"not installed: {' '.join(missing)}"
    if subprocess.run(["unshare", "-n", "-m", "-u", "true"], capture_output=True).returncode:
        return "namespaces cannot be made here (CAP_SYS_ADMIN)"
    made = subprocess.run(["ip", "link", "add", BRIDGE, "type", "bridge"], env={"PATH": PATH}, capture_output=True, text=True)
    if made.returncode:
        return f"no network bridge can be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "link", "del", BRIDGE], env={"PATH": PATH}, check=True)
    return None


class Slurm:
    """The controller here, and nodes n1, n2… with two processors each."""

    def __init__(self, nodes: int = 3):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ferrolab-slurm-"))
        # keys are read by all daemons, which are root
        self.folder.chmod(0o755)
        self.names = [f"n{i}" for i in range(1, nodes + 1)]
        self.daemons: list[subprocess.Popen] = []
        self.nodes: dict[str, subprocess.Popen] = {}
        self.env = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        try:
            self._munge()
            self._network()
            self._configure()
            self.daemons.append(self._daemon("slurmctld", "-D", "-c"))
            for name in self.names:
                self.start_node(name)
            self.wait(lambda: self.run("sinfo", "-h", "-N", "-p", "debug", "-t", "idle", "-o", "%N", check=False).split() == self.names, "idle nodes", 30)
        except BaseException:
            self.close()
            raise

    def _daemon(self, *command: str) -> subprocess.Popen:
        log = open(self.folder / (pathlib.Path(command[0]).name + ".out"), "ab")
        return subprocess.Popen(
            command, env={**os.environ, **self.env, "PATH": PATH}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )

    def _munge(self) -> None:
        folder = self.folder / "munge"
        folder.mkdir(mode=0o755)
        key = folder / "key"
        subprocess.run(["mungekey", "--create", f"--keyfile={key}"], env={"PATH": PATH}, check=True)
        own = [f"--{name}-file={folder / name}" for name in ("pid", "log", "seed")]
        self.daemons.append(self._daemon("munged", "--foreground", "--force", f"--socket={folder / 'socket'}", f"--key-file={key}", *own))
        self.wait(lambda: (folder / "socket").exists(), "munge", 10)

    def _network(self) -> None:
        def ip(*words: str) -> None:
            subprocess.run(["ip", *words], env={"PATH": PATH}, check=True)

        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{LOGIN}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, name in enumerate(self.names, 1):
            ip("netns", "add", name)
            ip("link", "add", f"fl{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"fl{number}", "master", BRIDGE, "up")
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")

    def _configure(self) -> None:
        (self.folder / "state").mkdir()
        held = [socket.socket() for _ in range(2)]
        for each in held:
            each.bind(("", 0))
        ports = [each.getsockname()[1] for each in held]
        for each in held:
            each.close()
        host = socket.gethostname().split(".")[0]
        text = CONFIG.format(host=host, login=LOGIN, folder=self.folder, ports=ports, nodes=len(self.names), net=NET)
        (self.folder / "slurm.conf").write_text(text)
        hosts = [f"{NET}.{number} {name}" for number, name in enumerate(self.names, 1)]
        (self.folder / "hosts").write_text("\n".join(["127.0.0.1 localhost", f"{LOGIN} {host}", *hosts, ""]))

    def start_node(self, name: str) -> None:
        """Switches a node on."""
        for folder in ("spool", "tmp"):
            (self.folder / f"{folder}.{name}").mkdir(exist_ok=True)
        # not `ip netns exec`, which hides cgroups from slurmd; local scratch is each node's own
        inside = f"hostname {name}; mount --bind {self.folder}/hosts /etc/hosts; exec slurmd -D -N {name}"
        self.nodes[name] = self._daemon("nsenter", f"--net=/var/run/netns/{name}", "unshare", "-u", "-m", "sh", "-c", inside)

    def processes(self, name: str) -> list[int]:
        """What runs on a node, the daemon included."""
        out = subprocess.run(["ip", "netns", "pids", name], env={"PATH": PATH}, capture_output=True, text=True).stdout
        return [int(pid) for pid in out.split()]

    def work(self, name: str) -> dict[int, str]:
        """Command lines of what jobs run on a node; Slurm's own processes do not count."""
        found = {}
        for pid in self.processes(name):
            try:
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if line and not line.startswith(("slurmd", "slurmstepd")):
                found[pid] = line
        return found

    def kill_node(self, name: str) -> None:
        """The node goes down: every process of it ends, Slurm's daemon too, and the controller hears of it."""
        for pid in self.processes(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.nodes.pop(name).wait()
        # what it would find out by itself a little later
        self.run("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=killed")

    def cut_node(self, name: str) -> None:
        """Pulls a node's network cable: nobody is told."""
        self._cable(name, "down")

    def mend_node(self, name: str) -> None:
        """Plugs it in again, and waits until jobs can run there."""
        self._cable(name, "up")
        self._resume(name)

    def _cable(self, name: str, state: str) -> None:
        link = f"fl{self.names.index(name) + 1}"
        subprocess.run(["ip", "link", "set", link, state], env={"PATH": PATH}, check=True)

    def revive_node(self, name: str) -> None:
        """Switches a node that went down on again, and waits until jobs can run there."""
        self.start_node(name)
        self._resume(name)

    def _resume(self, name: str) -> None:
        self.run("scontrol", "update", f"NodeName={name}", "State=RESUME")
        self.wait(lambda: "idle" in self.run("sinfo", "-h", "-n", name, "-o", "%T", check=False).split()[:1], f"{name} is back", 30)

    def run(self, *command: str, check: bool = True) -> str:
        """One of Slurm's commands; what it printed."""
        done = subprocess.run(command, env={**os.environ, **self.env, "PATH": PATH}, capture_output=True, text=True, timeout=30)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def queue(self) -> list[str]:
        """Jobs that wait or run: "ID STATE REASON NODE"."""
        return self.run("squeue", "-h", "-o", "%i %T %r %N").splitlines()

    def wait(self, ready, what: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            assert time.monotonic() < deadline, f"no {what} within {seconds} s\n{self.describe()}"
            time.sleep(0.1)

    def empty(self, seconds: float = 30) -> None:
        """Waits until no job and no process of one is left."""
        self.wait(lambda: not self.queue() and not any(self.work(name) for name in self.names), "empty queue and idle nodes", seconds)

    def describe(self) -> str:
        """What there is, for whoever reads why a test failed."""
        said = [f"queue: {self.run('squeue', '-t', 'all', check=False)}", self.run("sinfo", "-N", "-l", check=False)]
        said += [f"{name}: {self.work(name)}" for name in self.names]
        said += [f"{log.name}: " + log.read_text(errors="replace")[-1500:] for log in sorted(self.folder.glob("*.log"))]
        return "\n".join(said)

    def close(self) -> None:
        """Ends all of it, and removes the network."""
        self.run("scancel", "-u", "root", check=False) if self.daemons[1:] else None
        for daemon in [*self.nodes.values(), *reversed(self.daemons)]:
            daemon.kill()
            daemon.wait()
        for name in self.names:
            for pid in self.processes(name):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            subprocess.run(["ip", "netns", "del", name], env={"PATH": PATH}, capture_output=True)
        subprocess.run(["ip", "link", "del", BRIDGE], env={"PATH": PATH}, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    problem = why_not()
    if problem:
        raise SystemExit(problem)
    begun = time.monotonic()
    slurm = Slurm()
    print(f"export SLURM_CONF={slurm.env['SLURM_CONF']}    # ready after {time.monotonic() - begun:.1f} s", flush=True)
    try:
        input("Enter ends it\n")
    finally:
        slurm.close()
