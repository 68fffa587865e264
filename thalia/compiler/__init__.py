"""Circuit to Plan: names looked up, numbers filled in, equations final, objects fused.

`pipeline` is the list of passes and `plan` what they produce; `resolve/` and `optimise/` hold the
large ones.
"""
