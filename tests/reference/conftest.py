"""Programs for Brian2 beside the tests are run by these, and not imported."""

collect_ignore = ["brian2_models"]
