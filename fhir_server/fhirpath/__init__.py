"""FHIRPath: an expression becomes a Python function, once.

`parser.py` reads the whole grammar of FHIRPath 2.0; `compiler.py` turns the tree into closures, typed by the
definitions; `values/` knows what values are. Imports: `outcome`, `definitions`, `model`, `terminology`. Pure: no
I/O; what needs the surroundings (`resolve()`, value sets) asks the `Env` of the evaluation.

To add a function: an entry in the table of its family in `functions/` (a new family: one file and one line there); an
operator: the same in `operators/`; a literal: `literals.py`; a `%` variable: `variables.py`.
"""
