"""Tests the server with the client that scripts/client generated as package `fleet_devices`."""

import os

from fleet_devices import AuthenticatedClient
from fleet_devices.api.devices import (
    create_devices,
    delete_device,
    get_device,
    list_devices,
    update_device,
)
from fleet_devices.api.enrolments import put_enrollment
from fleet_devices.api.users import create_user
from fleet_devices.models import (
    ClientStatus,
    EnrollmentStatus,
    ErrorResponse,
    Lifecycle,
    NewDevice,
    NewDevices,
    NewEnrollment,
    NewUser,
    PatchDevice,
)

client = AuthenticatedClient(
    base_url=os.environ["SERVICE_ADDRESS"], token=os.environ["SERVICE_KEY"]
)

new_user = NewUser(email="mary@example.com", first_name="Mary")
user = create_user.sync(client=client, body=new_user).data

new_device = NewDevice(
    name="LT-0412",
    type_="laptop",
    category="computers",
    serial_number="8ZKQ2G3",
    user_email=user.email,
)
batch = NewDevices(devices=[new_device])
created = create_devices.sync(client=client, body=batch).data.devices[0]
assert created.client_status == ClientStatus.IN_SERVICE, created
device_id = created.id

conflict = create_devices.sync(client=client, body=batch)
assert isinstance(conflict, ErrorResponse), conflict
assert conflict.errors[0].existing_device_id == created.id, conflict

response = get_device.sync_detailed(device_id, client=client)
assert response.parsed.data.user.email == "mary@example.com", response
etag = response.headers["ETag"]

enrollment = NewEnrollment(status=EnrollmentStatus.ENROLLED)
put_enrollment.sync("8ZKQ2G3", client=client, body=enrollment)

patch = PatchDevice(lifecycle=Lifecycle.IN_MAINTENANCE, comment="Screen cracked")
updated = update_device.sync(device_id, client=client, body=patch, if_match=etag).data
assert updated.client_status == ClientStatus.IN_MAINTENANCE, updated
assert updated.mdm.status == EnrollmentStatus.ENROLLED, updated
stale = update_device.sync_detailed(device_id, client=client, body=patch, if_match=etag)
assert stale.status_code == 412, stale

found = list_devices.sync(
    client=client, search="cracked mary", client_status=ClientStatus.IN_MAINTENANCE
)
assert found.meta.total == 1 and found.data[0].id == created.id, found

deleted = delete_device.sync(device_id, client=client).data
assert deleted.client_status == ClientStatus.ARCHIVED, deleted
assert list_devices.sync(client=client).meta.total == 0
print("created, read, changed, found and deleted a device with the generated client")
