"""`signals doctor`: checks of a deployment, each a small function that returns one `ProbeResult`.

`local` has the checks of this machine and its deployment, `vendors` those that ask a vendor or a mail server,
`production` those of a stack on AWS; `checkup` runs them with a deadline and formats the results.
"""

DEFAULT_SECONDS = 8.0  # time limit of all checks together; enough for the imports of Dagster and the model's runtime
