"""Fuzzing: whatever comes from outside is a clear line or a counted drop.

`make fuzz` gives every target of `targets/` an equal share of the time (FUZZ_MINUTES, 5 by default). The invariant is
the same for all: a result, or one user-facing line (`SignalsError`); no other exception, nothing left in the folder,
no more memory and time than a limit. Inputs are mutations of valid ones, made from a seed. An input that violates the
invariant is cut down and kept in `corpus/TARGET/`; those are tried first, and by `make test` as well.

`driver` shares out the time and reports, `worker` tries inputs in a process of its own, `inputs` makes them.
"""
