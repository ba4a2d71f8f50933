//! Headers that other inventories use for a field.

use std::collections::HashMap;
use std::sync::LazyLock;

use devices_domain::{fields, nearest_name};

/// Synonyms of a field. Compared by letters and digits, without regard to case.
struct Synonyms {
    field: &'static str,
    /// Headers that mean this field and nothing else. Two of them in one file are an error.
    exact: &'static [&'static str],
    /// Headers that inventories have beside an exact one, best first. They provide the field only
    /// if no better column does: exports of Intune have `Primary user email address` and
    /// `Primary user UPN`, those of Jamf `Asset Tag` and `Bar Code 1`.
    fallback: &'static [&'static str],
}

/// Sources: Snipe-IT, Jamf Pro (inventory preload), Intune, Apple's organisation devices,
/// `ManageEngine`, Lansweeper, and lists by hand in English, German and French.
const SYNONYMS: &[Synonyms] = &[
    Synonyms {
        field: "serial_number",
        exact: &[
            "serial",
            "serial no.",
            "serial num",
            "s/n",
            "sn",
            "service tag",
            "device serial number",
            "bios serial number",
            "Seriennummer",
            "numéro de série",
            "numero de serie",
        ],
        fallback: &[],
    },
    Synonyms {
        field: "name",
        exact: &[
            "item name",
            "asset name",
            "device name",
            "computer name",
            "hostname",
            "host name",
            "pc name",
        ],
        fallback: &["display name"],
    },
    Synonyms {
        field: "type",
        exact: &["device type", "computer type", "asset type"],
        fallback: &["product family", "class"],
    },
    Synonyms {
        field: "brand",
        exact: &["manufacturer", "make", "Hersteller", "fabricant"],
        fallback: &["vendor"],
    },
    Synonyms {
        field: "model",
        exact: &["model name", "device model", "asset model"],
        fallback: &["model number", "model no.", "product type"],
    },
    Synonyms {
        field: "asset_tag",
        exact: &["inventory number", "Inventarnummer"],
        fallback: &["tag", "bar code 1"],
    },
    Synonyms {
        field: "user_email",
        exact: &[
            "email",
            "e-mail",
            "email address",
            "primary user email address",
            "checked out to: email",
            "assigned to email",
        ],
        fallback: &["primary user UPN", "userPrincipalName"],
    },
    Synonyms {
        field: "client_purchase_price",
        exact: &["purchase cost", "purchase price"],
        fallback: &["price", "cost"],
    },
    Synonyms {
        field: "client_purchase_date",
        exact: &["purchase date", "purchased", "Kaufdatum"],
        fallback: &["PO date", "order date", "order date time", "ship date"],
    },
    Synonyms {
        field: "client_warranty_endDate",
        // Not "warranty" or "warranty months": a number of months.
        exact: &[
            "warranty expiration",
            "warranty expiration date",
            "warranty expires",
            "warranty end date",
            "warranty expiry",
            "warranty expiry date",
        ],
        fallback: &[],
    },
    Synonyms {
        field: "client_rental_endDate",
        exact: &["lease expiration", "lease end"],
        fallback: &[],
    },
    Synonyms {
        field: "client_contract_number",
        exact: &["contract number", "PO number", "purchase order"],
        fallback: &["order number"],
    },
    Synonyms {
        field: "client_invoice_number",
        exact: &["invoice number"],
        fallback: &["invoice"],
    },
    Synonyms {
        field: "processor",
        exact: &["cpu"],
        fallback: &[],
    },
    Synonyms {
        field: "ram",
        exact: &["memory", "physical memory"],
        fallback: &[],
    },
    Synonyms {
        field: "storage",
        exact: &["total storage", "device capacity"],
        fallback: &["disk"],
    },
    Synonyms {
        field: "os_platform",
        exact: &["os", "operating system"],
        fallback: &[],
    },
    Synonyms {
        field: "color",
        exact: &["colour"],
        fallback: &[],
    },
    Synonyms {
        field: "comment",
        exact: &["notes", "comments", "remarks"],
        fallback: &["description"],
    },
];

/// Fields that a header provides only if it is spelled like the field. In Intune, `UserId` is the
/// id of an account of Entra, and `Compliance` a state.
const ONLY_BY_NAME: &[&str] = &["user_id", "compliance"];

/// Fields without a column of their own: each key of `attributes` has one.
const WITHOUT_COLUMN: &str = "attributes";

/// Headers longer than this many bytes are not compared.
const MAX_HEADER_BYTES: usize = 64;

/// Field that a header means, and how well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Synonym {
    pub(super) field: &'static str,
    /// 0, or the position among the fallbacks from 1.
    pub(super) fallback: usize,
}

static TABLE: LazyLock<HashMap<String, Synonym>> = LazyLock::new(|| {
    let mut table = HashMap::new();
    for name in comparable_names() {
        let synonym = Synonym {
            field: name,
            fallback: 0,
        };
        table.insert(normalize_header(name), synonym);
    }
    for synonyms in SYNONYMS {
        let field = synonyms.field;
        let exact = synonyms.exact.iter().map(|header| (header, 0));
        for (header, fallback) in exact.chain(synonyms.fallback.iter().zip(1..)) {
            table.insert(normalize_header(header), Synonym { field, fallback });
        }
    }
    table
});

/// Fields whose names are compared by letters and digits.
fn comparable_names() -> impl Iterator<Item = &'static str> {
    let names = fields().iter().map(devices_domain::Field::name);
    names.filter(|name| !ONLY_BY_NAME.contains(name) && *name != WITHOUT_COLUMN)
}

/// Returns the field of which a header is a synonym, or the name in another spelling.
pub(super) fn find_synonym(header: &str) -> Option<Synonym> {
    if header.len() > MAX_HEADER_BYTES {
        return None;
    }
    TABLE.get(&normalize_header(header)).copied()
}

/// Returns the field to whose name, or to one of whose synonyms, a header is similar.
pub(super) fn find_similar(header: &str) -> Option<&'static str> {
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let synonyms = SYNONYMS.iter();
        let synonyms = synonyms.flat_map(|s| s.exact.iter().chain(s.fallback).copied());
        comparable_names().chain(synonyms).collect()
    });
    let name = nearest_name(header, &NAMES)?;
    find_synonym(name).map(|synonym| synonym.field)
}

/// Returns whether a text is the name of a field, an attribute with its key, or a synonym.
pub(crate) fn is_known_header(text: &str) -> bool {
    super::Target::from_name(text).is_some() || find_synonym(text).is_some()
}

/// Returns whether a text is the name of this field or attribute, or a synonym of the field.
pub(crate) fn matches_target(text: &str, target: &super::Target) -> bool {
    super::Target::from_name(text).as_ref() == Some(target)
        || find_synonym(text).is_some_and(|synonym| target.is_field(synonym.field))
}

/// Returns the letters and digits of a header, in lower case.
pub(super) fn normalize_header(header: &str) -> String {
    let characters = header.chars().filter(|c| c.is_alphanumeric());
    characters.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// The synonyms of the import contract, spelled as there.
    #[rstest]
    #[case(
        "serial_number",
        "serial, serial no., serial num, s/n, sn, service tag, device serial number, \
         bios serial number, Seriennummer, numéro de série"
    )]
    #[case(
        "name",
        "item name, asset name, device name, computer name, hostname, host name, display name, \
         pc name"
    )]
    #[case(
        "type",
        "device type, computer type, asset type, product family, class"
    )]
    #[case("brand", "manufacturer, make, vendor, Hersteller, fabricant")]
    #[case(
        "model",
        "model name, device model, asset model, model number, product type"
    )]
    #[case(
        "asset_tag",
        "asset tag, inventory number, tag, bar code 1, Inventarnummer"
    )]
    #[case(
        "user_email",
        "email, e-mail, email address, primary user email address, primary user UPN, \
         userPrincipalName, checked out to: email, user email, assigned to email"
    )]
    #[case("client_purchase_price", "purchase cost, purchase price, price, cost")]
    #[case(
        "client_purchase_date",
        "purchase date, purchased, PO date, order date, ship date, Kaufdatum"
    )]
    #[case(
        "client_warranty_endDate",
        "warranty expiration, warranty expires, warranty end date, warranty expiry"
    )]
    #[case("client_rental_endDate", "lease expiration, lease end")]
    #[case(
        "client_contract_number",
        "contract number, PO number, purchase order, order number"
    )]
    #[case("client_invoice_number", "invoice, invoice number")]
    #[case("processor", "cpu")]
    #[case("ram", "memory, physical memory")]
    #[case("storage", "total storage, device capacity, disk")]
    #[case("os_platform", "os, operating system")]
    #[case("color", "colour")]
    #[case("comment", "notes, comments, remarks, description")]
    fn synonyms_mean_their_field(#[case] field: &str, #[case] synonyms: &str) {
        for synonym in synonyms.split(", ") {
            for header in [
                synonym.to_owned(),
                synonym.to_uppercase(),
                normalize_header(synonym),
            ] {
                let found = find_synonym(&header).map(|synonym| synonym.field);
                assert_eq!(found, Some(field), "{header}");
            }
        }
    }

    #[rstest]
    #[case("Serial number", Some("serial_number"))]
    #[case("SerialNumber", Some("serial_number"))]
    #[case("Client Warranty End Date", Some("client_warranty_endDate"))]
    #[case("Nume\u{301}ro de se\u{301}rie", Some("serial_number"))]
    #[case("warranty", None)]
    #[case("warranty months", None)]
    #[case("UserId", None)]
    #[case("Compliance", None)]
    #[case("Attributes", None)]
    #[case("", None)]
    fn header_is_compared_by_letters_and_digits(#[case] header: &str, #[case] field: Option<&str>) {
        assert_eq!(find_synonym(header).map(|synonym| synonym.field), field);
    }

    #[test]
    fn no_synonym_means_two_fields() {
        let mut seen: HashMap<String, &str> = HashMap::new();
        for synonyms in SYNONYMS {
            for header in synonyms.exact.iter().chain(synonyms.fallback) {
                let field = *seen
                    .entry(normalize_header(header))
                    .or_insert(synonyms.field);
                assert_eq!(field, synonyms.field, "{header}");
            }
        }
        for name in comparable_names() {
            let field = *seen.entry(normalize_header(name)).or_insert(name);
            assert_eq!(field, name);
        }
    }

    #[rstest]
    #[case("Seriel Number", Some("serial_number"))]
    #[case("Manufacturrer", Some("brand"))]
    #[case("Purchase Dat", Some("client_purchase_date"))]
    #[case("Rental Start Date", Some("client_rental_startDate"))]
    #[case("Warranty Expirations", Some("client_warranty_endDate"))]
    #[case("Room", None)]
    #[case("Warranty", None)]
    fn similar_header_is_found(#[case] header: &str, #[case] field: Option<&str>) {
        assert_eq!(find_similar(header), field);
    }
}
