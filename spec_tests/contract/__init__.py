"""The contract with whoever is tested: what an implementation may say of itself, and how every call of it is made.

A subject is asked through one seam (`guard.py`): it records each call, keeps what a foreign function does from harming
the run, and turns a question that the subject does not offer to answer into `NotOffered`. What a file, a module or a
set of functions says of itself is read and checked in `declaration.py`.
"""
