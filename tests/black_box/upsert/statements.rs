//! The number of statements does not depend on the number of rows.

use devices_tests::{Api, Response, device};
use serde_json::{Value, json};

use super::{SYNC, post};

/// Returns the number of statements that the server sent during `request`, without those of jobs.
fn count_statements(api: &Api, request: impl FnOnce() -> Response) -> usize {
    let (response, mut statements) = api.server.statements_during(request);
    assert_eq!(response.status, 207, "{}", response.text);
    statements.retain(|line| !line.contains("search_queue WHERE"));
    statements.len()
}

#[test]
fn number_of_statements_is_constant() {
    let api = Api::start();
    api.add_user("acme", "ada@example.com");
    api.wait_for_startup_jobs();
    let rows = |numbers: std::ops::Range<usize>| -> Value {
        let row = |number| {
            let serial_number = format!("S{number:04}");
            let user = json!({"serial_number": serial_number, "user_email": "ada@example.com"});
            device(user)
        };
        numbers.map(row).collect()
    };
    let sync = |numbers: std::ops::Range<usize>, comment: &str| {
        let mut rows = rows(numbers);
        for row in rows.as_array_mut().unwrap() {
            row["comment"] = json!(comment);
        }
        count_statements(&api, || post(&api, SYNC, &rows))
    };
    sync(0..300, "first");
    // Creates 20 and changes 20 devices, or 300 and 300.
    let few = sync(280..320, "second");
    let many = sync(0..620, "third");
    assert_eq!(few, many);
    assert!(many <= 17, "{many}");
}
