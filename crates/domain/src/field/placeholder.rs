//! Placeholders: the values that firmware, agents and spreadsheets write instead of a serial
//! number.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use super::sanitize::is_digits;

/// Letters and digits of placeholders, in upper case.
///
/// Sources:
/// - GLPI, `Blacklist::getDefaults` in `src/Blacklist.php`, which includes the list of OCS
///   Inventory (`bad_serial` in `Apache/Ocsinventory/Server/Duplicate.pm`);
/// - GLPI Agent, `isInvalidBiosValue` in `lib/GLPI/Agent/Tools/Generic.pm`;
/// - Firmware Test Suite (fwts), `src/dmi/dmicheck/dmicheck.c`, the serial numbers of boards;
/// - Fleet (<https://github.com/fleetdm/fleet/pull/27470>): defaults of virtual machines, and the
///   `-1` of osquery;
/// - published outputs of `dmidecode` and EDID decoders: constants shared by whole series of
///   mainboards and screens;
/// - Net-SNMP: "No Response from Remote Host", from scripts that store its errors.
///
/// The short sequences of GLPI (`12345`, `12345678`) and its regular expressions are not taken:
/// they match serial numbers that exist.
static PLACEHOLDERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    HashSet::from([
        // Words for "none".
        "NA",
        "NONE",
        "NONE1",
        "NULL",
        "NULLSTRING",
        "NIL",
        "NAN",
        "UNDEFINED",
        "UNKNOWN",
        "UNKNOW",
        "UNKNOWNSERIAL",
        "UNKNOWNSERIALNUMBER",
        "UNSPECIFIED",
        "UNAVAILABLE",
        "EMPTY",
        "INVALID",
        "INVALIDSERIALNUMBER",
        "EVAL",
        "TBD",
        "TOBEDETERMINED",
        "NOTSPECIFIED",
        "NOTAPPLICABLE",
        "NOTAVAILABLE",
        "NOTAVAILABLENA",
        "NOTPRESENT",
        "NOTPROVIDED",
        "NOTDEFINED",
        "NOTSET",
        "NOTSUPPORT",
        "NOTSUPPORTED",
        "NOTSUPPORTEDBYCPU",
        "NOSERIAL",
        "NOSERIALNUMBER",
        "NOASSETTAG",
        "NOASSETINFORMATION",
        "NORESPONSEFROMREMOTEHOST",
        "BADINDEX",
        "OUTOFSPEC",
        "OUTOFSPECOUTOFSPEC",
        "CUTOUT",
        // Names of the field itself.
        "SERIAL",
        "SERIALNO",
        "SERIALNUMBER",
        "SERIALNUMBERXXXXXX",
        "OEMSERIAL",
        "OEMSERIALNUMBER",
        "OEMCHASSISSERIALNUMBER",
        "PRODUCTSERIALNUMBER",
        "BOARDSERIALNUMBER",
        "TYPE2BOARDSERIALNUMBER",
        "YOURSERIALNUMBER",
        // Defaults that the manufacturer did not replace.
        "DEFAULT",
        "DEFAULTSERIAL",
        "DEFAULTSERIALNUMBER",
        "FILLBYOEM",
        "FILLEDBYOEM",
        "TOBEFILLEDBYOEMBYMORESTRING",
        "TOBEDEFINEDBYOEM",
        "TBDBYOEM",
        "TBDBYODM",
        "OEM",
        "OEMDEFINE0",
        "OEMDEFINE1",
        "OEMDEFINE2",
        "OEMDEFINE3",
        "OEMDEFINE4",
        "SERNUM0",
        "SERNUM00",
        "SERNUM01",
        "SERNUM02",
        "SERNUM03",
        "SERNUM1",
        "SERNUM2",
        "SERNUM3",
        "SERNUM4",
        "IATPASS",
        "TULIPCOMPUTERS",
        // Constants shared by whole series.
        "SN12345",
        "SN1234567890",
        "SN123456FVGV3I0B8O5N6N7K",
        "SYS1234567890",
        "SYS9876543210",
        "MB1234567890",
        "NB0123456789",
        "NB1234567890",
        "BSS0123456789",
        "9876543210",
        "123456789000",
        "012345678900",
        "0123456789000",
        "0123456789ABCDEF",
        "H1AK500000",
        // EDID serial number 0x01010101, in hexadecimal and decimal notation.
        "0X01010101",
        "16843009",
    ])
});

/// Letters of placeholders that firmware truncates to the length of its field, in upper case.
const TRUNCATED_PLACEHOLDERS: [&str; 5] = [
    "SYSTEMSERIALNUMBER",
    "CHASSISSERIALNUMBER",
    "BASEBOARDSERIALNUMBER",
    "TOBEFILLEDBYOEM",
    "DEFAULTSTRING",
];

/// Minimum length of a truncated placeholder: no serial number consists of such a beginning.
const MIN_TRUNCATED_LENGTH: usize = 6;

/// Returns whether a serial number in its folded form is a placeholder for "none".
pub(super) fn is_placeholder(folded: &str) -> bool {
    is_phrase(folded)
        || folded == "-1"
        || is_spreadsheet_error(folded)
        || is_repeated_character(folded)
        || is_counting(folded)
        || is_first_number(folded)
}

/// Compares only letters and digits: firmware varies blanks, punctuation and case.
fn is_phrase(folded: &str) -> bool {
    let letters: Cow<'_, str> = if folded.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        folded.into()
    } else {
        folded.chars().filter(|c| c.is_alphanumeric()).collect()
    };
    let is_truncated = |phrase: &&str| phrase.starts_with(&*letters);
    PLACEHOLDERS.contains(&*letters)
        || letters.len() >= MIN_TRUNCATED_LENGTH && TRUNCATED_PLACEHOLDERS.iter().any(is_truncated)
}

/// Returns whether the text is an error value of a spreadsheet: `#REF!`, `#NAME?`, `#DIV/0!`, in
/// any language (`#WERT!`, `#¿NOMBRE?`).
///
/// The value for "not available" has neither `!` nor `?` in most languages. `LibreOffice` also
/// writes `Err:502`.
fn is_spreadsheet_error(folded: &str) -> bool {
    const NOT_AVAILABLE: [&str; 10] = [
        "#N/A",
        "#NV",
        "#N/D",
        "#N/B",
        "#I/T",
        "#YOK",
        "#Н/Д",
        "#HIÁNYZIK",
        "#NENÍ_K_DISPOZICI",
        "#GETTING_DATA",
    ];
    let is_error_character =
        |c: char| c.is_alphabetic() || matches!(c, '/' | '0' | '_' | ' ' | '¡' | '¿' | '.');
    let error = folded
        .strip_prefix('#')
        .and_then(|rest| rest.strip_suffix(['!', '?']));
    NOT_AVAILABLE.contains(&folded)
        || error.is_some_and(|name| {
            name.contains(char::is_alphabetic) && name.chars().all(is_error_character)
        })
        || folded
            .strip_prefix("ERR:")
            .is_some_and(|number| number.len() == 3 && is_digits(number))
}

/// Returns whether the text consists of only `0`, `X`, `.`, `-` and `*` (`00000000`, `XXX-XXX`,
/// `0x00000000`), or of any one character, six times or more.
fn is_repeated_character(folded: &str) -> bool {
    let mut characters = folded.chars();
    let first = characters.next();
    let is_one_character = characters.all(|c| Some(c) == first);
    folded
        .bytes()
        .all(|b| matches!(b, b'0' | b'X' | b'.' | b'-' | b'*'))
        || is_one_character && folded.chars().count() >= 6
}

/// Returns whether the text is the digits in order from 0 or 1, nine or more: `123456789`,
/// `0123456789`, `1234567890123`. Shorter ones are serial numbers that exist.
fn is_counting(folded: &str) -> bool {
    let digits = folded.as_bytes();
    digits.len() >= 9
        && matches!(digits[0], b'0' | b'1')
        && digits.iter().all(u8::is_ascii_digit)
        && digits
            .windows(2)
            .all(|pair| pair[1] - b'0' == (pair[0] - b'0' + 1) % 10)
}

/// Returns whether the text is zeros and a final 1, eight characters or more: `00000001`.
fn is_first_number(folded: &str) -> bool {
    folded.len() >= 8
        && folded
            .strip_suffix('1')
            .is_some_and(|zeros| zeros.bytes().all(|b| b == b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::fold_identifier;

    #[test]
    fn value_for_none_is_a_placeholder() {
        for sent in [
            "To be filled by O.E.M.",
            "To Be Filled By O.E.M. by More String",
            "TO BE FILLED",
            "DEFAULT STRING",
            "Default_String",
            "default",
            "System Serial Number",
            "SystemSerialNumb",
            "System Serial#",
            "Chassis Serial Number",
            "Chassis Serial N",
            "Base Board Serial Number",
            "Serial Number",
            "Not Specified",
            "Not Applicable",
            "Not Available",
            "not-available",
            "none",
            "None.",
            "N/A",
            "n.a.",
            "NA",
            "ｎ/ａ",
            "null",
            "(null)",
            "(null string)",
            "NaN",
            "undefined",
            "Unknown",
            "Unknow",
            "<empty>",
            "[Empty]",
            "INVALID",
            "Default Serial",
            "OEM_Serial",
            "TBD by ODM",
            "No Asset Information",
            "No Response from Remote Host",
            "<BAD INDEX>",
            "H1AK500000",
            "MB-1234567890",
            "0x01010101",
            "16843009",
            "0123456789ABCDEF",
        ] {
            assert!(is_placeholder(&fold_identifier(sent)), "{sent}");
        }
    }

    #[test]
    fn spreadsheet_error_is_a_placeholder() {
        for sent in [
            "#N/A",
            "#n/a",
            "#NV",
            "#N/D",
            "#I/T",
            "#REF!",
            "#BEZUG!",
            "#VALUE!",
            "#WERT!",
            "#VALEUR!",
            "#NAME?",
            "#NOM?",
            "#¿NOMBRE?",
            "#¡VALOR!",
            "#DIV/0!",
            "#NULL!",
            "#NUM!",
            "#ZAHL!",
            "#SPILL!",
            "#ÜBERLAUF!",
            "#ERROR!",
            "#ССЫЛКА!",
            "Err:502",
            "########",
        ] {
            assert!(is_placeholder(&fold_identifier(sent)), "{sent}");
        }
    }

    #[test]
    fn pattern_is_a_placeholder() {
        for sent in [
            "-1",
            "0",
            "00000000",
            "x",
            "xxxx",
            "....",
            "-",
            "*****",
            "0x00000000",
            "XXX-XXX",
            "111111",
            "AAAAAA",
            "??????",
            "123456789",
            "0123456789",
            "1234567890123",
            "１２３４５６７８９０",
            "00000001",
            "0000000001",
            "9876543210",
        ] {
            assert!(is_placeholder(&fold_identifier(sent)), "{sent}");
        }
    }

    #[test]
    fn real_serial_number_is_no_placeholder() {
        for sent in [
            "1",
            "7",
            "12345",
            "12345678",
            "1234567",
            "012345",
            "11111",
            "AAAAA",
            "0000001",
            "001",
            "10000000",
            "00000002",
            "000000011",
            "234567890",
            "123456780",
            "SN1",
            "SN123456",
            "MB-123456789",
            "NA1",
            "NONE2",
            "N/A-1",
            "NANO",
            "UNKNOWN-17",
            "SYSTEM1",
            "SYSTEM SERIAL 7",
            "DEFAULT-01",
            "1-",
            "-2",
            "#12",
            "#A/1",
            "#REF",
            "REF!",
            "#1!",
            "ERR:5021",
            "6067E77 (03.01)",
            "$$T02XB1K9",
            "BZ  7e59aa",
            "H4ZN100219",
            "C02XL0GSJGH5",
            "8ZKQ2G3",
        ] {
            assert!(!is_placeholder(&fold_identifier(sent)), "{sent}");
        }
    }
}
