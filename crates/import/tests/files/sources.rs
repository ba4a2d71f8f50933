//! Header lines of real exports.

use rstest::rstest;

use super::{fields, open};

/// Report `DevicesWithInventory` of Intune, with the titles of the admin center.
const INTUNE: &str = "Device ID,Device name,Enrollment date,Last check-in,Microsoft Entra Device ID,\
    OS version,Microsoft Entra registered,EAS activation ID,Serial number,Manufacturer,Model,\
    EAS activated,IMEI,Last EAS sync time,EAS reason,EAS status,\
    Compliance grace period expiration,Security patch level,Wi-Fi MAC,MEID,Subscriber carrier,\
    Total storage,Free storage,Management name,Category,UserId,Primary user UPN,\
    Primary user email address,Primary user display name,WiFiIPv4Address,WiFiSubnetID,Compliance,\
    Managed by,Ownership,Device state,Intune registered,Supervised,Encrypted,OS,SkuFamily,JoinType,\
    Phone number,Jailbroken,ICCID,EthernetMAC,CellularTechnology,ProcessorArchitecture,EID,\
    SystemManagementBIOSVersion,TPMManufacturerId,TPMManufacturerVersion";

/// The same report with the names of the API.
const INTUNE_API: &str = "DeviceId,DeviceName,SerialNumber,Manufacturer,Model,OS,OSVersion,\
    TotalStorage,UserPrincipalName,PrimaryUserEmailAddress,UserId,Compliance";

/// `sample_csvs/assets-sample.csv` of Snipe-IT.
const SNIPE_IT: &str = "Company,Name,Asset Tag,Category,Supplier,Manufacturer,Location,Order Number,\
    Model,Model Notes,Model Number,Asset Notes,Purchase Date,Purchase Cost,Checkout Type,\
    Checked Out To: Username,Checked Out To: First Name,Checked Out To: Last Name,\
    Checked Out To: Email,Checkout Location,Asset EOL Date";

/// Template of the inventory preload of Jamf Pro.
const JAMF: &str = "Serial Number,Device Type,Username,Full Name,Email Address,Phone Number,\
    Position,Department,Building,Room,PO Number,PO Date,Warranty Expiration,AppleCare ID,\
    Lease Expiration,Purchase Price,Life Expectancy,Purchasing Account,Purchasing Contact,\
    Bar Code 1,Bar Code 2,Asset Tag,Vendor";

/// Attributes of `orgDevices` in the API of Apple Business Manager.
const APPLE: &str = "serialNumber,addedToOrgDateTime,updatedDateTime,deviceModel,productFamily,\
    productType,deviceCapacity,partNumber,orderNumber,color,status,orderDateTime,imei,meid,eid,\
    wifiMacAddress,bluetoothMacAddress,purchaseSourceId,purchaseSourceType";

/// Computers of `ManageEngine` Endpoint Central.
const MANAGE_ENGINE: &str = "Computer Name,Domain Name,Service Tag,Manufacturer,Device Model,\
    Computer Type,Operating System,OS Version,Service Pack,Memory,Processor Count,Location,\
    Warranty Expiry Date,Shipping Date,Logged On Users,IP Address,MAC Address";

/// Assets of Lansweeper.
const LANSWEEPER: &str = "AssetName,AssetType,Domain,Username,IPAddress,Manufacturer,Model,\
    Serialnumber,Memory,Processor,OS,Purchased,Warrantyexpiration,OrderNumber,Barcode,Description,\
    Building,Department,Lastseen";

#[rstest]
#[case::intune(
    INTUNE,
    "Device name=name, Serial number=serial_number, Manufacturer=brand, Model=model, \
     Total storage=storage, Category=category, Primary user email address=user_email, \
     OS=os_platform"
)]
#[case::intune_api(
    INTUNE_API,
    "DeviceName=name, SerialNumber=serial_number, Manufacturer=brand, Model=model, \
     OS=os_platform, TotalStorage=storage, PrimaryUserEmailAddress=user_email"
)]
#[case::snipe_it(
    SNIPE_IT,
    "Name=name, Asset Tag=asset_tag, Category=category, Manufacturer=brand, \
     Order Number=client_contract_number, Model=model, Purchase Date=client_purchase_date, \
     Purchase Cost=client_purchase_price, Checked Out To: Email=user_email"
)]
#[case::jamf(
    JAMF,
    "Serial Number=serial_number, Device Type=type, Email Address=user_email, \
     PO Number=client_contract_number, PO Date=client_purchase_date, \
     Warranty Expiration=client_warranty_endDate, Lease Expiration=client_rental_endDate, \
     Purchase Price=client_purchase_price, Asset Tag=asset_tag, Vendor=brand"
)]
#[case::apple(
    APPLE,
    "serialNumber=serial_number, deviceModel=model, productFamily=type, deviceCapacity=storage, \
     orderNumber=client_contract_number, color=color, orderDateTime=client_purchase_date"
)]
#[case::manage_engine(
    MANAGE_ENGINE,
    "Computer Name=name, Service Tag=serial_number, Manufacturer=brand, Device Model=model, \
     Computer Type=type, Operating System=os_platform, Memory=ram, \
     Warranty Expiry Date=client_warranty_endDate"
)]
#[case::lansweeper(
    LANSWEEPER,
    "AssetName=name, AssetType=type, Manufacturer=brand, Model=model, Serialnumber=serial_number, \
     Memory=ram, Processor=processor, OS=os_platform, Purchased=client_purchase_date, \
     Warrantyexpiration=client_warranty_endDate, OrderNumber=client_contract_number, \
     Description=comment"
)]
fn columns_of_real_export_are_known(#[case] header: &str, #[case] expected: &str) {
    let file = open(format!("Inventory of 2024\n\n{header}\nx\n"), "{}");
    assert_eq!(file.description().header_row, 3);
    let found = file.columns().iter().zip(fields(&file));
    let found = found.filter(|(_, field)| *field != "-");
    let found: Vec<_> = found
        .map(|(column, field)| format!("{}={field}", column.header))
        .collect();
    assert_eq!(found.join(", "), expected);
}
