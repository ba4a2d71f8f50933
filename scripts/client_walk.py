"""Takes a device through its life with the client that scripts/client has generated into `fleet_devices`."""

import os

from fleet_devices import AuthenticatedClient
from fleet_devices.api.devices import create_devices, delete_device, get_device, list_devices, update_device
from fleet_devices.api.enrolments import put_enrollment
from fleet_devices.api.users import create_user
from fleet_devices.models import (
    ClientStatus, EnrollmentStatus, Lifecycle, NewDevice, NewDevices, NewEnrollment, NewUser, PatchDevice, Refusal,
)

client = AuthenticatedClient(base_url=os.environ["SERVICE_ADDRESS"], token=os.environ["SERVICE_KEY"])

user = create_user.sync(client=client, body=NewUser(email="mary@example.com", first_name="Mary")).data
new = NewDevice(name="LT-0412", type_="laptop", category="computers", serial_number="8ZKQ2G3", user_email=user.email)
created = create_devices.sync(client=client, body=NewDevices(devices=[new])).data.devices[0]
assert created.client_status == ClientStatus.IN_SERVICE, created

again = create_devices.sync(client=client, body=NewDevices(devices=[new]))
assert isinstance(again, Refusal) and again.errors[0].existing_device_id == created.id, again

answer = get_device.sync_detailed(str(created.id), client=client)
assert answer.parsed.data.user.email == "mary@example.com", answer
put_enrollment.sync("8ZKQ2G3", client=client, body=NewEnrollment(status=EnrollmentStatus.ENROLLED))

patch = PatchDevice(lifecycle=Lifecycle.IN_MAINTENANCE, comment="Screen cracked")
patched = update_device.sync(str(created.id), client=client, body=patch, if_match=answer.headers["ETag"]).data
assert patched.client_status == ClientStatus.IN_MAINTENANCE and patched.mdm.status == EnrollmentStatus.ENROLLED, patched
stale = update_device.sync_detailed(str(created.id), client=client, body=patch, if_match=answer.headers["ETag"])
assert stale.status_code == 412, stale

found = list_devices.sync(client=client, search="cracked mary", client_status=ClientStatus.IN_MAINTENANCE)
assert found.meta.total == 1 and found.data[0].id == created.id, found

deleted = delete_device.sync(str(created.id), client=client).data
assert deleted.client_status == ClientStatus.ARCHIVED, deleted
assert list_devices.sync(client=client).meta.total == 0
print("created, read, changed, found and deleted a device with the generated client")
