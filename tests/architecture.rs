//! Dependency rules: the domain depends on no HTTP, SQL, JSON or runtime crate, the adapters depend
//! on no HTTP crate, only the wiring in `crates/api/src/cli` uses the adapters, and the web console
//! reaches the store through the ports of the domain. The program `devices` needs no library of the
//! system.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the names of all crates that a package is built and tested with, including transitive
/// ones.
fn dependencies(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
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
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let names = String::from_utf8(output.stdout).unwrap();
    // Cargo marks crates that it has listed before.
    let names = names.lines().map(|name| name.trim_end_matches(" (*)"));
    names.map(str::to_owned).collect()
}

#[test]
fn domain_has_no_infrastructure_dependencies() {
    let dependencies = dependencies("devices-domain");
    assert!(
        dependencies.contains(&"chrono".to_owned()),
        "{dependencies:?}"
    );
    for name in dependencies {
        for forbidden in [
            "actix",
            "diesel",
            "tokio",
            "serde_json",
            "devices_adapters",
            "devices_api",
        ] {
            assert!(!name.starts_with(forbidden), "{name}");
        }
    }
}

/// Returns the crates of this workspace on which a package depends.
fn workspace_dependencies(package: &str) -> BTreeSet<String> {
    let own = package.replace('-', "_");
    let names = dependencies(package).into_iter();
    names
        .filter(|name| name.starts_with("devices_") && *name != own)
        .collect()
}

/// Asserts that none of these crates, by the start of their names, is a dependency of a package.
fn assert_has_none_of(package: &str, forbidden: &[&str]) {
    let dependencies = dependencies(package);
    for name in dependencies {
        let is_forbidden = |forbidden: &&str| name.starts_with(*forbidden);
        assert!(!forbidden.iter().any(is_forbidden), "{package}: {name}");
    }
}

#[test]
fn import_uses_the_domain_and_the_workbook_only() {
    let expected = ["devices_domain", "devices_workbook"].map(str::to_owned);
    assert_eq!(
        workspace_dependencies("devices-import"),
        BTreeSet::from(expected)
    );
    assert_eq!(workspace_dependencies("devices-workbook"), BTreeSet::new());
    let forbidden = [
        "actix", "diesel", "hyper", "pq_sys", "reqwest", "tokio", "ureq",
    ];
    assert_has_none_of("devices-import", &forbidden);
    assert_has_none_of("devices-workbook", &forbidden);
}

#[test]
fn export_has_no_http_and_no_sql() {
    // The tests read what was exported with `devices-import`.
    let expected = ["devices_domain", "devices_import", "devices_workbook"].map(str::to_owned);
    assert_eq!(
        workspace_dependencies("devices-export"),
        BTreeSet::from(expected)
    );
    let forbidden = ["actix", "diesel", "hyper", "pq_sys", "reqwest", "ureq"];
    assert_has_none_of("devices-export", &forbidden);
}

#[test]
fn console_reaches_the_store_through_ports() {
    let used = ["devices_domain", "devices_export", "devices_import"];
    let expected = used.into_iter().chain(["devices_workbook"]);
    assert_eq!(
        workspace_dependencies("devices-web"),
        expected.map(str::to_owned).collect()
    );
    assert_has_none_of("devices-web", &["diesel", "hyper", "pq_sys", "reqwest"]);
    let statements = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "SET LOCAL ",
    ];
    for folder in ["src", "templates"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../crates/web")
            .join(folder);
        for (path, text) in files(&folder) {
            let statement = statements
                .iter()
                .find(|statement| text.contains(**statement));
            assert_eq!(statement, None, "{}", path.display());
        }
    }
}

#[test]
fn client_uses_no_other_crate_of_the_workspace() {
    assert_eq!(workspace_dependencies("devices-client"), BTreeSet::new());
}

#[test]
fn program_needs_no_native_library() {
    let dependencies = dependencies("devices-cli");
    assert!(
        dependencies.contains(&"rustls".to_owned()),
        "{dependencies:?}"
    );
    // `openssl_probe` is written in Rust, and finds the certificates of the system.
    for forbidden in [
        "openssl",
        "openssl_sys",
        "native_tls",
        "pq_sys",
        "diesel",
        "tokio",
        "devices_adapters",
        "devices_api",
    ] {
        assert!(!dependencies.contains(&forbidden.to_owned()), "{forbidden}");
    }
}

/// Returns the paths and contents of all files in a folder and its subfolders.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            let content = std::fs::read_to_string(&path).unwrap();
            files.push((path, content));
        }
    }
    files
}

#[test]
fn only_cli_uses_adapters() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/api/src");
    let using_adapters: Vec<_> = files(&sources)
        .into_iter()
        .filter(|(_, content)| content.contains("devices_adapters"))
        .map(|(path, _)| path.strip_prefix(&sources).unwrap().to_owned())
        .collect();
    assert!(!using_adapters.is_empty());
    assert!(
        using_adapters.iter().all(|path| path.starts_with("cli")),
        "{using_adapters:?}"
    );
}

#[test]
fn adapters_have_no_http_dependencies() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/adapters/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    assert!(!manifest.contains("actix") && !manifest.contains("devices-api"));
}
