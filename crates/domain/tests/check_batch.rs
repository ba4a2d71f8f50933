//! Runs the example `check_batch` as a process.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::process::Command;

/// Runs the example on a file with these bytes. Returns its exit code and output.
fn check(name: &str, csv: &[u8]) -> (Option<i32>, String) {
    // The test is target/PROFILE/deps/TEST. Cargo builds the examples together with the tests.
    let test = std::env::current_exe().unwrap();
    let example = test.parent().unwrap().with_file_name("examples");
    let file = std::env::temp_dir().join(format!("{name}-{}.csv", std::process::id()));
    std::fs::write(&file, csv).unwrap();
    let output = Command::new(example.join("check_batch"))
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
    )
}

#[test]
fn valid_file_is_accepted() {
    let csv = b"name,type,category,has_webcam,user_id\nXPS 13,laptop,computers,TRUE,7\n";
    let expected = (Some(0), "all 1 devices are valid\n".to_owned());
    assert_eq!(check("valid", csv), expected);
}

#[test]
fn every_error_of_every_row_is_printed() {
    let csv = b"name,type,category,serial_number\n\
                a,b,c,S1\n\
                a,b,c\n\
                ,b,,s1\n\
                \xff,b,c,S2\n\
                a,b,c,None\n";
    let expected = [
        "row 1: must have 4 cells, like the first line, not 3",
        "row 2: `name` is required and must not be empty",
        "row 2: `category` is required and must not be empty",
        "row 2: `serial_number` is the same as in row 0 of this batch",
        "row 3: is not UTF-8",
        "row 4: `serial_number` must be the device's own number, not a placeholder for \"none\": \
         omit the field if the device has no serial number",
        "6 errors",
    ];
    let (code, printed) = check("invalid", csv);
    assert_eq!(code, Some(1));
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn single_error_is_counted_in_the_singular() {
    let (_, printed) = check("single", b"name,type,category\na,b,\n");
    assert_eq!(printed.lines().last(), Some("1 error"));
}

#[test]
fn number_of_printed_errors_is_unlimited() {
    let csv = format!("name,type,category\n{}", "a,b,\n".repeat(1_500));
    let (_, printed) = check("many", csv.as_bytes());
    assert_eq!(printed.lines().count(), 1_501);
}

#[test]
fn columns_of_attributes_are_read() {
    let csv = b"name,type,category,tags,attributes.Room,\"attributes.a, b\"\n\
                a,b,c,\"x\ny\",B12,\n\
                a,b,c,,,=1+1\n";
    let expected = (Some(0), "all 2 devices are valid\n".to_owned());
    assert_eq!(check("attributes", csv), expected);
    let csv = "name,type,category,attributes.Room,attributes.Room \na,b,c,1,2\n";
    let (_, printed) = check("repeated-attribute", csv.as_bytes());
    let expected = "row 0: `attributes[\"Room\"]` is given twice";
    assert_eq!(printed.lines().next(), Some(expected));
}
