"""Adjusts the generated valid requests of scripts/contract to rules that the schema cannot express.

Serial numbers, asset tags and email addresses must be new, users must exist, periods must not end
before they start, cursors and ETags must come from this server, a byte order mark needs CSV, and an
idempotency key must not be sent again with a different batch. Rows that are matched need the match
field, some options need others, and those of an import must fit its file.
"""

import itertools
import json
import uuid

import schemathesis


used_keys = set()

# Few generated batches have options. The others get these in turn.
options = itertools.cycle(
    [
        {},
        {"on_conflict": "update"},
        {"atomic": "false"},
        {"on_conflict": "update", "nulls": "clear", "atomic": "false"},
        {"on_conflict": "skip", "match": "asset_tag"},
        {"on_conflict": "update", "match": "asset_tag"},
    ]
)


# Options of generated imports, in turn.
import_options = itertools.cycle(
    [
        {"defaults": {"category": "computers"}},
        {"defaults": {"category": "computers"}, "on_conflict": "update", "nulls": "clear"},
        {"defaults": {"category": "computers"}, "atomic": False, "unknown_users": "create"},
        {"columns": {"Type": "category"}, "defaults": {"type": "laptop"}, "delimiter": ";"},
    ]
)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Schemathesis fills X-Request-Id from ids in earlier responses, which are numbers.
    headers = case.headers or {}
    if not isinstance(headers.get("X-Request-Id", ""), str):
        headers["X-Request-Id"] = str(headers["X-Request-Id"])
    # Schemathesis follows the link of an enrolment to its device even if the device is null.
    for name, value in (case.path_parameters or {}).items():
        if value in (None, "None"):
            case.path_parameters[name] = "1"
    if case.operation.path.startswith("/keys/{key_id}") and case.path_parameters:
        # The keys of the demo workspace: requests are sent with one of them.
        if str(case.path_parameters.get("key_id")) in ("1", "2", "3"):
            case.path_parameters["key_id"] = 4
    query = case.query or {}
    key = headers.get("Idempotency-Key")
    if case.meta is None or not case.meta.generation.mode.is_positive:
        # The response to an invalid row would be a 207, or a plan.
        if query.get("atomic") in (False, "false"):
            del query["atomic"]
        used_keys.add(unquoted(key))
        return
    headers.pop("If-Match", None)
    query.pop("cursor", None)
    query.pop("after", None)
    # A byte order mark exists in CSV only.
    if query.get("format") != "csv":
        query.pop("bom", None)
    if isinstance(case.body, dict):
        if "devices" in case.body and not query:
            query = case.query = dict(next(options))
        adjust_body(case.operation.path, query, case.body)
    if key is not None:
        if unquoted(key) in used_keys:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        used_keys.add(unquoted(key))


def unquoted(key):
    """Returns the content of a quoted string. A bare key with this content is the same key."""
    if isinstance(key, str) and len(key) > 2 and key[0] == key[-1] == '"':
        return key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return key


def adjust_body(path, query, body):
    if path in ("/devices", "/devices/validate"):
        adjust_batch(query, body.get("devices", []))
    elif path.startswith("/devices/import"):
        # Options must fit the file, and schemas cannot relate the two.
        body["file"] = f"Service Tag;Name;Type\n{uuid.uuid4().hex};LT-0417;laptop\n"
        body["options"] = json.dumps(next(import_options))
    elif path == "/devices/{device_id}":
        adjust_device(body)
        # A patch must not be empty, and adjust_device may have removed all its fields.
        body.setdefault("color", "black")
    elif path.startswith("/users"):
        if "email" in body:
            body["email"] = f"{uuid.uuid4().hex}@example.com"
        body.pop("departure_date", None)
        if path != "/users":
            body.setdefault("position", "Engineer")


def adjust_batch(query, devices):
    for device in devices:
        adjust_device(device)
    if query.get("on_conflict") not in ("skip", "update"):
        query.pop("nulls", None)
        query.pop("match", None)
        return
    # The first batch creates these devices, and the others match them.
    for row, device in enumerate(devices):
        device[query.get("match", "serial_number")] = f"SYNC-{row}"
        device["type"] = "laptop"
        device["category"] = "computers"


def adjust_device(device):
    for field in ("serial_number", "asset_tag"):
        if isinstance(device.get(field), str) and device[field].strip():
            device[field] = uuid.uuid4().hex
    if device.get("user_id"):
        device["user_id"] = 1
    device.pop("user_email", None)
    device.pop("client_rental_endDate", None)
