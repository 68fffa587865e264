"""What a paper says of a circuit and of a run: how it was made, and whom it cites."""
