#!/usr/bin/env python3
"""Stores the devices of an Intune export in Fleet Devices.

FILE is a response of Microsoft Graph to GET /deviceManagement/managedDevices. A response with an
@odata.nextLink is a page: pass all pages.
"""

# https://learn.microsoft.com/en-us/graph/api/resources/intune-devices-manageddevice

import fleet


def read_rows(exports):
    devices = [device for export in exports for device in export["value"]]
    # A device that was enrolled again has several records.
    devices.sort(key=lambda device: device.get("lastSyncDateTime") or "", reverse=True)
    return [row(device) for device in devices]


def row(device):
    """Returns the row of a device, without values that change every day, such as the last sync."""
    device_type, category = "computer", "computers"
    if (device.get("model") or "").startswith("iPad"):
        device_type, category = "tablet", "tablets"
    elif (device.get("operatingSystem") or "").lower().startswith(("ios", "android")):
        device_type, category = "smartphone", "phones"
    system = [device.get("operatingSystem"), device.get("osVersion")]
    memory = device.get("physicalMemoryInBytes")
    storage = device.get("totalStorageSpaceInBytes")
    return {
        "row_ref": device.get("id"),
        "serial_number": device.get("serialNumber"),
        "name": device.get("deviceName"),
        "type": device_type,
        "category": category,
        "brand": device.get("manufacturer"),
        "model": device.get("model"),
        "os_platform": " ".join(filter(None, system)),
        # Graph lists 0 bytes of memory for every device, and shows the size of a single device.
        "ram": f"{round(memory / 2**30)} GB" if memory else None,
        "storage": f"{round(storage / 10**9)} GB" if storage else None,
        "user_email": device.get("emailAddress") or device.get("userPrincipalName"),
    }


if __name__ == "__main__":
    fleet.main(__doc__, read_rows)
