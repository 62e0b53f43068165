# pyright: reportMissingTypeStubs=false
# botocore has no type stubs.
"""What AWS refuses, as one line that says what to do: the one place where botocore's errors become ours."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from signals_pipeline.adapters.aws.stack import DeployError

# Codes differ between AWS's services.
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {"InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "SignatureDoesNotMatch"}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"}
# AWS does not serve this account in this region.
_NOT_ENABLED = {"OptInRequired", "InvalidRegionError", "RegionDisabledException"}


@contextmanager
def one_line_errors() -> Generator[None]:
    """Turn botocore's errors into `DeployError`; usable as a decorator.

    Raises:
        DeployError: AWS refused a call, or could not be reached.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise DeployError(_refused(error)) from error
    except BotoCoreError as error:
        raise DeployError(_not_sent(error)) from error


def error_code(error: Exception) -> str:
    """AWS's code of a refused call."""
    response = cast("dict[str, Any]", getattr(error, "response", {}))
    return str(response.get("Error", {}).get("Code", ""))


def _refused(error: Any) -> str:  # noqa: ANN401
    code = error_code(error)
    operation = str(error.operation_name)
    message = _first_line(str(error.response.get("Error", {}).get("Message", "")))
    if code in _EXPIRED:
        return "the AWS credentials have expired: sign in again (aws sso login), then run this again"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}): check AWS_PROFILE and AWS_ACCESS_KEY_ID"
    if code in _DENIED:
        return f"AWS denies {operation}: {message}; use credentials that are allowed to"
    if code in _NOT_ENABLED:
        return f"AWS refuses {operation} in this region ({code}): check AWS_REGION, or enable the region"
    return f"AWS refuses {operation}: {code}: {message}"


def _not_sent(error: Exception) -> str:
    from botocore.exceptions import ConnectionError as BotoConnectionError
    from botocore.exceptions import HTTPClientError, SSOError, TokenRetrievalError

    detail = _first_line(str(error))
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return f"the AWS sign-in has expired: aws sso login ({detail})"
    if isinstance(error, (BotoConnectionError, HTTPClientError)):
        return f"AWS can't be reached: {detail}; check the network and AWS_REGION, then run this again"
    return f"AWS: {detail}"


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
