//! An import in parts whose server is killed and restarted.

use std::fmt::Write;
use std::process::Stdio;

use devices_tests::{Api, Program, ServerOptions, TestDatabase, execute};
use diesel::pg::PgConnection;

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

/// Returns options of a server that stores at most a part at once. The port 0 is any free one.
fn options(port: &str) -> ServerOptions {
    ServerOptions::with("DEVICES__LIMITS__MAX_IMPORT_ROWS", PART_ROWS)
        .and("DEVICES__SERVER__PORT", port)
}

/// Kills the server while it stores the part with this row, and starts it again on the same port.
/// Nothing of the part is stored. `prepare` runs between both.
fn restart_during_part<T>(
    mut api: Api,
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
    let port = api.server.address().rsplit(':').next().unwrap().to_owned();
    (
        Api::resume(api.database, api.key, &options(&port)),
        prepared,
    )
}

#[test]
fn import_survives_two_kills_of_its_server() {
    let (first, second) = (105, 215);
    let api = Api::start_with(&options("0"));
    let program = Program::of(&api);
    std::fs::write(program.home.path("fleet.csv"), file()).unwrap();
    let blocker = keep_serial_number(&api.database, first);
    let part_rows = PART_ROWS.to_string();
    let import = ["import", "fleet.csv", "--no-atomic", "--yes", "--part-rows"];
    let mut import = program.command(&[&import[..], &[&part_rows]].concat());
    let import = import.stdout(Stdio::piped()).stderr(Stdio::piped());
    let import = import.spawn().unwrap();
    let (api, blocker) = restart_during_part(api, first, blocker, |database| {
        keep_serial_number(database, second)
    });
    let (api, ()) = restart_during_part(api, second, blocker, |_| ());
    let output = import.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let distinct = "SELECT count(DISTINCT serial_number_folded)::text FROM devices";
    assert_eq!(api.database.texts(distinct), [ROWS.to_string()]);
    assert_eq!(api.database.count("devices"), ROWS as u64);
    assert_eq!(api.database.count("batches"), (ROWS / PART_ROWS) as u64);
}
