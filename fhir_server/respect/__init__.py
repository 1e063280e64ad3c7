"""ReSPECT plans: what a plan says, what a signed one needs, and that a person has at most one in force.

A plan is a QuestionnaireResponse of `profiles/questionnaires/respect-plan.json`. May import search, model, the store's
values and profiles; knows no HTTP. `plan.py` reads one, `signing.py` and `changing.py` hold the rules, `in_force.py`
applies them to every commit, `status.py` says what a list shows.
"""
