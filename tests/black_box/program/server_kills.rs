//! An import in parts whose server is killed and restarted.

use std::fmt::Write;
use std::process::Stdio;

use devices_tests::{Api, Program, ServerOptions, TestDatabase, execute};
use diesel::pg::PgConnection;

use crate::relay::Relay;

const ROWS: usize = 300;
const PART_ROWS: usize = 20;

/// Returns a file with a device per row, whose serial numbers are `S0`, `S1`, and so on.
fn file() -> String {
    let mut file = "name,type,category,serial_number\n".to_owned();
    for row in 0..ROWS {
        writeln!(file, "Latitude,laptop,computers,S{row}").unwrap();
    }
    file
}

/// Begins a transaction that keeps a serial number, so that a part with it cannot be committed.
fn keep_serial_number(database: &TestDatabase, number: usize) -> PgConnection {
    let mut connection = database.connect();
    execute(
        &mut connection,
        &format!(
            "BEGIN; INSERT INTO devices (workspace_id, name, type, category, is_rented, compliance, \
                                         connection_type, serial_number, serial_number_folded) \
             VALUES (1, 'x', 'x', 'x', false, '{{}}', '{{}}', 'S{number}', 'S{number}')"
        ),
    );
    connection
}

/// Returns options of a server that stores at most a part at once.
fn options() -> ServerOptions {
    ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", PART_ROWS)
}

/// Kills the server while it stores the part with this row, and starts another behind the relay.
/// Nothing of the part is stored. `prepare` runs between both.
fn restart_during_part<T>(
    mut api: Api,
    relay: &Relay,
    row: usize,
    blocker: PgConnection,
    prepare: impl FnOnce(&TestDatabase) -> T,
) -> (Api, T) {
    api.database.wait_for_blocked_statement();
    api.server.signal("KILL");
    // The process closes its sockets before it has exited.
    api.server.wait();
    let stored = row / PART_ROWS * PART_ROWS;
    assert_eq!(api.database.count("devices"), stored as u64);
    let prepared = prepare(&api.database);
    drop(blocker);
    let api = Api::resume(api.database, api.key, &options());
    relay.forward_to(&api);
    (api, prepared)
}

#[test]
fn import_survives_two_kills_of_its_server() {
    let (first, second) = (105, 215);
    let api = Api::start_with(&options());
    // The address of a server that was killed may be taken by another test.
    let relay = Relay::in_front_of(&api, &[]);
    let program = Program::with_server(&relay.url, &api.key);
    std::fs::write(program.home.path("fleet.csv"), file()).unwrap();
    let blocker = keep_serial_number(&api.database, first);
    let part_rows = PART_ROWS.to_string();
    let import = ["import", "fleet.csv", "--no-atomic", "--yes", "--part-rows"];
    let mut import = program.command(&[&import[..], &[&part_rows]].concat());
    let import = import.stdout(Stdio::piped()).stderr(Stdio::piped());
    let import = import.spawn().unwrap();
    let (api, blocker) = restart_during_part(api, &relay, first, blocker, |database| {
        keep_serial_number(database, second)
    });
    let (api, ()) = restart_during_part(api, &relay, second, blocker, |_| ());
    let output = import.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let distinct = "SELECT count(DISTINCT serial_number_folded)::text FROM devices";
    assert_eq!(api.database.texts(distinct), [ROWS.to_string()]);
    assert_eq!(api.database.count("devices"), ROWS as u64);
    assert_eq!(api.database.count("batches"), (ROWS / PART_ROWS) as u64);
}
