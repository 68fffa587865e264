"""The plasticity rules as tests use them: settings, the company that some need, spike trains, and the pair window."""

from math import exp

A_PLUS, A_MINUS, TAU = 0.005, 0.00525, 20  # ms; Song, Miller & Abbott (2000)
T1 = ([10, 50, 60, 70, 90, 110, 120, 130, 400], [20, 30, 40, 80, 90, 100, 120])
T2 = ([10, 58, 63, 72, 93, 111, 124, 131, 400], [22, 31, 44, 80, 87, 103, 119])
TRAINS = {"pre": [T1[0], T2[0]], "post": [T1[1], T2[1]], "dendritic": 1.0, "backend": "runtime"}


SETTINGS = [
    ("stdp_pair", {"pairing": "all_to_all", "a_plus": 0.05, "a_minus": 0.06}),
    ("stdp_pair", {"pairing": "nearest_symmetric", "mu_plus": 0.3, "mu_minus": 1}),
    ("stdp_pair", {"pairing": "nearest_pre_centred", "a_plus": 0.2}),
    ("stdp_pair", {"pairing": "nearest_restricted", "a_plus": 0.2, "a_minus": 0.2}),
    ("stdp_triplet", {"preset": "hippocampus"}),
    ("stdp_triplet", {"preset": "visual_cortex_nearest"}),
    ("stdp_inhibitory", {"eta": 0.05}),
    ("predictive", {"prediction_delay": "7 ms"}),
    ("stdp_homeostatic", {"eta": 0.02}),
    ("stdp_voltage", {"a_ltp": "0.002 1/mV**2"}),
    ("parallel_fibre", {"a_minus": 0.02}),
]
# one that crosses its baseline, and one that is far from it for a while
SIGNALS = {
    "signal": {
        "kind": "first_order",
        "tonic": 1,
        "baseline": 0.5,
        "tau": "30 ms",
        "schedule": [
            {"at": ["20 ms", "90 ms", "300 ms"], "amount": 2},
            {"at": ["50 ms", "200 ms"], "amount": -3},
        ],
    },
    "other": {
        "kind": "first_order",
        "tau": "100 ms",
        "schedule": [{"at": ["10 ms", "400 ms"], "amount": 4}],
    },
}
GATED = [
    (
        "dopamine_stdp",
        {"modulator": "signal", "a_plus": 0.05, "a_minus": 0.06, "tau_eligibility": "25 ms"},
    ),
    (
        "three_factor",
        {
            "modulator": "signal*(1 + other)",
            "a_plus": 0.05,
            "a_minus": 0.06,
            "tau_rise": "20 ms",
            "tau_decay": "60 ms",
        },
    ),
    (  # slow enough to stay within its bounds, which the lowered form checks at events and flushes
        "covariance_reward",
        {"modulator": "signal - other", "tau": "40 ms", "expected": "30 Hz", "rate": "0.5 Hz"},
    ),
    ("d1_stdp", {"modulator": "signal - other", "a_plus": 0.02, "tau_fast": "20 ms"}),
    (
        "d2_stdp",
        {
            "modulator": "signal",
            "a_plus": 0.02,
            "threshold": 0.2,
            "tau_fast": "25 ms",
            "tau_slow": "80 ms",
        },
    ),
    ("parallel_fibre", {"modulator": "clip(signal, 0, 1)", "a_minus": 0.02}),
    ("stdp_triplet", {"modulator": "other"}),
    (
        "metaplasticity",
        {"a_plus": 0.1, "a_minus": 0.1, "tau_recovery": "50 ms", "modulator": "other"},
    ),
    (
        "stdp_triplet",
        {"modulator": "signal", "eligibility": {"decay": "60 ms", "rise": "20 ms", "rate": "5 Hz"}},
    ),
    (
        "predictive",
        {"modulator": "signal*other", "eligibility": "30 ms", "prediction_delay": "7 ms"},
    ),
]
STACKED = [
    ("consolidation", {"tau_anchor": "50 ms", "tau_importance": "80 ms", "gain": 100}),
    ("fast_slow", {"tau_fast": "40 ms"}),
    ("time_scales", {"tau_fast": "20 ms", "ratio": 3}),
    (
        "tag_and_capture",
        {
            "tau_early": "90 ms",
            "tau_tag": "40 ms",
            "tau_protein": "60 ms",
            "threshold": 0.05,
            "capture": "10 Hz",
        },
    ),
]

# rules that need company: a rule whose changes they follow, a neuron with the variables that they read, a teacher
STACKS = {"heterosynaptic": "[stdp_pair, heterosynaptic]", "normalise": "[stdp_pair, normalise]",
          "synaptic_scaling": "[stdp_pair, synaptic_scaling]", "use_dependent": "[stdp_pair, use_dependent]", "parallel_fibre": "[{rule: parallel_fibre, instructed_by: q}]",
          "outstar": "[{rule: outstar, instructed_by: q}]",
          **{name: f"[stdp_pair, {name}]" for name in ("consolidation", "fast_slow", "tag_and_capture", "time_scales")},
          **{name: f"[{{rule: {name}, modulator: m}}]" for name in ("dopamine_stdp", "three_factor", "d2_stdp", "presynaptic_reward")},
          "covariance_reward": "[{rule: covariance_reward, modulator: m, expected: 0 Hz}]",
          "structural": "[stdp_pair, {rule: structural, interval: 40 ms, filled: 0.5, weakest: 0.3, newborn: 0.35}]",
          "eprop": "[{rule: eprop, eta: 10 Hz, c_rate: 1 ms, rate_target: 0 Hz}]",
          "eprop_adaptive": "[{rule: eprop_adaptive, eta: 10 Hz, c_rate: 1 ms, rate_target: 0 Hz}]",
          "d1_stdp": "[{rule: d1_stdp, modulator: m, tau_fast: 2 ms}]"}  # fmt: skip
SOURCES = {"feedback_alignment": "erring"}
CELLS = {
    "stdp_voltage": "adex_spike",
    "eprop": "lif_surrogate",
    "eprop_adaptive": "lif_surrogate_adaptive",
    "delta_rule": "leaky_readout",
}


def closed_form(interval):
    """Change of the weight, as a fraction of w_max, for one pair this many ms apart."""
    return A_PLUS * exp(-interval / TAU) if interval > 0 else -A_MINUS * exp(interval / TAU)
