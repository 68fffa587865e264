"""A session becomes a run file: run, resume, checkpoints, closed loops, structural plasticity."""
