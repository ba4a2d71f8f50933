"""Exercises the server with the generated client, and prints the lines of ../expected.txt."""

import os

from fleet_devices import (
    ApiClient,
    ApiException,
    BatchesApi,
    ClientStatus,
    Configuration,
    DevicesApi,
    EnrollmentStatus,
    EnrolmentsApi,
    ErrorResponse,
    EventsApi,
    KeyboardLayout,
    KeyRotation,
    KeysApi,
    Lifecycle,
    NewDevice,
    NewDevices,
    NewEnrollment,
    NewKey,
    NewUser,
    OnConflict,
    PatchDevice,
    Scope,
    TextOrList,
    UsersApi,
)

SERIAL_NUMBER = os.environ["SERIAL_NUMBER"]

configuration = Configuration(
    host=os.environ["SERVICE_ADDRESS"], access_token=os.environ["SERVICE_KEY"]
)
client = ApiClient(configuration)
devices = DevicesApi(client)
users = UsersApi(client)

user = users.create_user(NewUser(email=os.environ["USER_EMAIL"], first_name="Mary")).data
print(f"create user: {user.email}")

laptop = NewDevice(
    name="LT-0412",
    type="laptop",
    category="computers",
    serial_number=SERIAL_NUMBER,
    user_id=user.id,
    keyboard_layout=KeyboardLayout.FRENCH_AZERTY,
    compliance=TextOrList(["CE", "EPEAT Gold"]),
    tags=TextOrList("loan pool"),
    attributes={"room": "B-204"},
    comment="Bought with a docking station",
)
stored_devices = devices.create_devices(NewDevices(devices=[laptop])).data.devices
assert stored_devices
created = stored_devices[0]
print(f"create device: {created.name} {created.client_status.value}")

orphan = NewDevice(name="LT-0413", type="laptop", category="computers", user_id=4_000_000_000)
try:
    devices.create_devices(NewDevices(devices=[laptop, orphan]))
except ApiException as rejected:
    report = rejected.data
    assert isinstance(report, ErrorResponse) and report.errors, rejected
    print(f"reject batch: {rejected.status} {report.error}")
    for entry in report.errors:
        # The generator renames members that are attributes of pydantic's models.
        field = entry.var_field
        print(f"reject batch: row {entry.index} {field} {entry.code.value} {entry.reason.value}")

rows = NewDevices(
    devices=[
        laptop.model_copy(update={"row_ref": "A-17", "comment": "In the storage room"}),
        laptop.model_copy(
            update={
                "row_ref": "A-18",
                "name": "LT-0414",
                "serial_number": f"{SERIAL_NUMBER}-2",
            }
        ),
        laptop.model_copy(update={"row_ref": "A-19", "serial_number": "none"}),
    ]
)
planned = devices.validate_devices(rows, on_conflict=OnConflict.UPDATE, atomic=False)
for plan in planned.data.plan:
    changes = (plan.changes or {}).items()
    details = [f"{name}: {change.var_from} -> {change.to}" for name, change in changes]
    details += [error.reason.value for error in plan.errors or []]
    print("validate batch:", plan.row_ref, plan.action.value, *details)

synced = devices.create_devices(rows, on_conflict=OnConflict.UPDATE, atomic=False).data
for result in synced.results or []:
    details = [result.device.name] if result.device else []
    details += result.changed_fields or []
    details += [error.reason.value for error in result.errors or []]
    print("sync batch:", result.row_ref, result.result.value, *details)

assert synced.batch and synced.batch.id
batch_id = synced.batch.id
batches = BatchesApi(client)
batch = batches.get_batch(batch_id).data
counts = f"{batch.created} created, {batch.updated} updated, {batch.failed} failed"
print(f"show batch: {batch.on_conflict.value}, {counts}")
undone = batches.undo_batch(batch_id).data
print(f"undo batch: {len(undone.archived)} archived, {undone.not_undone.updated} not undone")

events = EventsApi(client)
page = events.list_events()
followed = page.data
while page.meta.has_more:
    page = events.list_events(after=page.meta.cursor)
    followed += page.data
print("follow events:", *(event.type.value for event in followed if event.batch_id == batch_id))

device_id = created.id
got = devices.get_device_with_http_info(device_id)
device = got.data.data
layout = device.characteristics.keyboard_layout
assert device.user and layout and got.headers, device
compliance = ",".join(device.characteristics.compliance)
tags = ",".join(device.tags)
print(f"get device: {device.user.email} {layout.value} {compliance} {tags} {device.attributes['room']}")
etag = got.headers["etag"]

enrolled = NewEnrollment(
    status=EnrollmentStatus.ENROLLED, last_seen_date="2026-01-30T16:42:07Z"
)
enrolments = EnrolmentsApi(client)
enrolment = enrolments.put_enrollment(SERIAL_NUMBER, enrolled).data
print(f"report enrolment: {enrolment.status.value}")
stored = enrolments.get_enrollment(SERIAL_NUMBER).data
assert stored.last_seen_date, stored
print(f"get enrolment: {stored.serial_number} {stored.last_seen_date.date()}")

patch = PatchDevice(lifecycle=Lifecycle.IN_MAINTENANCE)
device = devices.update_device(device_id, patch, if_match=etag).data
assert device.mdm, device
print(f"patch device: {device.client_status.value} {device.mdm.status.value}")
device = devices.update_device(device_id, PatchDevice(comment=None)).data
print(f"clear comment: {device.comment or 'null'}")
try:
    devices.update_device(device_id, patch, if_match=etag)
except ApiException as stale:
    assert isinstance(stale.data, ErrorResponse), stale
    print(f"reject stale change: {stale.status} {stale.data.error}")

found = devices.list_devices(
    search=f"LT-0412 {SERIAL_NUMBER}", client_status=ClientStatus.IN_MAINTENANCE
)
print(f"list devices: {found.meta.total} {found.data[0].serial_number}")

keys = KeysApi(client)
key = keys.create_key(NewKey(name="nightly import", scope=Scope.READ, expires_in="30d")).data
print(f"create key: {key.name} {key.scope.value}")
key = keys.rotate_key(key.id, key_rotation=KeyRotation(overlap="1h")).data
print(f"rotate key: {key.name} {key.scope.value}")
admin = next(key for key in keys.list_keys().data if key.scope == Scope.ADMIN)
try:
    keys.revoke_key(admin.id)
except ApiException as refused:
    assert isinstance(refused.data, ErrorResponse), refused
    print(f"reject revocation: {refused.status} {refused.data.error}")
revoked = keys.revoke_key(key.id).data
assert revoked.revoked_at, revoked
print(f"revoke key: {revoked.name}")

print(f"delete device: {devices.delete_device(device_id).data.client_status.value}")
print(f"restore device: {devices.restore_device(device_id).data.client_status.value}")
print(f"delete device: {devices.delete_device(device_id).data.client_status.value}")
print(f"delete user: {users.delete_user(user.id).data.email}")
