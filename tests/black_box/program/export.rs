//! Command `export`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use devices_tests::{Api, Program};
use serde_json::json;

#[test]
fn export_prints_what_the_server_sends() {
    let api = Api::start();
    let program = Program::of(&api);
    api.create_device(json!({ "serial_number": "E-1", "comment": "ü, \"x\"\ny" }));
    api.create_device(json!({ "serial_number": "E-2", "type": "phone" }));
    for (options, query) in [
        (vec![], "format=csv"),
        (vec!["--format", "csv"], "format=csv"),
        (vec!["-f", "excel"], "format=csv&bom=true"),
        (vec!["-f", "ndjson"], "format=ndjson"),
        (
            vec!["-f", "json", "--type", "phone"],
            "format=json&type=phone",
        ),
    ] {
        let printed = program.run_ok(&[&["export"], &options[..]].concat());
        let response = api.page(&format!("/devices/export?{query}"));
        assert_eq!(printed, response.text, "{query}");
    }
}

#[test]
fn export_replaces_a_file_when_it_is_complete() {
    let api = Api::start();
    let program = Program::of(&api);
    api.create_device(json!({ "serial_number": "E-1" }));
    let path = program.home.write("all.csv", "before");
    assert_eq!(program.run_ok(&["export", "--output", &path]), "");
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, program.run_ok(&["export"]));
    let error = program.run_err(1, &["export", "-o", "missing/all.csv"]);
    assert!(error.contains("cannot write missing/all.csv"), "{error}");
}

/// Starts a server that sends the beginning of an export and closes the connection.
fn aborting_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let respond = |mut client: TcpStream| {
        let length = client.read(&mut [0; 4_096]).unwrap();
        assert!(length > 0);
        let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                        5\r\nname\n\r\n";
        client.write_all(response.as_bytes()).unwrap();
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            respond(client.unwrap());
        }
    });
    url
}

#[test]
fn aborted_export_is_a_failure_and_keeps_the_file() {
    let program = Program::with_server(&aborting_server(), "fdk_k");
    let output = program.run(&["export"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (1, "name\n"),
        "{output:?}"
    );
    assert!(
        output.stderr.contains("the export is incomplete"),
        "{output:?}"
    );
    let path = program.home.write("all.csv", "before");
    program.run_err(1, &["export", "--output", &path]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "before");
    assert!(!Path::new(&format!("{path}.part")).exists());
}
