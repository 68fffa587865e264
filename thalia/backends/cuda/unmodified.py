"""Unmodified brian2cuda: its own kernels, queues and random numbers, as a reference for `device`.

Slower by orders of magnitude to build and to run, and its state cannot be restored.
"""

import shutil
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from brian2 import second
from brian2.devices.device import get_device, reset_device, set_device
from brian2.synapses.synapses import Synapses
from brian2cuda.device import CUDAStandaloneDevice

from thalia.codegen.brian_model import NetworkModel, network

HERE = FilePath(__file__).parent


def generate(model: NetworkModel, folder: FilePath) -> tuple[list[str], dict[str, Any]]:
    """Have brian2cuda write its program, and add the part that serves it."""
    set_device("cuda_standalone", build_on_run=False)
    device = get_device()
    device.reinit()
    device.activate(build_on_run=False)
    try:
        net, objects = network(model)
        for made in objects.values():
            if isinstance(made, Synapses):
                made._connect_called = True  # its synapses are loaded at run time
        device.insert_code("before_start", "thalia_open();")
        device.insert_code("main", "thalia_serve(nullptr);")
        device.insert_code("before_network_run", f"thalia_serve(&{net.name});")
        device.headers.append('"serve_unmodified.h"')
        net.run(0 * second, namespace={})
        device.build(directory=str(folder), compile=False, run=False, with_output=False)
        manifest = _write_server(device, model, folder)
        return [*sorted(device.writer.source_files), "serve_unmodified.cu"], manifest
    finally:
        device.reinit()
        reset_device()


def _write_server(
    device: CUDAStandaloneDevice, model: NetworkModel, folder: FilePath
) -> dict[str, Any]:
    on_host = {*device.variables_on_host_only} - {
        name for name in device.dynamic_arrays.values() if "_synaptic_" in name
    }
    lines, dtypes = [], {}
    for variable, c_name in device.arrays.items():
        if variable in device.eventspace_arrays or variable.name == "delay":
            continue
        name = f"{variable.owner.name}.{variable.name}"
        dtypes[name] = np.dtype(variable.dtype).str
        lines.append(f'    {{"{name}", {_array(device, variable, c_name, on_host)}}},')
    paths = [path for each in device.synapses for path in each._pathways]
    vectors = {path.name: device.dynamic_arrays[path.variables["delay"]] for path in paths}
    delays = [
        f'    {{"{name}", [](const std::vector<int32_t> &steps) '
        f"{{ set_delays(brian::{v}, brian::{v}, steps); }}}},"
        for name, v in vectors.items()
    ]
    spaces = [f"_array_{group.name}__spikespace" for group in model.groups]
    marks = {
        "ARRAYS": lines,
        "DELAYS": delays,
        "SOURCES": [
            f"    {{{group.size}, []() -> const int32_t * "
            f"{{ return brian::dev{space}[brian::current_idx{space}]; }}}},"
            for group, space in zip(model.groups, spaces, strict=True)
        ],
        "ADVANCE": [_advance(name, name in device.spikegenerator_eventspaces) for name in spaces],
        "BEGIN": [f"brian::{each.name}_multiple_pre_post = true;" for each in device.synapses],
    }
    text = (HERE / "serve_unmodified.cu").read_text("utf-8")
    for mark, values in marks.items():
        text = text.replace(f"@{mark}@", "\n".join(values))
    (folder / "serve_unmodified.cu").write_text(text, "utf-8")
    for header in ("serve_unmodified.h", "../connection.h", "../random_numbers.h"):
        shutil.copy(HERE / header, folder)
    return {
        "arrays": dtypes,
        "queues": [],
        "axons": [each.name for each in device.synapses],
        "sources": {group.name: group.size for group in model.groups},
        "objects": [],
        "code_objects": len(device.code_objects),
    }


def _array(device: CUDAStandaloneDevice, variable: Any, c_name: str, on_host: set[str]) -> str:
    """An array of the program: item size, address on host and device, length, how to resize it."""
    if variable in device.dynamic_arrays:
        host = f"brian::{device.dynamic_arrays[variable]}"
        dev = f"brian::dev{device.dynamic_arrays[variable]}"
        data = f"[] {{ return (char *)thrust::raw_pointer_cast({host}.data()); }}"
        copy = f"[] {{ return (char *)thrust::raw_pointer_cast({dev}.data()); }}"
        resize = f"[](size_t n) {{ {host}.resize(n); {dev}.resize(n); }}"
        return (
            f"sizeof({host}[0]), {data}, {copy}, [] {{ return size_t({host}.size()); }}, {resize}"
        )
    data = f"[] {{ return (char *)brian::{c_name}; }}"
    copy = "nullptr" if c_name in on_host else f"[] {{ return (char *)brian::dev{c_name}; }}"
    length = f"[] {{ return size_t({variable.size}); }}"
    return f"sizeof(brian::{c_name}[0]), {data}, {copy}, {length}, nullptr"


def _advance(space: str, is_played: bool) -> str:
    """How brian2cuda advances in its ring buffer of recent spikes."""
    before = f"brian::previous_idx{space} = brian::current_idx{space}; " if is_played else ""
    now = f"brian::current_idx{space}"
    return f"{before}{now} = ({now} + 1) % brian::dev{space}.size();"
