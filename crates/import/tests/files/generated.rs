//! Generated text files.

use proptest::prelude::*;

const HEADER: [&str; 9] = [
    "Serial",
    "brand",
    "comment",
    "Purchase cost",
    "Purchase date",
    "is_rented",
    "tags",
    "Room",
    "attributes.Floor",
];

/// Returns rows of [`HEADER`], with values that are read in different ways.
pub(crate) fn cells() -> impl Strategy<Value = Vec<Vec<String>>> {
    prop::collection::vec(prop::collection::vec(cell(), HEADER.len()), 1..12)
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("x".to_owned()),
        Just("SN".to_owned()),
        "[0-9]{1,5}",
        "[0-9]{1,2}[./-][0-9]{1,2}[./-](20)?[0-9]{2}",
        "[$€]?[0-9]{1,3}[.,' ]?[0-9]{1,4}([.,][0-9]{0,4})?( EUR)?",
        "[0-9]\\.[0-9]{1,3}E\\+[0-9]{2}",
        "[ -~é\n\"]{0,12}",
    ]
}

/// Returns the rows under the header, with `,`.
pub(crate) fn table(cells: &[Vec<String>]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(HEADER).expect("memory");
    for row in cells {
        csv.write_record(row).expect("memory");
    }
    csv.into_inner().expect("memory")
}
