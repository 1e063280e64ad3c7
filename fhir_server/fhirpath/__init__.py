"""FHIRPath: an expression becomes a Python function, once.

`parser.py` reads the whole grammar of FHIRPath 2.0; `compiler.py` turns the tree into closures, typed by the
definitions. Offered is what R4's search expressions use; everything else is refused when it is compiled, by name and
place. Imports: `outcome`, `definitions`. Pure: no I/O; what needs the surroundings (`resolve()`) asks the `Env` of the
evaluation.

To add a function: an entry in the table of its family in `functions/` (a new family: one file and one line there); an
operator: the same in `operators/`; a literal: `literals.py`; a `%` variable: `variables.py`.
"""
