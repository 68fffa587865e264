"""Brian2's C++ device with another queue: spikes in flight are ranges of synapses, not indices.

Synapses are sorted by (neuron, delay), so that the synapses of one neuron with one delay are
contiguous: a spike pushes two numbers per delay instead of one per synapse, no delay is stored per
synapse, and arrivals are visited in memory order. The order of events, and so every bit of a
result, is that of Brian2's own queue.
"""

from functools import cache

from brian2.codegen.generators.cpp_generator import CPPCodeGenerator
from brian2.core.functions import DEFAULT_FUNCTIONS
from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices

from thalia.backends.cpp.division import object_of, with_objects
from thalia.backends.cpp.records import column_of
from thalia.backends.cpp.skipping import chance, remembered
from thalia.backends.cpp.sleeping import sleep_of, touched
from thalia.backends.random_numbers import NumberedDraws, in_turn, stream_of

AHEAD = 32  # synapses between prefetching the state of one and its turn
RANGES_AHEAD = 8  # ranges of synapses between looking up where one is, and its turn
NEURONS_AHEAD = 24  # synapses between prefetching a neuron that may be asleep and its turn
ASKED = 64  # neurons that are tested at once for a crossing of the threshold
NAME = "thalia_ranges"
# The library's `exp` is a call, which prevents the vectorisation of a loop over neurons. This one
# is arithmetic: within one unit in the last place, zero below 3e-308, and the same bits at any
# position in the loop.
EXPONENTIAL = """
static inline double _exponential(double x)
{
    x = x < -708.4 ? -708.4 : x;
    x = x > 709.9 ? 709.9 : x;
    const double magic = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
    const double shifted = x * 1.4426950408889634 + magic;
    const double n = shifted - magic;
    const double r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    double p = 1.0 / 6227020800;
    p = p * r + 1.0 / 479001600;
    p = p * r + 1.0 / 39916800;
    p = p * r + 1.0 / 3628800;
    p = p * r + 1.0 / 362880;
    p = p * r + 1.0 / 40320;
    p = p * r + 1.0 / 5040;
    p = p * r + 1.0 / 720;
    p = p * r + 1.0 / 120;
    p = p * r + 1.0 / 24;
    p = p * r + 1.0 / 6;
    p = p * r + 0.5;
    p = r + p * r * r;
    uint64_t bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1022) << 52;  // 2^(n - 1), which exists for every n that does not overflow
    double half;
    std::memcpy(&half, &bits, sizeof half);
    return (2.0 * p + 2.0) * half;
}
"""


DRAWS = {
    "rand": "#define _rand(draw, i) ::uniform(::random_key, _random_stream, _step, i, draw)",
    "randn": "#define _randn(draw, i) ::normal(::random_key, _random_stream, _step, i, draw)",
    "poisson": "#define _poisson(draw, mean, i) "
    "::poisson(mean, _exponential(-(mean)), ::random_key, _random_stream, _step, i, draw)",
}


class RangesGenerator(NumberedDraws, CPPCodeGenerator):  # type: ignore[misc]
    """Brian2's generator of C++, except that draws are numbered."""


class RangesCodeObject(CPPStandaloneCodeObject):  # type: ignore[misc]  # Brian2 has no types
    """A code object from Thalia's templates, or from Brian2's where Thalia has none."""

    generator_class = RangesGenerator
    templater = CPPStandaloneCodeObject.templater.derive(
        "thalia.backends.cpp",
        env_globals={
            "synapses_ahead": AHEAD,
            "neurons_ahead": NEURONS_AHEAD,
            "neurons_asked": ASKED,
            "chance": chance,
            "column_of": column_of,
            "in_turn": in_turn,
            "object_of": object_of,
            "ranges_ahead": RANGES_AHEAD,
            "remembered": remembered,
            "stream_of": stream_of,
            "sleep_of": sleep_of,
            "touched": touched,
            "with_objects": with_objects,
        },
    )

    def run_block(self, block: str) -> None:
        """Nothing runs before or after the steps."""


class RangesDevice(CPPStandaloneDevice):  # type: ignore[misc]
    """The device that writes a program of such code objects."""

    def code_object_class(
        self, codeobj_class: type | None = None, fallback_pref: str | None = None
    ) -> type:
        """The class of every code object for which no other is requested."""
        return codeobj_class or RangesCodeObject


@cache
def register() -> str:
    """The name under which Brian2 knows the device."""
    all_devices[NAME] = RangesDevice()
    for name, code in {"exp": EXPONENTIAL, **DRAWS}.items():
        DEFAULT_FUNCTIONS[name].implementations.add_implementation(
            RangesCodeObject, code=code, name="_exponential" if name == "exp" else f"_{name}"
        )
    return NAME
