"""Limits of containers, batch systems and the shell: the strictest counts, and is named."""

import os
import resource

import pytest

import thalia
from tests.helpers import DRIVEN
from thalia.compiler import machine
from thalia.compiler.machine import available_bytes, available_processors
from thalia.compiler.pipeline import plan_of
from thalia.compiler.resources import check_memory
from thalia.errors import CircuitError

GIB = 2**30
V1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
SIZES = "Name: python\nVmSize:  1048576 kB\nVmData:   524288 kB\nVmRSS:    524288 kB\n"


@pytest.fixture(autouse=True)
def system(tmp_path, monkeypatch):
    """A machine with 64 processors and 256 GiB free, of which this process uses 1 GiB of addresses and half of memory."""
    for name in list(os.environ):
        if name.startswith(("SLURM_", "PBS_", "LSB_")) or name == "NSLOTS":
            monkeypatch.delenv(name)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    monkeypatch.setattr(machine, "SYSTEM", tmp_path)

    def write(**files):
        for name, text in files.items():
            file = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n")

    write(
        proc__meminfo=f"MemTotal: 9 kB\nMemAvailable:  {256 * 2**20} kB", proc__self__status=SIZES
    )
    return write


def group(system, path, **files):
    system(**{f"sys__fs__cgroup__{path}{name}": text for name, text in files.items()})


def test_a_machine_without_limits_gives_all_that_it_has():
    assert (available_processors(), available_bytes()) == (64, 256 * GIB)
    assert machine.memory_limit().source == machine.processor_limit().source == ""


def test_where_the_system_says_nothing_memory_is_what_is_installed(monkeypatch):
    (machine.SYSTEM / "proc/meminfo").unlink()
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**20}.get)

    assert available_bytes() == 4 * GIB


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [("max", 4 * GIB, 3), (6 * GIB, "max", 5), (2 * GIB, 8 * GIB, 1)],
)
def test_memory_of_nested_groups_of_version_2(system, outer, inner, expected):
    """Each has 2 GiB, half of them files that can be given up."""
    system(proc__self__cgroup="0::/job/step", proc__self__mountinfo=V2)
    for path, most in (("job__", outer), ("job__step__", inner)):
        group(
            system,
            path,
            memory_dot_max=most,
            memory_dot_current=2 * GIB,
            memory_dot_stat=f"anon 5\ninactive_file {GIB}",
        )

    assert available_bytes() == expected * GIB
    assert machine.memory_limit().source == "control group"


def test_a_group_is_slowed_down_at_its_high_mark_before_its_end(system):
    system(proc__self__cgroup="0::/", proc__self__mountinfo=V2)
    group(system, "", memory_dot_max=8 * GIB, memory_dot_high=4 * GIB, memory_dot_current=GIB)

    assert available_bytes() == 3 * GIB


@pytest.mark.parametrize(
    ("root", "path"),
    [("/", "/docker/abc"), ("/docker/abc", "/docker/abc"), ("/docker/abc", "/elsewhere")],
)
def test_memory_of_groups_of_version_1(system, root, path):
    """A container sees its own group at the place where the groups are mounted."""
    system(
        proc__self__cgroup=f"5:memory:{path}\n3:cpu,cpuacct:/",
        proc__self__mountinfo=V1.replace("0:32 /", f"0:32 {root}"),
    )
    place = "memory__docker__abc__" if root == "/" else "memory__"
    group(
        system,
        place,
        memory_dot_limit_in_bytes=4 * GIB,
        memory_dot_usage_in_bytes=2 * GIB,
        memory_dot_stat=f"inactive_file 7\ntotal_inactive_file {GIB}",
    )

    assert available_bytes() == 3 * GIB


def test_a_group_of_version_1_without_a_limit_has_none(system):
    system(proc__self__cgroup="5:memory:/", proc__self__mountinfo=V1)
    group(system, "memory__", memory_dot_limit_in_bytes=2**63 - 4096, memory_dot_usage_in_bytes=GIB)

    assert machine.memory_limit() == machine.Limit(256 * GIB)


@pytest.mark.parametrize(
    ("name", "most", "expected", "source"),
    [
        ("RLIMIT_AS", 4 * GIB, 3 * GIB, "ulimit -v"),
        ("RLIMIT_DATA", 2 * GIB, 1.5 * GIB, "ulimit -d"),
        ("RLIMIT_AS", GIB // 2, 0, "ulimit -v"),
    ],
)
def test_the_limits_of_the_shell(monkeypatch, name, most, expected, source):
    limits = {getattr(resource, name): (most, most)}
    monkeypatch.setattr(
        resource, "getrlimit", lambda which: limits.get(which, (resource.RLIM_INFINITY,) * 2)
    )

    assert machine.memory_limit() == machine.Limit(expected, source)


@pytest.mark.parametrize(
    ("variables", "expected", "source"),
    [
        ({"SLURM_MEM_PER_NODE": "8192"}, 7.5 * GIB, "SLURM_MEM_PER_NODE"),
        ({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "4"}, 3.5 * GIB, "SLURM_MEM_PER_CPU"),
        ({"SLURM_MEM_PER_NODE": "0"}, 256 * GIB, ""),
        ({"PBS_VMEM": str(8 * GIB)}, 7.5 * GIB, "PBS_VMEM"),
        ({"PBS_RESC_MEM": str(2 * GIB)}, 1.5 * GIB, "PBS_RESC_MEM"),
        ({"SLURM_MEM_PER_NODE": "4 apples"}, 256 * GIB, ""),
    ],
)
def test_the_memory_of_a_job(monkeypatch, variables, expected, source):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert machine.memory_limit() == machine.Limit(expected, source)


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({"": "max 100000", "job__": "400000 100000"}, 4),
        ({"": "200000 100000", "job__": "400000 100000"}, 2),
        ({"job__": "350000 100000"}, 3),
        ({"job__": "50000 100000"}, 1),
    ],
)
def test_processors_of_nested_groups_of_version_2(system, quotas, expected):
    system(proc__self__cgroup="0::/job", proc__self__mountinfo=V2)
    for path, text in quotas.items():
        group(system, path, cpu_dot_max=text)

    assert machine.processor_limit() == machine.Limit(expected, "control group")


@pytest.mark.parametrize(("quota", "expected"), [("-1", 64), ("250000", 2)])
def test_processors_of_groups_of_version_1(system, quota, expected):
    system(proc__self__cgroup="3:cpuacct,cpu:/docker", proc__self__mountinfo=V1)
    group(system, "cpu,cpuacct__docker__", cpu_dot_cfs_quota_us=quota, cpu_dot_cfs_period_us=100000)

    assert available_processors() == expected


def test_the_affinity_of_the_process_counts(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})

    assert machine.processor_limit() == machine.Limit(2, "affinity")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"SLURM_CPUS_PER_TASK": "8", "SLURM_CPUS_ON_NODE": "32"}, 8),
        ({"SLURM_CPUS_ON_NODE": "32"}, 32),
        ({"PBS_NUM_PPN": "6"}, 6),
        ({"PBS_NCPUS": "12"}, 12),
        ({"NSLOTS": "3"}, 3),
        ({"LSB_DJOB_NUMPROC": "5"}, 5),
        ({"NSLOTS": "128"}, 64),
        ({"NSLOTS": "many"}, 64),
    ],
)
def test_the_processors_of_a_job(monkeypatch, variables, expected):
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    assert available_processors() == expected


def test_a_circuit_beyond_a_limit_is_refused_with_what_sets_it(monkeypatch):
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "712")

    with pytest.raises(CircuitError) as caught:
        check_memory(plan_of(thalia.loads(DRIVEN)))

    assert str(caught.value) == (
        "driven needs about 0.3 GB for 3,828 synapses, and 0.2 GB are free (limit: SLURM_MEM_PER_NODE)\n"
        "    hint: run a smaller one with --scale, or on a larger machine"
    )


def test_more_synapses_than_an_object_can_number_are_refused():
    """Whatever the machine: their numbers would wrap around."""
    text = DRIVEN.replace("{probability: 0.12}", "{rule: all_to_all}").replace(
        "size: 100,", "size: 46341,"
    )

    with pytest.raises(CircuitError) as caught:
        check_memory(plan_of(thalia.loads(text)))

    assert str(caught.value) == (
        "rec.e_to_e: with the pathways of its kind it makes 2,150,269,641 synapses, and one object has at most 2,147,483,647\n"
        "    hint: run a smaller one with --scale"
    )
