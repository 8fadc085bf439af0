"""A real Slurm of two nodes on one machine, from Debian's packages, without systemd.

Everything lies in one folder but the configuration: the Snakemake plugin takes every SLURM_ variable from
its jobs, so that one has to be at /etc/slurm, and is taken away at the end.
"""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PROGRAMS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sbatch")
PACKAGES = ("munge", "mariadb-server", "slurmdbd", "slurmctld", "slurmd", "slurm-client")
SYSTEM = Path("/etc/slurm")
NODES = ("n1", "n2")
NODE_TIMEOUT = 10  # seconds after which a node that does not answer is down

DBD = """
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort=16819
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
CommunicationParameters=NoInAddrAny
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""
CONTROLLER = """
ClusterName=small
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort=16817
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
ReturnToService=2
SlurmdTimeout={timeout}
KillWait=5
SchedulerParameters=sched_interval=2,batch_sched_delay=0,bf_interval=2
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort=16819
AccountingStoragePass=socket={folder}/munge.socket
AccountingStoreFlags=job_comment
AccountingStorageTRES=gres/gpu
JobCompType=jobcomp/none
NodeName={nodes} NodeHostname={host} NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=4 RealMemory=12000 Gres=gpu:1
PartitionName=cpu Nodes=ALL Default=YES MaxTime=1440 State=UP
PartitionName=gpu Nodes=ALL MaxTime=1440 State=UP
"""
# A device that is always there stands in for a GPU.
GPUS = "".join(f"NodeName={node} Name=gpu File=/dev/null\n" for node in NODES)


def why_not() -> str:
    """Why there can be no such cluster here; empty if there can."""
    configuration = SYSTEM / "slurm.conf"
    if configuration.exists() and not _is_left_over(configuration):
        return f"{configuration} is there: this machine belongs to a cluster already"
    if os.geteuid() != 0:
        return "Slurm's daemons start jobs as their users: that wants root"
    if not all(shutil.which(program) for program in PROGRAMS) and not _install():
        return f"Slurm cannot be installed: wants Debian's {', '.join(PACKAGES)}"
    return ""


def _is_left_over(file: Path) -> bool:
    """Whether a configuration is the link that a killed test left."""
    return file.is_symlink() and "crossjepa-slurm" in str(file.readlink())


def _install() -> bool:
    if not shutil.which("apt-get"):
        return False
    install = "apt-get install --quiet=2 --yes --no-install-recommends"
    line = f"apt-get update --quiet=2; {install} {' '.join(PACKAGES)}"
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(line, shell=True, env=quiet, stdout=subprocess.DEVNULL, check=False)
    return done.returncode == 0


class Cluster:
    """Two nodes of four processors and a make-believe GPU each, partitions `cpu` and `gpu`, and accounting.

    Args:
        folder: for keys, state, logs and the database; empty, and with `crossjepa-slurm` in its path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []
        places = {"SLURM_CONF": folder / "slurm.conf", "MYSQL_UNIX_PORT": folder / "mysql.socket"}
        self.environment = os.environ | {name: str(place) for name, place in places.items()}

    def __enter__(self) -> "Cluster":
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop every daemon, the jobs with them, and take the configuration away."""
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in reversed(self.daemons):
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
        for name in ("slurm.conf", "gres.conf"):
            (SYSTEM / name).unlink(missing_ok=True)

    def sacct(self) -> list[dict[str, str]]:
        """What accounting says of every job, oldest first."""
        keys = ("JobID", "Comment", "Partition", "NodeList", "State", "AllocTRES", "Elapsed")
        printed = self._call("sacct", "-a", "-X", "-D", "-P", "-n", "-o", ",".join(keys))
        return [dict(zip(keys, line.split("|"), strict=True)) for line in printed.splitlines()]

    def running_on(self, node: str) -> list[str]:
        """The comments of jobs that run on a node: the plugin writes their rules there."""
        return self._call("squeue", "-h", "-w", node, "-t", "R", "-O", "comment:80").split()

    def kill(self, node: str) -> None:
        """As when its power fails: the node's daemon and all that it started, at once.

        It is given no new jobs before. One sent to a node not yet known to be dead Slurm 22.05 itself starts
        elsewhere, and the plugin takes that other node for the dead one: of two nodes none would be left.
        """
        self._call("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=dies")
        numbers = self._call("squeue", "-h", "-w", node, "-t", "R", "-o", "%A").split()
        doomed = [p for p in psutil.process_iter() if _belongs(p, node, numbers)]
        daemon = next(d for d in self.daemons if d.args == self._slurmd(node))
        for process in [daemon, *doomed]:
            process.kill()
        daemon.wait()

    def revive(self, node: str) -> None:
        """Switch a killed node on again."""
        self._daemon(*self._slurmd(node))
        self._call("scontrol", "update", f"NodeName={node}", "State=RESUME")
        self._until(lambda: bool(self._call("sinfo", "-h", "-n", node, "-p", "cpu", "-t", "idle")), node)

    def _start(self) -> None:
        host = self._call("hostname", "-s").strip()
        values = {"folder": self.folder, "host": host, "nodes": ",".join(NODES), "timeout": NODE_TIMEOUT}
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        (self.folder / "munge.key").write_bytes(os.urandom(128))
        (self.folder / "slurmdbd.conf").write_text(DBD.format(**values))
        (self.folder / "slurm.conf").write_text(CONTROLLER.format(**values))
        (self.folder / "gres.conf").write_text(GPUS)
        for name in ("munge.key", "slurmdbd.conf"):
            (self.folder / name).chmod(0o600)
        SYSTEM.mkdir(exist_ok=True)
        for name in ("slurm.conf", "gres.conf"):
            if _is_left_over(SYSTEM / name):
                (SYSTEM / name).unlink()
            (SYSTEM / name).symlink_to(self.folder / name)
        self._daemon(
            *("munged", "--foreground", "--force", f"--key-file={self.folder}/munge.key"),
            *(f"--socket={self.folder}/munge.socket", f"--seed-file={self.folder}/munge.seed"),
            *(f"--pid-file={self.folder}/munged.pid", f"--log-file={self.folder}/munged.log"),
        )
        self._start_database()
        self._daemon("slurmdbd", "-D")
        self._until(lambda: self._succeeds("sacctmgr", "-n", "list", "cluster"), "slurmdbd")
        for added in ("cluster small", "account lab", "user root account=lab"):
            self._call("sacctmgr", "-i", "-Q", "add", *added.split())
        self._daemon("slurmctld", "-D")
        for node in NODES:
            self._daemon(*self._slurmd(node))
        idle = ("sinfo", "-h", "-N", "-p", "cpu", "-t", "idle")
        self._until(lambda: len(self._call(*idle).splitlines()) == len(NODES), "the nodes")

    def _start_database(self) -> None:
        data, socket = self.folder / "database", self.folder / "mysql.socket"
        self._call(
            "mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={data}", "--skip-test-db"
        )
        self._daemon(
            *("mariadbd", "--no-defaults", "--user=root", f"--datadir={data}", f"--socket={socket}"),
            *("--skip-networking", "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900"),
        )
        ping = ("mariadb-admin", "--no-defaults", f"--socket={socket}", "ping")
        self._until(lambda: self._succeeds(*ping), "the database")

    def _slurmd(self, node: str) -> tuple[str, ...]:
        return ("slurmd", "-D", "-N", node, "-f", str(self.folder / "slurm.conf"))

    def _daemon(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("ab") as output:
            started = subprocess.Popen(
                command, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        self.daemons.append(started)

    def _until(self, ready: Callable[[], bool], what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} did not come up; see the logs in {self.folder}")
            time.sleep(0.2)

    def _succeeds(self, *command: str) -> bool:
        return subprocess.run(command, env=self.environment, capture_output=True, check=False).returncode == 0

    def _call(self, *command: str) -> str:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return done.stdout


def _belongs(process: psutil.Process, node: str, jobs: list[str]) -> bool:
    """Whether a process supervises one of a node's jobs, or was started by one."""
    try:
        supervised = re.match(r"slurmstepd: \[(\d+)\.", " ".join(process.cmdline()))
        if supervised:
            return supervised[1] in jobs
        environment = process.environ()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return environment.get("SLURMD_NODENAME") == node and environment.get("SLURM_JOB_ID") in jobs
