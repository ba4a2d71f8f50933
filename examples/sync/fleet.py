"""Stores the rows of an export in Fleet Devices. Shared by the programs beside this file.

A row updates the device with its serial number, or creates it, so that every run can be repeated.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import sys
import time
import urllib.parse
import uuid

ROUTE = "/devices?on_conflict=update&atomic=false"
ROWS_PER_BATCH = 1000
ATTEMPTS = 6
# After these, the batch may be stored already: it is sent again with the same idempotency key.
RETRIED_STATUSES = {408, 409, 429, 500, 502, 503, 504}
HELP = """\
environment variables:
  FLEET_URL  base URL of Fleet Devices, such as https://fleet.example.com
  FLEET_KEY  an API key with the scope WRITE

Prints each row that failed with its id in the export and the reason, then a summary. A row whose
serial number is valid is stored without the fields that are rejected, such as the address of an
unknown user, and prints them. The exit status is 1 if a row failed or the server cannot be reached.
"""


def main(description, read_rows):
    """Runs a program. `read_rows` returns the rows of a list of exports, the newest first."""
    parser = argparse.ArgumentParser(
        description=description, epilog=HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="an export, or a page of it")
    files = parser.parse_args().files
    if not os.environ.get("FLEET_URL", "").startswith(("http://", "https://")):
        parser.error("set FLEET_URL to the URL of Fleet Devices, such as https://fleet.example.com")
    if not os.environ.get("FLEET_KEY", "").strip():
        parser.error("set FLEET_KEY to an API key with the scope WRITE")
    try:
        # `loads` detects UTF-8 and UTF-16, with and without a byte order mark, as of PowerShell.
        rows = read_rows([json.loads(pathlib.Path(file).read_bytes()) for file in files])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        parser.error(f"not an export: {error!r}")
    sys.exit(1 if sync(rows) else 0)


def sync(rows):
    """Stores rows. Prints those that failed, and a summary. Returns the number of failed rows."""
    run = uuid.uuid4()
    counts = collections.Counter(created=0, updated=0, unchanged=0, failed=0)
    rows, older = split_repeated(rows)
    for row in older:
        report(row, "failed", "duplicate", "a newer record has the same serial number")
    counts["failed"] += len(older)
    starts = range(0, len(rows), ROWS_PER_BATCH)
    pending = collections.deque(rows[start : start + ROWS_PER_BATCH] for start in starts)
    stored, number = [], 0
    while pending:
        batch, number = pending.popleft(), number + 1
        # A key of the content alone would replay the response to yesterday's equal batch, and
        # store nothing after an undo.
        data = post(batch, f"sync-{run}-{number}")
        if data["batch"]["id"]:
            stored.append(str(data["batch"]["id"]))
        again = []
        for result in data["results"]:
            row, errors = batch[result["index"]], result.get("errors", [])
            rest = without_rejected_fields(row, errors)
            if rest:
                again.append(rest)
            else:
                counts[result["result"]] += 1
            for error in errors:
                # The type and the category of a known device never change. This is no error here.
                if error["reason"] != "immutable_field":
                    outcome = f"without {error['field']}" if rest else "failed"
                    report(row, outcome, error["reason"], error["message"])
        if again:
            pending.append(again)
    summary = ", ".join(f"{name} {count}" for name, count in counts.items())
    print(f"{summary}; batches: {' '.join(stored) or 'none'}")
    return counts["failed"]


def split_repeated(rows):
    """Splits rows into the first of each serial number and the others. Two batches would otherwise
    update one device twice."""
    serials, first, others = set(), [], []
    for row in rows:
        serial = str(row["serial_number"] or "").strip().upper()
        (others if serial and serial in serials else first).append(row)
        serials.add(serial)
    return first, others


def without_rejected_fields(row, errors):
    """Returns a failed row without the fields that were rejected, or None if it needs them."""
    rejected = {error["field"] for error in errors}
    if rejected and rejected <= row.keys() - {"serial_number"}:
        return {name: value for name, value in row.items() if name not in rejected}
    return None


def report(row, outcome, reason, message):
    print(f"{row.get('row_ref')}: {outcome} ({reason}): {message}", file=sys.stderr)


def post(rows, idempotency_key):
    """Sends a batch until the server responds to it, and returns the response. The key makes the
    server store the batch once, even if the first response was lost."""
    url = urllib.parse.urlsplit(os.environ["FLEET_URL"])
    # Unlike urllib, http.client follows no redirect, which would send the key to another host.
    is_https = url.scheme == "https"
    connection_type = http.client.HTTPSConnection if is_https else http.client.HTTPConnection
    headers = {
        "Authorization": f"Bearer {os.environ['FLEET_KEY'].strip()}",
        "Content-Type": "application/json",
        "Idempotency-Key": idempotency_key,
        "Prefer": "return=minimal",
    }
    body = json.dumps({"devices": rows})
    for attempt in range(ATTEMPTS):
        connection = connection_type(url.netloc, timeout=120)
        wait_seconds = 2**attempt
        try:
            connection.request("POST", url.path.rstrip("/") + ROUTE, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
            if response.status == 207:
                return json.loads(text)["data"]
            problem = f"{response.status} {text}"
            if response.status not in RETRIED_STATUSES:
                break
            retry_after = response.headers.get("Retry-After", "")
            wait_seconds = int(retry_after) if retry_after.isdigit() else wait_seconds
        except (OSError, http.client.HTTPException) as error:
            problem = repr(error)
        finally:
            connection.close()
        if attempt + 1 < ATTEMPTS:
            time.sleep(wait_seconds)
    sys.exit(f"{url.netloc} did not store the batch {idempotency_key}: {problem}")
