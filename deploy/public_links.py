"""Lambda of a mail's links: GET shows a page, POST queues the request; a run verifies it again and applies it."""

import base64
import hashlib
import hmac
import html
import json
import os
from datetime import UTC, date, datetime
from functools import cache

import boto3

VERDICTS = {"useful": "Useful", "not_useful": "Not useful"}
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>{0} - Signals</title><link rel="stylesheet" href="/style.css"></head>
<body><header class="top"><a class="brand" href="/">Signals</a></header>
<main><h1>{0}</h1>{1}</main></body></html>"""


class Refused(Exception):
    pass


@cache
def key():
    answer = boto3.client("ssm").get_parameter(Name=os.environ["LINK_KEY"], WithDecryption=True)
    return answer["Parameter"]["Value"]


def verify(purpose, token):
    payload, _, signature = token.partition(".")
    message = f"signals_pipeline link 1\0{purpose}\0{payload}".encode()
    mac = hmac.new(key().encode(), message, hashlib.sha256).digest()[:16]
    if not hmac.compare_digest(signature.encode(), base64.urlsafe_b64encode(mac).rstrip(b"=")):
        raise Refused("This link is not valid here: it is incomplete, was changed, or was made for something else.")
    expires_on, fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if datetime.now(UTC).date() > date.fromisoformat(expires_on):
        raise Refused("This link has expired.")
    return fields


def form(action, label):
    return f'<form method="post" action="{html.escape(action)}"><button>{html.escape(label)}</button></form>'


def page(status, title, content):
    headers = {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}
    return {"statusCode": status, "headers": headers, "body": PAGE.format(title, content)}


def answer(method, path, verdict):
    _, purpose, token = (*path.split("/"), "", "")[:3]
    if purpose not in ("unsubscribe", "feedback") or path != f"/{purpose}/{token}":
        return page(404, "Not found", "<p>Nothing exists at this address.</p>")
    fields = verify(purpose, token)
    rated = purpose == "feedback"
    name = html.escape(fields["s"] if rated else fields["r"])
    if method in ("GET", "HEAD"):
        if not rated:
            text = f"<p>Nothing has changed yet. Press the button to stop all digests to <b>{name}</b>.</p>"
            return page(200, "Unsubscribe", text + form(path, f"Unsubscribe {fields['r']}"))
        chosen = sorted(VERDICTS, key=lambda each: each != verdict)
        forms = "".join(form(f"{path}?verdict={each}", VERDICTS[each]) for each in chosen)
        text = f"<p>{html.escape(fields['t'])} <b>{name}</b></p><p>Nothing is stored until you press a button.</p>"
        return page(200, "Was it useful?", text + forms)
    if method != "POST":
        return page(405, "Method not supported", "<p>This address does not support that method.</p>")
    if rated and verdict not in VERDICTS:
        return page(422, "Invalid address", "<p>verdict: give useful or not_useful</p>")
    request = {"purpose": purpose, "token": token} | ({"verdict": verdict} if rated else {})
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(request))
    if rated:
        return page(200, "Thank you", f"<p>Your feedback is recorded: {name} was {VERDICTS[verdict].lower()}.</p>")
    return page(200, "Unsubscribed", f"<p>No digests will be sent to {name}.</p>")


def handler(event, _context):
    verdict = (event.get("queryStringParameters") or {}).get("verdict", "")
    try:
        return answer(event["requestContext"]["http"]["method"], event["rawPath"], verdict)
    except Refused as refused:
        return page(403, "This link does not work", f"<p>{refused}</p>")
    except Exception as error:
        print(f"not queued: {type(error).__name__}")  # its text may hold an address
        return page(503, "Temporarily unavailable", "<p>Try again in a minute.</p>")
