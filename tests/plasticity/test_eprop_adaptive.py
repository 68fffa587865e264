"""e-prop of neurons with adaptive thresholds, against products of Jacobians of their state, in the order of Thalia's step.

Bellec et al. (2020): the state of a neuron is its potential u, in units of the threshold above rest, and its adaptation a.
With z = 1 where u - 1 - beta a > 0 and psi for the derivative of z, d(u, a)/d(u, a) of a step before is
[[alpha, 0], [psi, rho - psi beta]], and the eligibility is (psi, -psi beta) times the product of these over all steps.
"""

import numpy as np
import pytest
from brian2 import hertz

import thalia
from tests.plasticity.test_eprop import MILLI, matrix
from thalia.training.subject import subject_of

BETA, TAU_ADAPTATION = 0.1, 200  # per spike, of the threshold; in ms
CIRCUIT = f"""
thalia: 1
name: eprop_adaptive
duration: 1 s
dt: 1 ms
populations:
  inputs:    {{neuron: regular, size: 8, from_task: [rate], initial: {{phase: 0}}, excites_and_inhibits: "as in the model"}}
  recurrent: {{neuron: lif_surrogate_adaptive, size: 6, excites_and_inhibits: "as in the model",
              parameters: {{e_l: 0 mV, v_th: 30 mV, v_fall: 30 mV, threshold_step: {30 * BETA} mV, tau_adaptation: {TAU_ADAPTATION} ms}}}}
  out:       {{neuron: leaky_readout, size: 2, from_task: [target], parameters: {{e_l: 0 mV, tau_m: 20 ms}}}}
pathways:
  in_rec:  {{pre: inputs, post: recurrent, connect: {{rule: all_to_all}}, synapse: delta, weight: "normal(4 mV, 10 mV)", w_min: -100 mV, w_max: 100 mV,
            delay: 1 ms, plasticity: [{{rule: eprop_adaptive, eta: 0.1 Hz, threshold_share: {BETA}, tau_adaptation: {TAU_ADAPTATION} ms, c_rate: 1 ms, tau_rate: 100 ms}}]}}
  rec_out: {{pre: recurrent, post: out, connect: {{rule: all_to_all}}, synapse: delta, weight: "normal(0 mV, 0.1 mV)", delay: 1 ms}}
  feedback: {{pre: out, post: recurrent, connect: {{rule: all_to_all}}, synapse: graded, compartment: teaching, weight: "normal(0, 1)"}}
"""
ALPHA, RHO = np.exp(-1 / 20), np.exp(-1 / TAU_ADAPTATION)


class Jacobians:
    """The same network with the derivative of every neuron's state by every one of its weights: (post, pre, 2)."""

    def __init__(self, w, w_out, feedback):
        self.w, self.w_out, self.feedback = w, w_out, feedback
        self.v, self.a, self.y, self.rate = np.zeros(6), np.zeros(6), np.zeros(2), np.full(6, 10.0)
        self.z, self.x, self.spikes = np.zeros(6), np.zeros(8), 0
        self.state = np.zeros((6, 8, 2))
        self.eligible = np.zeros((6, 8))

    def step(self, x, target):
        error = self.y - target
        signal = self.feedback @ error
        psi = 0.3 * np.clip(1 - np.abs(self.v / 30 - 1 - BETA * self.a), 0, 1)
        by_state = np.stack([psi, -psi * BETA], axis=-1)  # of a spike
        now = np.einsum("is,ijs->ij", by_state, self.state)
        of_rate = 1e-3 * (self.rate - 10)
        self.w -= MILLI * 0.1 * 100 * (signal[:, None] * self.eligible + of_rate[:, None] * now)
        self.eligible = ALPHA * self.eligible + (1 - ALPHA) * now
        jacobian = np.zeros((6, 2, 2))
        jacobian[:, 0, 0], jacobian[:, 1, 0], jacobian[:, 1, 1] = ALPHA, psi, RHO - psi * BETA
        self.state = np.einsum("ist,ijt->ijs", jacobian, self.state)
        self.rate *= np.exp(-1 / 100)
        self.v, self.y, self.a = ALPHA * self.v, ALPHA * self.y, RHO * self.a
        fired = self.v >= 30 * (1 + BETA * self.a)
        self.v += self.w @ self.x
        self.y += self.w_out @ self.z
        self.state[:, :, 0] += self.x
        self.v -= 30 * fired
        self.a += fired
        self.rate += 10 * fired
        self.spikes += fired.sum()
        self.z, self.x = fired.astype(float), x.astype(float)


def both(circuit, steps=400):
    """Weights of Thalia and of the reference, and those of the beginning, in mV."""
    random = np.random.default_rng(3)
    with subject_of(thalia.loads(circuit), "runtime") as subject:
        begun = matrix(subject, "in_rec", MILLI)
        reference = Jacobians(
            begun.copy(), matrix(subject, "rec_out", MILLI), matrix(subject, "feedback", 1)
        )
        for _ in range(steps):
            spikes, target = random.random(8) < 0.1, random.uniform(-3, 3, 2)
            subject.set("out", "target", target)
            subject.present("1 ms", {"inputs": 1000.0 * spikes * hertz})
            reference.step(spikes, target)
        found, adaptation = (
            matrix(subject, "in_rec", MILLI),
            subject.read("recurrent", "adaptation"),
        )
    return found, reference, begun, adaptation


def test_weights_follow_the_product_of_jacobians():
    """To a hundredth of the largest change: what decays in continuous time here is multiplied in steps there."""
    found, reference, begun, adaptation = both(CIRCUIT)

    change = np.abs(found - begun).max()
    assert reference.spikes > 50
    assert adaptation == pytest.approx(reference.a, rel=1e-9)
    assert np.abs(found - reference.w).max() < 0.01 * change


def test_the_rule_without_adaptation_is_another():
    """`eprop` on the same neurons misses what reaches a spike through the threshold."""
    plain = CIRCUIT.replace(
        f"rule: eprop_adaptive, eta: 0.1 Hz, threshold_share: {BETA}, tau_adaptation: {TAU_ADAPTATION} ms",
        "rule: eprop, eta: 0.1 Hz, tau_m: 20 ms, tau_readout: 20 ms",
    )
    found, reference, begun, _ = both(plain)

    assert np.abs(found - reference.w).max() > 0.1 * np.abs(found - begun).max()
