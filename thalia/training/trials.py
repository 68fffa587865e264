"""The history of an experiment: what every trial noted, and how the network changed meanwhile."""

from thalia.training.subject import Subject

SAMPLES = 50  # about, of weights and modulators, however many trials there are


class Trials:
    """Takes note of what happens in each trial, by measure, and of the fraction that is done.

    About `SAMPLES` times, after the trials `sampled`, also of the norm of the weights of each
    plastic pathway, `weight_norm_…`, of the level of each modulator, `level_…`, and of how often
    each phase, such as sleep, was entered, `entered_…`.
    """

    def __init__(self, subject: Subject, expected: int):
        self.subject, self.expected = subject, max(1, expected)
        self.every = -(-self.expected // SAMPLES)
        self.history: dict[str, list[float]] = {}
        self.done = 0

    def note(self, **measures: float) -> None:
        """Take note of a trial."""
        for name, value in measures.items():
            self.history.setdefault(name, []).append(round(float(value), 6))
        self.done += 1
        if self.done % self.every == 0:
            for name, value in {"sampled": self.done, **self.subject.gauges()}.items():
                self.history.setdefault(name, []).append(float(f"{value:.6g}"))
        self.subject.fraction = min(1.0, self.done / self.expected)
