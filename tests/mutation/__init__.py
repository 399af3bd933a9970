"""Small errors put into the package one by one, to see whether a test turns red for each.

`python -m tests.mutation --help` says how; `equivalent.yaml` lists the errors that nobody can see,
each with the reason.
"""
