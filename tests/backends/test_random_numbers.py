"""Random numbers: known answers, distributions, and the same ones from every backend."""

import subprocess

import numpy as np
import pytest
from scipy import stats

import thalia
from tests.backends.test_cuda import emulated, same  # noqa: F401  # a fixture
from thalia.backends import random_numbers
from thalia.backends.poisson_input import PoissonInput
from thalia.backends.random_numbers import (
    Draws,
    key_of,
    normal,
    poisson,
    random_words,
    stream_of,
    uniform,
)
from thalia.toolchain.compiler import find_compiler

# kat_vectors of Random123, https://github.com/DEShawResearch/random123: counter, key, words
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]  # fmt: skip
MANY = np.arange(100_000)
NOISY = """
thalia: 1
name: noisy
duration: 120 ms
neurons:
  noisy:
    summary: a cell in white noise
    equations: |
      dv/dt = -v/tau + normal*uniform*sqrt(2/tau)*xi : volt (unless refractory)
    threshold: v > v_th
    reset: v = 0*volt
    refractory: t_ref
    parameters:
      tau: {default: 10 ms, meaning: time constant}
      normal: {default: 5 mV, meaning: 'noise, under a name of a function of the program'}
      uniform: {default: 1, meaning: another such name}
      v_th: {default: 6 mV, meaning: threshold}
      t_ref: {default: 2 ms, meaning: refractory}
    initial: {v: 0 mV}
populations:
  driven: {neuron: lif_current, size: 301}
  heavily: {neuron: lif_current, size: 300}
  poisson: {neuron: poisson, size: 77, parameters: {rate: 50 Hz}}
  noisy: {neuron: noisy, size: 53}
  asleep: {neuron: lif_adaptive_threshold, size: 70}
pathways:
  p: {pre: poisson, post: driven, connect: {rule: pairwise_bernoulli, probability: 0.2},
      synapse: current_exp, weight: 50 pA, delay: 1 ms}
stimuli:
  few: {kind: poisson, target: driven, number: 100, rate: 20 Hz, weight: 250 pA}
  more: {kind: poisson, target: heavily, number: 1000, rate: 20 Hz, weight: 100 pA}
  many: {kind: poisson, target: heavily, number: 10000, rate: 20 Hz, weight: 33 pA}
  varied: {kind: poisson_sine, target: driven, number: 100, rate: 20 Hz, depth: 0.5,
           frequency: 10 Hz, weight: 20 pA}
  some: {kind: poisson, target: {population: driven, neurons: "20:200"}, number: 100, rate: 20 Hz,
         weight: 100 pA}
  of_each: {kind: poisson, target: heavily, number: 9000, rate: "uniform(0 Hz, 20 Hz)",
            weight: 5 pA}
  rare: {kind: poisson, target: asleep, rate: "uniform(0 Hz, 50 Hz)", weight: 20 nA}
"""


def words(text):
    return [int(word, 16) for word in text.split()]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_words_are_those_of_random123(counter, key, expected):
    (a, b, index, stream), (low, high) = words(counter), words(key)
    step, draw = (b >> 16) << 32 | a, b & 0xFFFF

    found = random_words(high << 32 | low, stream, step, np.array([index]), draw)

    assert [int(word[0]) for word in found] == words(expected)


@pytest.mark.skipif(not find_compiler(), reason="needs a C++ compiler")
def test_compiled_words_are_those_of_random123(tmp_path):
    """One at a time, and as many as the processor's vectors hold; each of the latter is shifted by its index."""
    lines = [
        f"show(philox({{{', '.join(f'0x{w:x}u' for w in words(c))}}}, {{{', '.join(f'0x{w:x}u' for w in words(k))}}}));"
        for c, k, _ in KNOWN
    ]
    (tmp_path / "main.cpp").write_text(
        "#include <algorithm>\n#include <cstdio>\n#include <vector>\n"
        '#include "random_lanes.h"\n'
        'void show(RandomWords x) { std::printf("%08x %08x %08x %08x\\n", x.a, x.b, x.c, x.d); }\n'
        "int main() {\n" + "\n".join(lines) + "\nManyWords many;\n"
        "for (uint32_t k = 0; k < 100; k++) many.add(7 * k, k);\n"
        "many.draw({5, 6}, 9, int64_t(3) << 32 | 8);\n"
        "bool same = true;\n"
        "for (uint32_t k = 0; k < 100; k++) {\n"
        "    const RandomWords x = random_words({5, 6}, 9, int64_t(3) << 32 | 8, 7 * k, k);\n"
        "    same &= x.a == many.a[k] && x.b == many.b[k] && x.c == many.c[k] && x.d == many.d[k];\n"
        '}\nstd::puts(same ? "same" : "different");\n}\n'
    )
    folder = random_numbers.FilePath(random_numbers.__file__).parent
    command = [
        *find_compiler(),
        "-std=c++17",
        "-march=native",
        f"-I{folder}",
        f"-I{folder / 'cpp'}",
    ]
    subprocess.run([*command, "main.cpp", "-o", "main"], cwd=tmp_path, check=True)

    told = subprocess.run(["./main"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert told.stdout.splitlines() == [*(expected for _, _, expected in KNOWN), "same"]


def test_uniform_numbers_are_uniform():
    numbers = uniform(key_of(1), stream_of("a"), 3, MANY, 0)

    assert stats.kstest(numbers, "uniform").pvalue > 0.001
    assert 0 < numbers.min() < numbers.max() < 1


def test_normal_numbers_are_normal():
    assert stats.kstest(normal(key_of(1), stream_of("a"), 3, MANY, 0), "norm").pvalue > 0.001


@pytest.mark.parametrize("mean", [0.1, 3.0, 11.9, 12.1, 50.0, 2000.0])
def test_poisson_numbers_are_of_their_distribution(mean):
    counts = poisson(np.array(mean), key_of(1), stream_of("a"), 3, MANY, 0)

    assert chance_of(counts, mean) > 0.001


@pytest.mark.parametrize("mean", [0.001, 0.2, 3.0, 11.9, 20.0])
def test_input_to_a_population_is_of_its_distribution(mean):
    """Over steps of one neuron, over neurons of one step, and at the edges of blocks."""
    drawn = PoissonInput(stream_of("a"), first=250, size=270, mean=mean)
    counts = np.array([drawn.counts(key_of(1), step) for step in range(1000)])

    assert chance_of(counts.ravel(), mean) > 0.001
    assert chance_of(counts[:, 5], mean) > 0.001
    assert chance_of(counts[:, 6:262].sum(axis=1), 256 * mean) > 0.001
    correlations = np.corrcoef(counts[:, [0, 1, 100, 269]].T)[np.triu_indices(4, 1)]
    assert np.abs(np.nan_to_num(correlations)).max() < 4 / np.sqrt(1000)


def chance_of(counts, mean):
    """Of numbers at least so far from a Poisson distribution: chi squared, in bins of 10 or more."""
    most = int(counts.max()) + 1
    expected = stats.poisson.pmf(np.arange(most), mean) * len(counts)
    found = np.bincount(counts, minlength=most)
    last = np.append(np.flatnonzero(np.diff(np.cumsum(expected) // 10)) + 1, most)
    bins = np.digitize(np.arange(most), last)
    in_bins = [np.bincount(bins, weights=each) for each in (found, expected)]
    in_bins[1] *= len(counts) / in_bins[1].sum()
    return stats.chisquare(*in_bins).pvalue if len(in_bins[0]) > 1 else 1.0


@pytest.mark.parametrize(
    "other",
    [
        (key_of(2), stream_of("a"), 3, 0),
        (key_of(1 + 2**64), stream_of("a"), 3, 0),
        (key_of(1), stream_of("b"), 3, 0),
        (key_of(1), stream_of("a"), 4, 0),
        (key_of(1), stream_of("a"), 3 + 2**32, 0),
        (key_of(1), stream_of("a"), 3, 1),
    ],
    ids=["seed", "long seed", "object", "step", "late step", "draw"],
)
def test_another_seed_object_step_or_draw_gives_independent_numbers(other):
    key, stream, step, draw = other
    pair = uniform(key_of(1), stream_of("a"), 3, MANY, 0), uniform(key, stream, step, MANY, draw)

    assert abs(np.corrcoef(*pair)[0, 1]) < 4 / np.sqrt(len(MANY))


def test_draws_of_an_object_are_counted_and_those_of_a_synapse_too():
    draws = Draws(key_of(1))
    draws.begin("a", 3)
    neurons = np.arange(5)
    first, second = draws.rand(neurons), draws.rand(neurons)
    draws.begin("a", 3)
    one_by_one = [[draws.rand(k), draws.rand(k)] for k in neurons]

    assert np.array(one_by_one).tolist() == np.array([first, second]).T.tolist()
    assert first.tolist() == uniform(key_of(1), stream_of("a"), 3, neurons, 0).tolist()


def test_the_stream_of_an_object_is_that_of_its_code():
    assert stream_of("a_stateupdater_codeobject_2") == stream_of("a_stateupdater_1")
    assert stream_of("a_stateupdater") != stream_of("b_stateupdater")


def test_a_noisy_circuit_is_the_same_on_every_backend(emulated, tmp_path):  # noqa: F811
    """White noise, Poisson neurons, input of few and of many events, and of a rate that changes."""
    circuit = thalia.loads(NOISY)
    runs = [
        thalia.run(circuit, backend=name, output=tmp_path / f"{name}.h5", seed=2**40 + 7)
        for name in ("runtime", "cpp", "cuda")
    ]

    assert min(len(runs[0].spikes[name]) for name in runs[0].spikes) > 100
    assert same(runs[0], runs[1])
    assert same(runs[1], runs[2])


def test_noise_of_a_population_does_not_depend_on_others(simulate):
    without_input, _ = NOISY.split("stimuli:")
    texts = without_input, without_input.replace("size: 77", "size: 78")
    first, second = (simulate(text, backend="runtime").spikes["noisy"] for text in texts)

    assert np.array_equal(first.times, second.times)
    assert np.array_equal(first.neurons, second.neurons)
