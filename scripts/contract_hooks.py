"""What a schema cannot say of a batch, for the requests that are generated to pass: the serial numbers are
new, the users exist, no rental ends before it starts, and no other batch was sent under its idempotency key."""

import uuid

import schemathesis


used_keys = set()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive or not isinstance(case.body, dict):
        return
    for device in case.body.get("devices", []):
        if isinstance(device.get("serial_number"), str) and device["serial_number"].strip():
            device["serial_number"] = uuid.uuid4().hex
        if device.get("user_id"):
            device["user_id"] = 1
        device.pop("client_rental_endDate", None)
    key = (case.headers or {}).get("Idempotency-Key")
    if key is not None:
        if key in used_keys:
            case.headers["Idempotency-Key"] = uuid.uuid4().hex
        used_keys.add(key)
