"""Exercises the server with the generated client, and prints the lines of ../expected.txt."""

import os
from typing import TypeVar

from attrs import evolve

from fleet_devices import AuthenticatedClient
from fleet_devices.api.batches import get_batch, undo_batch
from fleet_devices.api.devices import (
    create_devices,
    delete_device,
    get_device,
    list_devices,
    restore_device,
    update_device,
    validate_devices,
)
from fleet_devices.api.enrolments import get_enrollment, put_enrollment
from fleet_devices.api.events import list_events
from fleet_devices.api.keys import create_key, list_keys, revoke_key, rotate_key
from fleet_devices.api.users import create_user, delete_user
from fleet_devices.models import (
    BatchResponse,
    ClientStatus,
    DeviceList,
    EnrollmentStatus,
    ErrorResponse,
    EventPage,
    KeyboardLayout,
    KeyList,
    KeyRotation,
    Lifecycle,
    NewDevice,
    NewDeviceAttributesType0,
    NewDevices,
    NewEnrollment,
    NewKey,
    NewUser,
    OnConflict,
    PatchDevice,
    Scope,
    SingleBatch,
    SingleBatchPlan,
    SingleBatchUndo,
    SingleCreatedKey,
    SingleDevice,
    SingleEnrollment,
    SingleKey,
    SingleUser,
)

SERIAL_NUMBER = os.environ["SERIAL_NUMBER"]
Body = TypeVar("Body")

client = AuthenticatedClient(
    base_url=os.environ["SERVICE_ADDRESS"], token=os.environ["SERVICE_KEY"]
)


def expect(kind: type[Body], body: object) -> Body:
    """Returns the body of a response, which must be of this type."""
    assert isinstance(body, kind), body
    return body


new_user = NewUser(email=os.environ["USER_EMAIL"], first_name="Mary")
user = expect(SingleUser, create_user.sync(client=client, body=new_user)).data
print(f"create user: {user.email}")

laptop = NewDevice(
    name="LT-0412",
    type_="laptop",
    category="computers",
    serial_number=SERIAL_NUMBER,
    user_id=user.id,
    keyboard_layout=KeyboardLayout.FRENCH_AZERTY,
    compliance=["CE", "EPEAT Gold"],
    tags="loan pool",
    attributes=NewDeviceAttributesType0.from_dict({"room": "B-204"}),
    comment="Bought with a docking station",
)
batch = NewDevices(devices=[laptop])
stored_devices = expect(BatchResponse, create_devices.sync(client=client, body=batch)).data.devices
assert stored_devices
created = stored_devices[0]
print(f"create device: {created.name} {created.client_status.value}")

orphan = NewDevice(name="LT-0413", type_="laptop", category="computers", user_id=4_000_000_000)
batch = NewDevices(devices=[laptop, orphan])
rejected = create_devices.sync_detailed(client=client, body=batch)
report = expect(ErrorResponse, rejected.parsed)
assert report.errors, report
print(f"reject batch: {rejected.status_code.value} {report.error}")
for entry in report.errors:
    print(f"reject batch: row {entry.index} {entry.field} {entry.code.value} {entry.reason.value}")

batch = NewDevices(
    devices=[
        evolve(laptop, row_ref="A-17", comment="In the storage room"),
        evolve(laptop, row_ref="A-18", name="LT-0414", serial_number=f"{SERIAL_NUMBER}-2"),
        evolve(laptop, row_ref="A-19", serial_number="none"),
    ]
)
planned = validate_devices.sync(
    client=client, body=batch, on_conflict=OnConflict.UPDATE, atomic=False
)
for plan in expect(SingleBatchPlan, planned).data.plan:
    changes = plan.changes.additional_properties.items() if plan.changes else []
    details = [f"{name}: {change.from_} -> {change.to}" for name, change in changes]
    details += [error.reason.value for error in plan.errors or []]
    print("validate batch:", plan.row_ref, plan.action.value, *details)

synced = create_devices.sync(
    client=client, body=batch, on_conflict=OnConflict.UPDATE, atomic=False
)
outcome = expect(BatchResponse, synced).data
for result in outcome.results or []:
    details = [result.device.name] if result.device else []
    details += result.changed_fields or []
    details += [error.reason.value for error in result.errors or []]
    print("sync batch:", result.row_ref, result.result.value, *details)

assert outcome.batch and outcome.batch.id
batch_id = outcome.batch.id
shown = expect(SingleBatch, get_batch.sync(batch_id, client=client)).data
counts = f"{shown.created} created, {shown.updated} updated, {shown.failed} failed"
print(f"show batch: {shown.on_conflict.value}, {counts}")
undone = expect(SingleBatchUndo, undo_batch.sync(batch_id, client=client)).data
print(f"undo batch: {len(undone.archived)} archived, {undone.not_undone.updated} not undone")

page = expect(EventPage, list_events.sync(client=client))
events = page.data
while page.meta.has_more:
    page = expect(EventPage, list_events.sync(client=client, after=page.meta.cursor))
    events += page.data
print("follow events:", *(event.type_.value for event in events if event.batch_id == batch_id))

device_id = created.id
got = get_device.sync_detailed(device_id, client=client)
device = expect(SingleDevice, got.parsed).data
layout = device.characteristics.keyboard_layout
assert device.user and layout, device
compliance = ",".join(device.characteristics.compliance)
tags = ",".join(device.tags)
print(f"get device: {device.user.email} {layout.value} {compliance} {tags} {device.attributes['room']}")
etag = got.headers["ETag"]

enrolled = NewEnrollment(
    status=EnrollmentStatus.ENROLLED, last_seen_date="2026-01-30T16:42:07Z"
)
enrolment = put_enrollment.sync(SERIAL_NUMBER, client=client, body=enrolled)
print(f"report enrolment: {expect(SingleEnrollment, enrolment).data.status.value}")
stored = expect(SingleEnrollment, get_enrollment.sync(SERIAL_NUMBER, client=client)).data
assert stored.last_seen_date, stored
print(f"get enrolment: {stored.serial_number} {stored.last_seen_date.date()}")

patch = PatchDevice(lifecycle=Lifecycle.IN_MAINTENANCE)
response = update_device.sync(device_id, client=client, body=patch, if_match=etag)
device = expect(SingleDevice, response).data
assert device.mdm, device
print(f"patch device: {device.client_status.value} {device.mdm.status.value}")
response = update_device.sync(device_id, client=client, body=PatchDevice(comment=None))
device = expect(SingleDevice, response).data
print(f"clear comment: {device.comment or 'null'}")
stale = update_device.sync_detailed(device_id, client=client, body=patch, if_match=etag)
error = expect(ErrorResponse, stale.parsed).error
print(f"reject stale change: {stale.status_code.value} {error}")

found = expect(
    DeviceList,
    list_devices.sync(
        client=client,
        search=f"LT-0412 {SERIAL_NUMBER}",
        client_status=ClientStatus.IN_MAINTENANCE,
    ),
)
print(f"list devices: {found.meta.total} {found.data[0].serial_number}")

new_key = NewKey(name="nightly import", scope=Scope.READ, expires_in="30d")
key = expect(SingleCreatedKey, create_key.sync(client=client, body=new_key)).data
print(f"create key: {key.name} {key.scope.value}")
rotated = rotate_key.sync(key.id, client=client, body=KeyRotation(overlap="1h"))
key = expect(SingleCreatedKey, rotated).data
print(f"rotate key: {key.name} {key.scope.value}")
keys = expect(KeyList, list_keys.sync(client=client)).data
admin = next(key for key in keys if key.scope == Scope.ADMIN)
refused = revoke_key.sync_detailed(admin.id, client=client)
error = expect(ErrorResponse, refused.parsed).error
print(f"reject revocation: {refused.status_code.value} {error}")
revoked = expect(SingleKey, revoke_key.sync(key.id, client=client)).data
assert revoked.revoked_at, revoked
print(f"revoke key: {revoked.name}")

response = delete_device.sync(device_id, client=client)
print(f"delete device: {expect(SingleDevice, response).data.client_status.value}")
response = restore_device.sync(device_id, client=client)
print(f"restore device: {expect(SingleDevice, response).data.client_status.value}")
response = delete_device.sync(device_id, client=client)
print(f"delete device: {expect(SingleDevice, response).data.client_status.value}")
former = delete_user.sync(user.id, client=client)
print(f"delete user: {expect(SingleUser, former).data.email}")
