"""Small errors put into the package one by one, to see whether a test turns red for each.

`python -m tests.mutation --help` says how; `equivalent.yaml` lists the errors that nobody can see,
each with the reason.
"""

#: Set in the environment it has tests measured that otherwise are not, whatever they then say of
#: time and memory.
ALL_MEASURED = "MUTATION_REACH"
