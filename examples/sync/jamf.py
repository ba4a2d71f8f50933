#!/usr/bin/env python3
"""Stores the computers of a Jamf Pro inventory in Fleet Devices.

FILE has the form {"computers": [...]}. Each computer is that of a response of the Classic API to
GET /JSSResource/computers/id/{id}. To join the responses: jq -s '{computers: map(.computer)}'
"""

# https://developer.jamf.com/jamf-pro/reference/createcomputerbyid
# https://developer.jamf.com/jamf-pro/docs/deprecation-of-classic-api-computer-inventory-endpoints

import fleet


def read_rows(exports):
    computers = [computer for export in exports for computer in export["computers"]]
    # A computer that was enrolled again has several records.
    computers.sort(key=lambda c: c["general"].get("report_date_epoch") or 0, reverse=True)
    return [row(computer) for computer in computers]


def row(computer):
    """Returns the row of a computer, without values that change every day, such as the report."""
    general, hardware = computer["general"], computer.get("hardware") or {}
    location, purchasing = computer.get("location") or {}, computer.get("purchasing") or {}
    system = [hardware.get("os_name"), hardware.get("os_version")]
    memory = hardware.get("total_ram_mb")
    storage = (hardware.get("storage") or [{}])[0].get("drive_capacity_mb")
    return {
        "row_ref": str(general["id"]),
        "serial_number": general.get("serial_number"),
        "name": general.get("name"),
        "type": "laptop" if "Book" in (hardware.get("model") or "") else "desktop",
        "category": "computers",
        "brand": hardware.get("make"),
        "model": hardware.get("model"),
        "asset_tag": general.get("asset_tag") or general.get("barcode_1"),
        "os_platform": " ".join(filter(None, system)),
        "processor": hardware.get("processor_type"),
        "ram": f"{round(memory / 1024)} GB" if memory else None,
        "storage": f"{round(storage / 1000)} GB" if storage else None,
        "user_email": location.get("email_address"),
        "is_rented": purchasing.get("is_leased"),
        "client_purchase_price": purchasing.get("purchase_price"),
        "client_purchase_date": purchasing.get("po_date"),
        "client_warranty_endDate": purchasing.get("warranty_expires"),
        "client_rental_endDate": purchasing.get("lease_expires"),
    }


if __name__ == "__main__":
    fleet.main(__doc__, read_rows)
