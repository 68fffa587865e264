"""brian2cuda's device with another program: its code, in a few kernels that form one CUDA graph.

`kernel_fusion` decides which objects share a kernel, `loop_invariants` what need not be computed in
every step.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import numpy as np
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices
from brian2cuda.codeobject import CUDAStandaloneAtomicsCodeObject, CUDAStandaloneCodeObject
from brian2cuda.cuda_generator import CUDAAtomicsCodeGenerator
from brian2cuda.device import CUDAStandaloneDevice

from thalia.backends.cpp.device import DRAWS, EXPONENTIAL
from thalia.backends.cuda.kernel_fusion import Kernel, Piece, joined
from thalia.backends.cuda.loop_invariants import LoopInvariants
from thalia.backends.random_numbers import NumberedDraws, stream_of
from thalia.codegen.brian_model import FLUSH_CLOCK, NetworkModel

HERE = FilePath(__file__).parent
NAME = "thalia_kernels"
KINDS = {"float64": "d", "float32": "f", "int64": "l", "int32": "i", "bool": "b"}
C_TYPES = {"d": "double", "f": "float", "l": "int64_t", "i": "int32_t", "b": "char"}
_POINTER = re.compile(r"\b_ptr_\w+")
_STORED = re.compile(r"(_ptr\w+)\[(\w+)\]\s*(?:=(?!=)|[-+*/]=)")
_ADDED = re.compile(r"_brian_atomic\w+\(&(_ptr\w+)\[")


class KernelGenerator(NumberedDraws, CUDAAtomicsCodeGenerator):  # type: ignore[misc]
    """brian2cuda's generator, except that draws are numbered."""


class KernelCodeObject(CUDAStandaloneAtomicsCodeObject):  # type: ignore[misc]  # untyped
    """A code object from Thalia's templates."""

    generator_class = KernelGenerator
    templater = CUDAStandaloneCodeObject.templater.derive(
        "thalia.backends.cuda", env_globals={"stream_of": stream_of}
    )

    def run_block(self, block: str) -> None:
        """Nothing runs before or after the steps."""


class KernelDevice(CUDAStandaloneDevice):  # type: ignore[misc]
    """The device that collects such code objects, in the order of a step."""

    def code_object_class(
        self, codeobj_class: type | None = None, fallback_pref: str | None = None
    ) -> type:
        """The class of every code object."""
        return KernelCodeObject

    # brian2cuda's own rewrites the code for its buffers of random numbers
    network_run = CPPStandaloneDevice.network_run


@cache
def register() -> str:
    """The name under which Brian2 knows the device."""
    all_devices[NAME] = KernelDevice()
    for name, code in {"exp": "", **DRAWS}.items():
        DEFAULT_FUNCTIONS[name].implementations.add_implementation(
            KernelCodeObject, code=code, name="_exponential" if name == "exp" else f"_{name}"
        )
    return NAME


class Source:
    """The text of a program and its manifest, from a device that has run a network for 0 s."""

    def __init__(self, device: Any, model: NetworkModel):
        self.model = model
        self.groups = [
            group.name for group in (*model.groups, *([model.shared] if model.shared else []))
        ]
        self.sizes = {
            group.name: group.size
            for group in (*model.groups, *([model.shared] if model.shared else []))
        }
        self.arrays = {
            v: name
            for v, name in device.arrays.items()
            if not v.name.endswith("space") and v.name != "delay"
        }
        self.names = {name: f"{v.owner.name}.{v.name}" for v, name in self.arrays.items()}
        self.growing = {v for v in self.arrays if v in device.dynamic_arrays}
        self.initial = {
            args[0]: float(args[1]) for kind, args in device.main_queue if kind == "set_by_constant"
        }
        self.pathways = [path for each in device.synapses for path in each._pathways]
        _, (_, lines) = next(each for each in device.main_queue if each[0] == "run_network")
        order = re.findall(r"add\(&(\w+), _run_(\w+)\);", "\n".join(lines))
        self.objects = [(device.code_objects[name], clock == FLUSH_CLOCK) for clock, name in order]
        self.objects = [
            each for each in self.objects if each[0].template_name != "synapses_push_spikes"
        ]
        drives = [self._drives(group) for group in model.groups if group.threshold]
        self.pieces = drives + [self._piece(made, at_flush) for made, at_flush in self.objects]

    def _drives(self, group: Any) -> Piece:
        own = frozenset(
            f"_ptr{name}" for v, name in self.arrays.items() if v.owner.name == group.name
        )
        return Piece(f"drives_of_{group.name}", "neurons", group.name, own, own)

    def _piece(self, made: Any, at_flush: bool) -> Piece:
        name, owner, kind = _plain(made.name), made.owner.name, made.template_name
        if kind == "spikegenerator":
            last = frozenset({f"_ptr_array_{owner}__lastindex", f"spikes of {owner}"})
            return Piece(name, "playback", owner, last, last)
        text = made.code.cu_file
        reads, stored = frozenset(_POINTER.findall(text)), _STORED.findall(text)
        writes = frozenset({array for array, _ in stored} | set(_ADDED.findall(text)))
        if kind == "synapses":
            _refuse_races(name, stored)
            source = next(path.source.name for path in self.pathways if path.name == name)
            return Piece(name, "arrivals", name, reads | {f"spikes of {source}"}, writes)
        _refuse_races(name, stored)
        over = "neurons" if owner in self.sizes else "synapses"
        if kind == "threshold":
            writes |= {f"spikes of {owner}"}
        if kind == "reset":
            return Piece(name, "spikes", owner, reads | {f"spikes of {owner}"}, writes)
        return Piece(name, over, owner, reads, writes, at_flush, kind == "threshold")

    def text(self) -> str:
        """The program."""
        usual = joined(piece for piece in self.pieces if not piece.at_flush)
        due, at_flush = (
            joined(self.pieces),
            joined(piece for piece in self.pieces if piece.at_flush),
        )
        kernels = {tuple(kernel.pieces): kernel for kernel in (*usual, *due, *at_flush)}
        changing = frozenset(
            {
                "_ptr_array_defaultclock_t",
                "_ptr_array_defaultclock_timestep",
                "_rand",
                "_randn",
                "_poisson",
            }
        )
        invariants = LoopInvariants(
            changing.union(
                *(piece.writes for piece in self.pieces if not piece.name.startswith("drives_of_"))
            )
        )
        codes = [invariants.hoisted(made.name, made.code.cu_file) for made, _ in self.objects]
        marks = {
            "DT": float(self.model.dt).hex(),
            "SOURCE_COUNT": str(len(self.model.groups)),
            "PATHWAY_COUNT": str(len(self.pathways)),
            "SOURCE_NAMES": ", ".join(f"SOURCE_{name}" for name in self.groups),
            "PATHWAY_NAMES": ", ".join(
                [*(f"PATHWAY_{path.name}" for path in self.pathways), "NO_PATHWAY"]
            ),
            "POINTERS": "\n".join(
                f"__constant__ {_c_type(v)} *_ptr{name};" for v, name in self.arrays.items()
            ),
            "EXPONENTIAL": EXPONENTIAL.replace("static inline", "__host__ __device__"),
            "PLAYBACKS": "\n".join(
                _playback(group.name) for group in self.model.groups if not group.threshold
            ),
            "INVARIANT_COUNT": str(invariants.count),
            "INVARIANTS": "\n".join(f"    {call}" for call in invariants.functions),
            "CODE": "\n".join(
                [
                    *codes,
                    *(self._kernel(each) for each in kernels.values() if _is_written(each)),
                ]
            ),
            "ARRAYS": "\n".join(map(self._array, self.arrays)),
            "USUAL": self._table(usual),
            "DUE": self._table(due),
            "AT_FLUSH": self._table(at_flush),
            "PARTS": ", ".join(f'"{name}"' for name in self.parts),
            "PATHWAYS": "\n".join(map(self._pathway, self.pathways)),
            "SIZES": "".join(f"{self.sizes[name]}, " for name in self.groups),
            "NAMES": "".join(f'"{group.name}", ' for group in self.model.groups),
        }
        text = (HERE / "program.cu").read_text("utf-8")
        for name, value in marks.items():
            text = text.replace(f"@{name}@", value)
        return text

    @property
    def parts(self) -> list[str]:
        """What a step consists of, for a profile."""
        kernels = (
            *joined(piece for piece in self.pieces if not piece.at_flush),
            *joined(self.pieces),
        )
        return ["record", *dict.fromkeys(kernel.name for kernel in kernels)]

    def manifest(self) -> dict[str, Any]:
        """The manifest of the program; see `thalia.backends.process.Program`."""
        used = {variable for made, _ in self.objects for variable in made.variables.values()}
        synapses = {path.synapses.name: path.synapses for path in self.pathways}
        names = [group.name for group in self.model.groups]
        return {
            "arrays": {self.names[name]: np.dtype(v.dtype).str for v, name in self.arrays.items()},
            "queues": names,
            "axons": [
                name for name, each in synapses.items() if each.variables["_synaptic_pre"] in used
            ],
            "sources": {group.name: group.size for group in self.model.groups},
            "objects": self.parts,
            "code_objects": len(self.objects),
        }

    def _array(self, variable: Any) -> str:
        name = self.arrays[variable]
        grows = variable in self.growing
        length, initial = 0 if grows else variable.size, self.initial.get(name, 0.0)
        where = f"[]() -> const void * {{ return &_ptr{name}; }}"
        kind, resizable = _kind(variable), str(grows).lower()
        row = f"\"{self.names[name]}\", '{kind}', {length}, {resizable}, {initial}, {where}"
        return f"    {{{row}}},"

    def _pathway(self, path: Any) -> str:
        side = "_synaptic_pre" if path.prepost == "pre" else "_synaptic_post"
        return f'    {{"{path.name}", "{path.synapses.name}.{side}", SOURCE_{path.source.name}}},'

    def _kernel(self, kernel: Kernel) -> str:
        first = kernel.first
        calls = [self._call(piece) for piece in kernel.pieces]
        if first.over == "spikes":
            begin = [
                f"const Source &_of = sources[SOURCE_{first.of}];",
                "const int32_t _slot = int32_t(_step) & _of.mask;",
            ]
            loop = "for ALL_OF(_k, _of.counts[_slot]) {"
            calls = [
                "const int64_t _idx = _of.spikes[size_t(_slot) * _of.neurons + _k];",
                "bool _crossed = true;",
                *calls,
            ]
        else:
            size = (
                self.sizes[first.of] if first.over == "neurons" else f"_ptr_array_{first.of}_N[0]"
            )
            clears = any(piece.is_threshold for piece in kernel.pieces)
            begin = (
                [f"if (!blockIdx.x && !threadIdx.x) clear_next(SOURCE_{first.of}, _step);"]
                if clears
                else []
            )
            loop, calls = f"for ALL_OF(_idx, size_t({size})) {{", ["bool _crossed = false;", *calls]
        lines = [
            "const int64_t _step = now(_ahead);",
            *begin,
            loop,
            *(f"    {call}" for call in calls),
            "}",
        ]
        return "\n".join(
            [
                f"__global__ void {kernel.name}(const int _ahead)",
                "{",
                *(f"    {line}" for line in lines),
                "}",
                "",
            ]
        )

    def _call(self, piece: Piece) -> str:
        if piece.name.startswith("drives_of_"):
            return f"deliver(SOURCE_{piece.of}, _idx, _step);"
        call = f"{self._object(piece)}_code::at(_idx, _step, _crossed);"
        return f"if (_crossed) {call}" if piece.over == "spikes" else call

    def _object(self, piece: Piece) -> str:
        name: str = next(made.name for made, _ in self.objects if _plain(made.name) == piece.name)
        return name

    def _table(self, kernels: list[Kernel]) -> str:
        everything = sorted(
            frozenset().union(*(piece.reads | piece.writes for piece in self.pieces))
        )
        number = {name: index for index, name in enumerate(everything)}

        def numbers(names: Iterable[str]) -> str:
            return "{" + ", ".join(str(number[name]) for name in sorted(names)) + "}"

        rows = []
        for kernel in kernels:
            first, run = kernel.first, kernel.name
            if first.over == "arrivals":
                run = f"{self._object(first)}_code::run"
            elif first.over == "playback":
                run = f"play_{first.of}"
            of = (
                f"PATHWAY_{first.of}"
                if first.over == "arrivals"
                else f"SOURCE_{first.of}"
                if first.of in self.sizes
                else "0"
            )
            synapses = next(
                (path.synapses.name for path in self.pathways if path.name == first.of), first.of
            )
            reads = numbers(frozenset().union(*(piece.reads for piece in kernel.pieces)))
            writes = numbers(frozenset().union(*(piece.writes for piece in kernel.pieces)))
            row = (
                f'"{kernel.name}", {run}, Over::{first.over}, {of}, "{synapses}", {reads}, {writes}'
            )
            rows.append(f"    {{{row}}},")
        return "\n".join(rows)


def _plain(name: str) -> str:
    """The name of an object, from that of its code."""
    return re.sub(r"_codeobject(_\d+)?$", "", name)


def _is_written(kernel: Kernel) -> bool:
    """Whether its text is to be written, since no template provides it."""
    return kernel.first.over not in ("arrivals", "playback")


def _kind(variable: Any) -> str:
    return KINDS[np.dtype(variable.dtype).name]


def _c_type(variable: Any) -> str:
    return C_TYPES[_kind(variable)]


def _playback(group: str) -> str:
    """The kernel of a spike source: the spikes of a step follow those of the step before."""
    last, times, neurons = (
        f"_ptr_array_{group}_{name}" for name in ("_lastindex", "_timebins", "neuron_index")
    )
    return f"""
__global__ void play_{group}(const int ahead) {{
    const int64_t step = now(ahead);
    if (!threadIdx.x) clear_next(SOURCE_{group}, step);
    const int32_t begin = {last}[0], end = played[SOURCE_{group}];
    int32_t count = 0;
    for (int32_t first = begin;; first += blockDim.x) {{
        const int32_t k = first + threadIdx.x;
        const bool is_now = k < end && {times}[k] <= step;
        if (is_now) fire(SOURCE_{group}, {neurons}[k], step);
        const int32_t found = __syncthreads_count(is_now);
        count += found;
        if (found < blockDim.x) break;
    }}
    if (!threadIdx.x) {last}[0] = begin + count;
}}
"""


def _refuse_races(name: str, stored: list[tuple[str, str]]) -> None:
    """Fail where many threads would set the same number; `refuse` reports what can lead to that."""
    races = [f"{array}[{index}]" for array, index in stored if index != "_idx"]
    if races:
        raise RuntimeError(f"{name}: many threads would set {', '.join(races)}")
