//! The field table of a device: the only list of its fields in the domain.

use super::enums::{AddedVia, KeyboardLayout, Lifecycle};
use crate::field::{
    Amount, AssetTag, Attributes, Comment, Date, Email, Field, RawRow, RequiredText, SerialNumber,
    ShortText, TextList, fields,
};
use crate::ids::UserId;

fields! {
    /// All fields of a device, in the order of the groups.
    static DEVICE: FieldTable of "a device";

    /// Identity of a device.
    struct Identity, patch IdentityPatch {
        /// Name of the device.
        "name" => name: RequiredText,
        /// Type of the device, such as laptop, phone or chair. Any text.
        "type" => type_: RequiredText [immutable],
        /// Category of the device, such as computers or furniture. Any text.
        "category" => category: RequiredText [immutable],
        /// Manufacturer.
        "brand" => brand: Option<ShortText>,
        /// Serial number, unique among the active devices of the workspace. Compared without regard
        /// to case.
        "serial_number" => serial_number: Option<SerialNumber>,
        /// Comment. May contain line breaks and tabs.
        "comment" => comment: Option<Comment>,
    }

    /// The owner's own inventory data.
    struct Inventory, patch InventoryPatch {
        /// The owner's own inventory number, unique among the active devices of the workspace.
        /// Compared without regard to case.
        "asset_tag" => asset_tag: Option<AssetTag>,
        /// Model.
        "model" => model: Option<ShortText>,
        /// Labels, such as a project or a condition. Free texts.
        "tags" => tags: TextList,
        /// Values under keys that the owner chooses, such as a room or a cost centre.
        "attributes" => attributes: Attributes,
    }

    /// Assignee of a device, and how and on what terms it was acquired.
    struct Ownership, patch OwnershipPatch {
        /// Assignee, by the id of a user of the workspace.
        "user_id" => user_id: Option<UserId>,
        /// Channel through which the device was added.
        "added_via" => added_via: Option<AddedVia> [immutable],
        /// `true` if the device is rented from a third party.
        "is_rented" => is_rented: bool,
        /// Purchase price, without a currency.
        "client_purchase_price" => client_purchase_price: Option<Amount>,
        /// Rental price, without a currency.
        "client_rental_price" => client_rental_price: Option<Amount>,
        /// Date of purchase.
        "client_purchase_date" => client_purchase_date: Option<Date>,
        /// End of the warranty.
        "client_warranty_endDate" => client_warranty_end_date: Option<Date>,
        /// Start of the rental.
        "client_rental_startDate" => client_rental_start_date: Option<Date>,
        /// End of the rental, not before `client_rental_startDate`.
        "client_rental_endDate" => client_rental_end_date: Option<Date>,
        /// Contract number.
        "client_contract_number" => client_contract_number: Option<ShortText>,
        /// Invoice number.
        "client_invoice_number" => client_invoice_number: Option<ShortText>,
        /// State that overrides the computed status.
        "lifecycle" => lifecycle: Option<Lifecycle>,
    }

    /// Technical characteristics. Serializes to `characteristics` in the API.
    struct Characteristics, patch CharacteristicsPatch {
        /// Size of the screen, such as `14 inches`.
        "screen_size" => screen_size: Option<ShortText>,
        /// Graphics card.
        "graphic" => graphic: Option<ShortText>,
        /// Processor.
        "processor" => processor: Option<ShortText>,
        /// Memory, such as `16 GB`.
        "ram" => ram: Option<ShortText>,
        /// Storage, such as `512 GB SSD`.
        "storage" => storage: Option<ShortText>,
        /// Year of the model.
        "model_year" => model_year: Option<ShortText>,
        /// Network connectivity, such as `Wi-Fi 6E`.
        "connectivity" => connectivity: Option<ShortText>,
        /// Keyboard layout.
        "keyboard_layout" => keyboard_layout: Option<KeyboardLayout>,
        /// Resolution of the screen, such as `1920x1080`.
        "resolution" => resolution: Option<ShortText>,
        /// `true` if the device has a microphone.
        "has_microphone" => has_microphone: Option<bool>,
        /// `true` if the device has a webcam.
        "has_webcam" => has_webcam: Option<bool>,
        /// `true` if the device has noise cancellation.
        "noise_cancellation" => noise_cancellation: Option<bool>,
        /// Standards and labels that the device complies with.
        "compliance" => compliance: TextList,
        /// Connectors and wireless standards.
        "connection_type" => connection_type: TextList,
        /// `true` if the device includes a stool.
        "has_stool" => has_stool: Option<bool>,
        /// `true` if the device includes a video package.
        "has_video_package" => has_video_package: Option<bool>,
        /// `true` if the device includes a screen.
        "has_screen" => has_screen: Option<bool>,
        /// `true` if the device includes a premium tablet.
        "has_premium_tablet" => has_premium_tablet: Option<bool>,
        /// Colour.
        "color" => color: Option<ShortText>,
        /// Number of seats.
        "seats_number" => seats_number: Option<ShortText>,
        /// Assembly.
        "assembly" => assembly: Option<ShortText>,
        /// Operating system.
        "os_platform" => os_platform: Option<ShortText>,
    }

    /// Assignee by email address. Not stored: it is resolved to a `user_id`.
    struct Assignment {
        /// Assignee, by the email address of a user of the workspace, compared without regard to
        /// case. If `user_id` is also given, both must identify the same user.
        "user_email" => user_email: Option<Email>,
    }
}

impl RawRow<'_> {
    /// Creates a row of a device in which every field is absent.
    #[must_use]
    pub fn for_device() -> Self {
        Self::for_table(&DEVICE)
    }
}

/// Returns all fields of a device, in the order of the groups.
#[must_use]
pub fn fields() -> &'static [Field] {
    DEVICE.fields
}

/// Returns the field with this name, spelled as in [`Field::name`].
#[must_use]
pub fn field(name: &str) -> Option<&'static Field> {
    DEVICE.index_of(name).map(|index| &DEVICE.fields[index])
}

/// Returns the API name of a field of a device.
pub(super) fn name_of(index: FieldIndex) -> &'static str {
    DEVICE.fields[index as usize].name()
}

/// Stored fields of a device that the client sets.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFields {
    /// Identity.
    pub identity: Identity,
    /// The owner's own inventory data.
    pub inventory: Inventory,
    /// Assignee and acquisition.
    pub ownership: Ownership,
    /// Technical characteristics.
    pub characteristics: Characteristics,
}

impl DeviceFields {
    /// Returns the row from which a device with exactly these fields is created.
    #[must_use]
    pub fn to_row(&self) -> RawRow<'_> {
        let mut row = RawRow::for_device();
        self.identity.write(&mut row);
        self.inventory.write(&mut row);
        self.ownership.write(&mut row);
        self.characteristics.write(&mut row);
        row
    }

    /// Returns the names of the fields that differ from `other`, in the order of the field table.
    #[must_use]
    pub fn changed_field_names(&self, other: &Self) -> Vec<&'static str> {
        let mut names = self.identity.changed_field_names(&other.identity);
        names.extend(self.inventory.changed_field_names(&other.inventory));
        names.extend(self.ownership.changed_field_names(&other.ownership));
        let characteristics = &self.characteristics;
        names.extend(characteristics.changed_field_names(&other.characteristics));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name() {
        for expected in fields() {
            assert_eq!(field(expected.name()), Some(expected));
        }
        assert_eq!(field("type_"), None);
    }
}
