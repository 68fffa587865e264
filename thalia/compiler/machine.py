"""What this process may use of the machine, by the strictest of all limits that are in force.

A container or a batch system gives a program less than the machine has, and ends what takes more.
The limits of Linux are in its control groups (versions 1 and 2, each within others), the affinity
of the process and `ulimit`; those of batch systems are also in the environment of their jobs.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf
from pathlib import Path as FilePath
from time import process_time

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

SYSTEM = FilePath("/")  # where /proc is
_KIB, _MIB = 2**10, 2**20
_GROUP = "control group"
# processors of a job on this machine; of each batch system the first that is set counts
_PROCESSORS_OF_JOBS = (
    ("SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"),
    ("PBS_NUM_PPN", "PBS_NCPUS"),
    ("NSLOTS",),  # Grid Engine
    ("LSB_DJOB_NUMPROC",),
)
_MEMORY_OF_JOBS = (("SLURM_MEM_PER_NODE", _MIB), ("PBS_VMEM", 1), ("PBS_RESC_MEM", 1))


@dataclass(frozen=True)
class Limit:
    """An amount of memory or processors, and what sets it: the empty text is the machine itself."""

    amount: float
    source: str = ""


def available_processors() -> int:
    """The number of threads or processes that can run at once, at least 1."""
    return int(processor_limit().amount)


def available_bytes() -> float:
    """Memory that a new program can have; infinite where the system does not say."""
    return memory_limit().amount


def processor_use() -> tuple[float, int]:
    """Processor seconds of this process and its ended children, and their peak memory in bytes.

    The peak is the largest of a single process; 0 where the system does not say.
    """
    if resource is None:
        return process_time(), 0
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = 1 if sys.platform == "darwin" else _KIB
    return sum(u.ru_utime + u.ru_stime for u in uses), unit * max(u.ru_maxrss for u in uses)


def processor_limit() -> Limit:
    """How many processors this process may use, at least 1, and what sets that."""
    strictest = min(_processor_limits(), key=lambda limit: limit.amount)
    return Limit(max(1.0, float(int(strictest.amount))), strictest.source)


def memory_limit() -> Limit:
    """How many bytes a new program can have, at least 0, and what sets that."""
    strictest = min(_memory_limits(), key=lambda limit: limit.amount)
    return Limit(max(0.0, strictest.amount), strictest.source)


def _processor_limits() -> Iterator[Limit]:
    installed = os.cpu_count() or 1
    yield Limit(installed)
    if hasattr(os, "sched_getaffinity") and (usable := len(os.sched_getaffinity(0))) < installed:
        yield Limit(usable, "affinity")
    for folder in _folders_of_groups("cpu"):
        quota, _, period = _text(folder / "cpu.max").partition(" ")  # version 2
        quota = quota or _text(folder / "cpu.cfs_quota_us")
        period = period or _text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and int(period or 0) > 0:  # else "max" or -1
            yield Limit(int(quota) / int(period), _GROUP)
    for names in _PROCESSORS_OF_JOBS:
        given = next((name for name in names if os.environ.get(name)), "")
        if count := _number(given):
            yield Limit(count, given)


def _memory_limits() -> Iterator[Limit]:
    free = _fields("proc/meminfo").get("MemAvailable")
    yield Limit(free * _KIB if free is not None else _installed_bytes())
    for folder in _folders_of_groups("memory"):
        yield Limit(_free_of_group(folder), _GROUP)
    used = _fields("proc/self/status")
    for name, most in _memory_of_job():
        yield Limit(most - used.get("VmRSS", 0) * _KIB, name)
    for name, most, taken in _own_limits():
        yield Limit(most - used.get(taken, 0) * _KIB, name)


def _free_of_group(folder: FilePath) -> float:
    """Bytes that the processes of a control group can still have; what files occupy is given up."""
    texts = [_text(folder / name) for name in ("memory.max", "memory.high")]  # version 2
    texts.append(_text(folder / "memory.limit_in_bytes"))
    most = min((int(text) for text in texts if text.isdigit()), default=inf)
    current = _text(folder / "memory.current") or _text(folder / "memory.usage_in_bytes")
    held = _fields(folder / "memory.stat", " ")
    of_files = held.get("total_inactive_file", held.get("inactive_file", 0))
    return most - max(0, int(current or 0) - of_files)


def _memory_of_job() -> Iterator[tuple[str, float]]:
    """The memory that a batch system gave to this job on this machine."""
    for name, unit in _MEMORY_OF_JOBS:
        if given := _number(name):  # 0 is all that the machine has
            yield name, given * unit
    if each := _number("SLURM_MEM_PER_CPU"):
        yield "SLURM_MEM_PER_CPU", each * _MIB * max(1, _number("SLURM_CPUS_ON_NODE"))


def _own_limits() -> Iterator[tuple[str, float, str]]:
    """The limits of `ulimit`: how it writes each, its bytes, and what is already taken of it."""
    if resource is None:
        return
    for name, which, taken in (
        ("ulimit -v", resource.RLIMIT_AS, "VmSize"),
        ("ulimit -d", resource.RLIMIT_DATA, "VmData"),
    ):
        most, _ = resource.getrlimit(which)
        if most != resource.RLIM_INFINITY:
            yield name, most, taken


def _installed_bytes() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return inf


def _folders_of_groups(controller: str) -> Iterator[FilePath]:
    """The folders of the control groups that this process is in, from the innermost outwards."""
    groups = [line.split(":", 2) for line in _text("proc/self/cgroup").splitlines()]
    for root, mounted, controllers in _mounted_groups():
        named = next((path for _, names, path in groups if set(names.split(",")) & controllers), "")
        unified = next((path for _, names, path in groups if not names), "")
        if controller not in controllers and controllers:
            continue
        path = FilePath(named if controllers else unified)
        inside = path.relative_to(root) if path.is_relative_to(root) else FilePath()
        place = SYSTEM / mounted.relative_to("/")
        yield from (place / part for part in (inside, *inside.parents))


def _mounted_groups() -> Iterator[tuple[str, FilePath, set[str]]]:
    """Where control groups are mounted: which of them, the folder, and the controllers there.

    Version 2 has no controllers here, since all of them are in one place.
    """
    for line in _text("proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.partition(" ")
        root, mounted = before.split(" ")[3:5]
        if kind == "cgroup":
            yield root, FilePath(mounted), set(options.rpartition(" ")[2].split(","))
        elif kind == "cgroup2":
            yield root, FilePath(mounted), set()


def _text(file: FilePath | str) -> str:
    """The text of a file of the system; empty if it cannot be read."""
    try:
        return (SYSTEM / file).read_text("utf-8", "replace").strip()
    except OSError:
        return ""


def _fields(file: FilePath | str, mark: str = ":") -> Mapping[str, int]:
    """The whole numbers of a file of the system, by the name before each."""
    pairs = (line.partition(mark) for line in _text(file).splitlines())
    words = ((name.strip(), rest.split()) for name, _, rest in pairs)
    return {name: int(found[0]) for name, found in words if found and found[0].isdigit()}


def _number(variable: str) -> int:
    """A whole number in the environment; 0 if it is not there, or something else."""
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isdecimal() else 0
