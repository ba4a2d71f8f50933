//! Suggestions for unknown names: the name that was probably meant.

/// Names that other inventories and identity providers use for a field, as [`squash`] returns them.
const SYNONYMS: &[(&str, &str)] = &[
    ("clientstatus", "lifecycle"),
    ("computername", "name"),
    ("cpu", "processor"),
    ("devicemodel", "model"),
    ("devicename", "name"),
    ("devicetype", "type"),
    ("email", "user_email"),
    ("emailaddress", "email"),
    ("emailaddress", "user_email"),
    ("hostname", "name"),
    ("keyboard", "keyboard_layout"),
    ("mail", "email"),
    ("mail", "user_email"),
    ("make", "brand"),
    ("manufacturer", "brand"),
    ("memory", "ram"),
    ("modelname", "model"),
    ("note", "comment"),
    ("notes", "comment"),
    ("operatingsystem", "os_platform"),
    ("purchasecost", "client_purchase_price"),
    ("remark", "comment"),
    ("remarks", "comment"),
    ("serial", "serial_number"),
    ("serialno", "serial_number"),
    ("servicetag", "serial_number"),
    ("upn", "email"),
    ("upn", "user_email"),
    ("useremail", "email"),
    ("username", "email"),
    ("username", "user_email"),
    ("userprincipalname", "email"),
    ("userprincipalname", "user_email"),
    ("warrantyexpiration", "client_warranty_endDate"),
    ("warrantyexpires", "client_warranty_endDate"),
];

/// Words of inventories that are one or two letters away from a word of a field, but mean something
/// else.
const OTHER_WORDS: &[&str] = &["band", "mode", "modem", "process", "solution", "tabs"];

/// Maximum length of a name for which a similar one is searched, in bytes: bounds the time of the
/// comparison.
const MAX_COMPARED_BYTES: usize = 40;

/// Returns the field that was probably meant by an unknown name: one of which it is a synonym, or
/// else the [nearest](nearest_name).
pub(super) fn suggest_field(sent: &str, names: &[&'static str]) -> Option<&'static str> {
    synonym(sent, names).or_else(|| nearest_name(sent, names))
}

/// Returns the field that other systems call by this name.
fn synonym(sent: &str, names: &[&'static str]) -> Option<&'static str> {
    if sent.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let sent = squash(sent);
    let fields = SYNONYMS.iter().filter(|(synonym, _)| *synonym == sent);
    let mut fields = fields.map(|(_, field)| field);
    fields.find_map(|field| names.iter().find(|name| *name == field).copied())
}

/// Returns the name that was probably meant: the one that differs only in case, separators or the
/// prefix `client_`, or by a typing error.
///
/// Compares word by word. The words of `contract_name` and `contract_number` differ in three
/// letters of 13, but they are no typing error, and a suggestion must not mislead.
#[must_use]
pub fn nearest_name(sent: &str, names: &[&'static str]) -> Option<&'static str> {
    if sent.len() > MAX_COMPARED_BYTES {
        return None;
    }
    let sent_words = words(sent);
    let typos = |name: &str| {
        let name_words = words(name);
        let short_name = match name_words.split_first() {
            Some((first, rest)) if first == "client" && !rest.is_empty() => rest,
            _ => &name_words,
        };
        [
            count_typos(&sent_words, &name_words),
            count_typos(&sent_words, short_name),
        ]
        .into_iter()
        .flatten()
        .min()
    };
    names
        .iter()
        .filter_map(|name| Some((*name, typos(name)?)))
        .min_by_key(|(_, typos)| *typos)
        .map(|(name, _)| name)
}

/// Returns the number of typing errors between two names, or `None` if they are different names.
fn count_typos(sent: &[String], name: &[String]) -> Option<usize> {
    const MAX_TYPOS: usize = 2;
    /// Length from which a name with other word boundaries is compared as a whole.
    const MIN_LENGTH: usize = 8;

    let (sent_text, name_text) = (sent.concat(), name.concat());
    if sent_text == name_text {
        return Some(0);
    }
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    if digits(&sent_text) != digits(&name_text) {
        // A digit is no typing error: `phone2` is a second number.
        return None;
    }
    if sent.len() != name.len() {
        // A further word is no typing error: `resolution_x`.
        let is_typo = sent.len() < name.len()
            && name_text.len() >= MIN_LENGTH
            && distance(&sent_text, &name_text, 1) == 1;
        return is_typo.then_some(1);
    }
    let mut typos = 0;
    for (sent, name) in sent.iter().zip(name) {
        // Short words differ in one letter although they are different words: `sid`, `id`.
        let max = match name.len() {
            0..=3 => 0,
            4..=7 => 1,
            _ => 2,
        };
        let is_plural =
            sent.strip_suffix('s') == Some(name) || name.strip_suffix('s') == Some(sent);
        let distance = if is_plural {
            1
        } else {
            distance(sent, name, max)
        };
        let is_other = distance > 0 && OTHER_WORDS.contains(&sent.as_str());
        if is_other || distance > max && !is_plural {
            return None;
        }
        typos += distance;
    }
    (typos <= MAX_TYPOS).then_some(typos)
}

/// Returns the number of letters that are inserted, omitted, replaced or transposed, or a number
/// above `max`.
fn distance(sent: &str, name: &str, max: usize) -> usize {
    if sent.len().abs_diff(name.len()) > max {
        // The distance is never less than the difference of the lengths.
        max + 1
    } else {
        strsim::damerau_levenshtein(sent, name)
    }
}

/// Returns the letters and digits of a name, in lower case.
fn squash(name: &str) -> String {
    words(name).concat()
}

/// Splits a name into its words, in lower case: at separators, and before an upper-case letter that
/// follows a lower-case one.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower_case = false;
    for character in name.chars() {
        if !character.is_alphanumeric() || after_lower_case && character.is_uppercase() {
            words.push(String::new());
        }
        if character.is_alphanumeric() {
            let word = words.last_mut().expect("it has a word from the start");
            word.extend(character.to_lowercase());
        }
        after_lower_case = character.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::device::fields;
    use crate::field::Field;
    use crate::user::user_fields;

    fn suggestion(table: &[Field], sent: &str) -> Option<&'static str> {
        let names: Vec<_> = table.iter().map(Field::name).collect();
        suggest_field(sent, &names)
    }

    #[rstest]
    #[case("client_warranty_end_date", "client_warranty_endDate")]
    #[case("clientWarrantyEndDate", "client_warranty_endDate")]
    #[case("warranty_end_date", "client_warranty_endDate")]
    #[case("warrantyEnddate", "client_warranty_endDate")]
    #[case("Warranty Expiration", "client_warranty_endDate")]
    #[case("clinet_purchase_date", "client_purchase_date")]
    #[case("Purchase Cost", "client_purchase_price")]
    #[case("purchase_price", "client_purchase_price")]
    #[case("invoice-number", "client_invoice_number")]
    #[case("Name", "name")]
    #[case("deviceName", "name")]
    #[case("Computer Name", "name")]
    #[case("serial", "serial_number")]
    #[case("SerialNumber", "serial_number")]
    #[case("serialnumbr", "serial_number")]
    #[case("Service Tag", "serial_number")]
    #[case("colour", "color")]
    #[case("comments", "comment")]
    #[case("Notes", "comment")]
    #[case("remarks", "comment")]
    #[case("Make", "brand")]
    #[case("modle", "model")]
    #[case("nmae", "name")]
    #[case("keyboard", "keyboard_layout")]
    #[case("manufacturer", "brand")]
    #[case("graphics", "graphic")]
    #[case("user_ids", "user_id")]
    #[case("username", "user_email")]
    #[case("userPrincipalName", "user_email")]
    #[case("email", "user_email")]
    #[case("Email Address", "user_email")]
    #[case("client_status", "lifecycle")]
    fn field_that_was_meant_is_suggested(#[case] sent: &str, #[case] expected: &str) {
        assert_eq!(suggestion(fields(), sent), Some(expected));
    }

    #[rstest]
    #[case("userPrincipalName", Some("email"))]
    #[case("username", Some("email"))]
    #[case("user_email", Some("email"))]
    #[case("firstname", Some("first_name"))]
    #[case("display_name", None)]
    #[case("phone2", None)]
    #[case("email1", None)]
    #[case("department", None)]
    fn user_field_that_was_meant_is_suggested(
        #[case] sent: &str,
        #[case] expected: Option<&'static str>,
    ) {
        assert_eq!(suggestion(user_fields(), sent), expected);
    }

    /// Columns of exports by Jamf Pro, Intune, Snipe-IT, GLPI and Lansweeper that no field holds.
    #[test]
    fn other_columns_have_no_suggestion() {
        let columns = "
            x price date number status state group site building room location
            department position phone company supplier order warranty
            warranty_months warranty_start_date warranty_reference start_date
            end_date expires last_seen last_check_in created_at purchase_order
            purchase_order_number contract_name contract_type contract_cost
            invoice_date lease_end_date depreciation eol_date imei meid iccid udid
            uuid guid mac_address wifi_mac ip_address ethernetMacAddress os
            os_version os_build os_name osVersion os_type firmware_version
            bios_version processor_speed processor_count processor_type cpu_name
            free_storage storage_free storage_encryption ram_slots graphics_driver
            disk_size size year battery_serial_number disk_serial_number
            monitor_serial_number sim_serial first_name last_name full_name user_sid
            user_uid userId2 model_identifier connection_name network_name
            domain_name supplier_name type_id category_id manufacturer_id ownership
            ownerType is_managed is_supervised has_battery compliance_state
            color_depth jailBroken enrollment_date management_agent phone_number
            subscriber_carrier rom resolution_x name2 color1 user_id2 mode
            power_mode modem band process solution tabs";
        for sent in columns.split_whitespace().chain([""]) {
            assert_eq!(suggestion(fields(), sent), None, "{sent}");
        }
    }
}
