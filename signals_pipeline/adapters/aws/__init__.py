"""An installation on AWS: its price table, its stack, its releases and its metrics.

`boto3` and `botocore` have no type stubs; `stack.client` is the one place that makes clients, typed as `Any`.
"""
