"""Whether S3 and SES answer this task's role."""

from typing import TYPE_CHECKING

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

if TYPE_CHECKING:
    from botocore.config import Config

_ROLE = "give the task a role with access, or set AWS_PROFILE and AWS_DEFAULT_REGION"


def bucket(url: str, *, seconds: float = 5) -> ProbeResult:
    """Whether the bucket of an s3:// URL is there and may be read."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    name = url.removeprefix("s3://").partition("/")[0]
    try:
        boto3.client("s3", config=_once(seconds)).head_bucket(Bucket=name)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        missing = code in {"404", "NoSuchBucket"}
        said = "is not there" if missing else f"refuses ({code})"
        return fail(f"bucket {name} {said}", "create it, or correct SIGNALS_FRAMES_URL" if missing else _ROLE)
    except BotoCoreError as error:
        return fail(f"bucket {name}: {_line(error)}", _ROLE)
    return ok(f"bucket {name} answers")


def ses(*, endpoint: str = "", seconds: float = 5) -> ProbeResult:
    """Whether SES sends for this account, and to whom."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        account = boto3.client("sesv2", config=_once(seconds), endpoint_url=endpoint or None).get_account()
    except (BotoCoreError, ClientError) as error:
        return fail(f"SES: {_line(error)}", _ROLE)
    if not account.get("SendingEnabled", False):
        return fail("SES has stopped sending for this account", "look at the account's reputation in the SES console")
    if not account.get("ProductionAccessEnabled", False):
        return warn("SES is in its sandbox: it mails verified addresses only", "ask for production access")
    return ok("SES sends for this account")


def _once(seconds: float) -> "Config":
    from botocore.config import Config

    once = {"total_max_attempts": 1, "mode": "standard"}
    return Config(connect_timeout=seconds, read_timeout=seconds, retries=once)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
