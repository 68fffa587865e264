"""Side-by-side comparisons with peers, one script per question."""
