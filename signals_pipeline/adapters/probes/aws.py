"""Whether this task's role may use S3 and SES."""

from typing import Any

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

_GRANT_ACCESS = "give the task a role with access, or set AWS_PROFILE and AWS_DEFAULT_REGION"

# Maximum length of AWS's error text in our messages.
_ERROR_CHARACTERS = 200


def probe_bucket(url: str, *, seconds: float = 5) -> ProbeResult:
    """Whether the bucket of an s3:// URL exists and may be read.

    Args:
        url: The URL.
        seconds: Timeout to connect, and to wait for the response.
    """
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # boto3 ships no types
        BotoCoreError,
        ClientError,
    )

    name = url.removeprefix("s3://").partition("/")[0]
    try:
        _client("s3", seconds=seconds).head_bucket(Bucket=name)
    except ClientError as error:
        response: Any = error.response
        code: str = response.get("Error", {}).get("Code", "")
        if code in {"404", "NoSuchBucket"}:
            return fail(f"bucket {name} does not exist", "create it, or correct SIGNALS_FRAMES_URL")
        return fail(f"bucket {name} refuses access ({code})", _GRANT_ACCESS)
    except BotoCoreError as error:
        return fail(f"bucket {name}: {_one_line(error)}", _GRANT_ACCESS)
    return ok(f"bucket {name} answers")


def probe_ses(*, endpoint: str = "", seconds: float = 5) -> ProbeResult:
    """Whether SES sends for this account, and to whom.

    Args:
        endpoint: Where to ask; empty: AWS.
        seconds: Timeout to connect, and to wait for the response.
    """
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # boto3 ships no types
        BotoCoreError,
        ClientError,
    )

    try:
        account: dict[str, Any] = _client("sesv2", seconds=seconds, endpoint=endpoint).get_account()
    except (BotoCoreError, ClientError) as error:
        return fail(f"SES: {_one_line(error)}", _GRANT_ACCESS)
    if not account.get("SendingEnabled", False):
        return fail("SES has stopped sending for this account", "check the account's reputation in the SES console")
    if not account.get("ProductionAccessEnabled", False):
        return warn("SES is in its sandbox: it mails verified addresses only", "request production access")
    return ok("SES sends for this account")


def _client(service: str, *, seconds: float, endpoint: str = "") -> Any:  # noqa: ANN401  # boto3 ships no types
    """A client that tries once: a probe has no time for retries."""
    import boto3  # pyright: ignore[reportMissingTypeStubs]
    from botocore.config import Config  # pyright: ignore[reportMissingTypeStubs]

    config = Config(
        connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1, "mode": "standard"}
    )
    client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        service, config=config, endpoint_url=endpoint or None
    )
    return client  # pyright: ignore[reportUnknownVariableType]


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_ERROR_CHARACTERS]
