"""Brian2's C++ device with another queue: spikes in flight are ranges of synapses, not a copy of every index.

Synapses are sorted by (neuron, delay), so that the synapses of one neuron with one delay lie side by side: a spike
pushes two numbers for each delay instead of one for each synapse, no delay is kept for each synapse, and what arrives
is walked in the order of memory. The order of events, and so every bit of a result, is that of Brian2's own queue.
"""

from functools import cache

from brian2.devices.cpp_standalone.codeobject import CPPStandaloneCodeObject
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice
from brian2.devices.device import all_devices

AHEAD = 32  # synapses between asking for the state of one and its turn
ASKED = 64  # neurons of which it is asked at once whether any has crossed its threshold
NAME = "thalia_ranges"


class RangesCodeObject(CPPStandaloneCodeObject):  # type: ignore[misc]  # Brian2 has no types
    """A code object from Thalia's templates, or from Brian2's where Thalia has none."""

    templater = CPPStandaloneCodeObject.templater.derive(
        "thalia.backends", env_globals={"synapses_ahead": AHEAD, "neurons_asked": ASKED}
    )


class RangesDevice(CPPStandaloneDevice):  # type: ignore[misc]
    """The device that writes a program of such code objects."""

    def code_object_class(self, codeobj_class: type | None = None, fallback_pref: str | None = None) -> type:
        """The class of every code object for which no other is asked."""
        return codeobj_class or RangesCodeObject


@cache
def register() -> str:
    """The name under which Brian2 knows the device."""
    all_devices[NAME] = RangesDevice()
    return NAME
