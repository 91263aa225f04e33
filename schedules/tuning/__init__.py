"""Tuning: a search for a faster schedule of one program, by compiling and timing candidates on this machine.

A candidate changes choices of the hand-written schedule's template (:mod:`schedules.tuning.space`), or is what an
autoscheduler finds. A strategy (:mod:`schedules.tuning.strategy`) proposes them; the tuner measures and verifies each
(:mod:`schedules.tuning.tuner`) and writes it to a journal (:mod:`schedules.tuning.journal`), from which a search goes
on where it was stopped, or is replayed without running anything. The best becomes the user's schedule of the program
(:mod:`schedules.store`).
"""
