//! Which crate may know which.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

use std::path::Path;
use std::process::Command;

/// The names of all crates that a crate is built and tested with.
fn dependencies(package: &str) -> Vec<String> {
    let listed = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--prefix",
            "none",
            "--format",
            "{lib}",
            "-p",
            package,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&listed.stderr);
    assert!(listed.status.success(), "{errors}");
    let names = String::from_utf8(listed.stdout).unwrap();
    names.lines().map(str::to_owned).collect()
}

#[test]
fn the_domain_knows_no_http_no_sql_no_json_and_no_runtime() {
    let known = dependencies("devices-domain");
    assert!(known.contains(&"chrono".to_owned()), "{known:?}");
    for name in known {
        for foreign in [
            "actix",
            "diesel",
            "tokio",
            "serde_json",
            "devices_adapters",
            "devices_api",
        ] {
            assert!(!name.starts_with(foreign), "{name}");
        }
    }
}

#[test]
fn only_the_wiring_names_the_adapters() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/src");
    let mut folders = vec![sources.clone()];
    let mut naming = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains("devices_adapters")
            {
                naming.push(path.strip_prefix(&sources).unwrap().to_owned());
            }
        }
    }
    assert!(!naming.is_empty());
    assert!(
        naming.iter().all(|path| path.starts_with("cli")),
        "{naming:?}"
    );
}

#[test]
fn the_adapters_know_no_http() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/adapters/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    assert!(!manifest.contains("actix") && !manifest.contains("devices-api"));
}
