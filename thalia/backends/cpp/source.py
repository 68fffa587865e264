"""The C++ of a circuit: the code that Brian2 wrote for its objects, in few translation units.

Brian2 would write a file per code object, most of which is headers, and around them a program with
a command line. Here the objects share files, each with as many as take about as long to compile as
their headers take to read; the arrays are in one more, and the server and the functions that
equations may call are compiled once for all circuits.
"""

import re
from collections.abc import Iterable
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import DEFAULT_FUNCTIONS

from thalia.backends.cpp.device import RangesCodeObject
from thalia.backends.cpp.records import columns, in_records

MOST = 70_000  # characters of functions in one file; longer ones are kept separate


class _Texts(dict[str, Any]):
    """Where a device writes its files: memory."""

    def write(self, name: str, contents: Any) -> None:
        self[name] = contents


def write_sources(device: Any, folder: FilePath) -> list[str]:
    """Write the C++ of a network that the device has run, and return the names of the sources."""
    if device.static_arrays:
        raise RuntimeError(f"numbers would be compiled in: {', '.join(device.static_arrays)}")
    lines = _lines_of_the_run(device)
    last = next(k for k, line in enumerate(lines) if line.startswith("thalia_serve"))
    del lines[last + 1 :]  # the server does not return
    texts = _Texts()
    device.generate_objects_source(
        texts, device.arange_arrays, device.synapses, [], device.networks, device.timed_arrays
    )
    device.generate_main_source(texts)
    device.generate_codeobj_source(texts)
    objects, placed = texts["objects.*"], columns()
    files = {
        "objects.h": objects.h_file,
        "circuit.cpp": f"{objects.cpp_file}\n{texts['main.cpp']}",
        **_joined(
            in_records(texts[f"code_objects/{name}.cpp"], placed)
            for name in sorted(device.code_objects)
        ),
    }
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return [name for name in files if name.endswith(".cpp")]


def manifest(device: Any) -> dict[str, Any]:
    """The manifest of that program; see `thalia.backends.process.Program`."""
    pathways = [path for each in device.synapses for path in each._pathways]
    queues = [path.name for path in pathways]
    used = {
        variable for each in device.code_objects.values() for variable in each.variables.values()
    }
    ran = re.findall(r"_run_(\w+?)(?:_codeobject)?\);", "\n".join(_lines_of_the_run(device)))
    return {
        "arrays": {
            f"{variable.owner.name}.{variable.name}": np.dtype(variable.dtype).str
            for variable in device.arrays
            if variable.name != "delay" or variable.owner.name not in queues  # which have them
        },
        "queues": queues,
        "axons": [s.name for s in device.synapses if s.variables["_synaptic_pre"] in used],
        "sources": {
            variable.owner.name: variable.size - 1
            for variable in device.arrays
            if variable.name == "_spikespace"
        },
        "objects": ["poisson input", "recording", *ran, "waiting for threads"],
        "code_objects": len(device.code_objects),
    }


def _lines_of_the_run(device: Any) -> list[str]:
    """The lines in which the program adds the objects to the network and runs it."""
    lines: list[str]
    _, (_, lines) = next(each for each in device.main_queue if each[0] == "run_network")
    return lines


def functions() -> str:
    """The functions that equations may call, which Brian2 would write into every file."""
    implementations = (
        each.implementations[RangesCodeObject] for each in DEFAULT_FUNCTIONS.values()
    )
    found = [code for each in implementations if (code := each.get_code(None))]
    codes = (code if isinstance(code, str) else code["support_code"] for code in found)
    return "\n".join(["namespace {", *codes, CPPCodeGenerator.universal_support_code, "}"])


def _joined(functions: Iterable[str]) -> dict[str, str]:
    """The functions in their order, in files of no more than so many characters."""
    batches: list[list[str]] = []
    size = MOST
    for function in functions:
        if size + len(function) > MOST:
            batches.append(['#include "objects.h"'])
            size = 0
        batches[-1].append(function)
        size += len(function)
    return {f"unit_{index}.cpp": "\n".join(batch) for index, batch in enumerate(batches)}
