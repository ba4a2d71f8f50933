//! Converts `openapi.yaml` to JSON, so that the server need not parse YAML. Keeps the order of the
//! members: the feature `preserve_order` of `serde_json` is enabled for this script alone.
//!
//! Sets the variable `BUILD_REVISION` to the Git revision of a release build, unless the caller of
//! Cargo has set it, as for a build without the repository. If there is neither, it stays unset.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Relative to the crate: Cargo runs build scripts there.
const YAML: &str = "../../openapi.yaml";

const REVISION: &str = "BUILD_REVISION";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={YAML}");
    let description: serde_json::Value = serde_yaml_ng::from_str(&fs::read_to_string(YAML)?)
        .map_err(|error| format!("openapi.yaml: {error}"))?;
    let directory = std::env::var("OUT_DIR")?;
    fs::write(
        Path::new(&directory).join("openapi.json"),
        description.to_string(),
    )?;
    println!("cargo::rerun-if-env-changed={REVISION}");
    // Other profiles would be compiled again after each commit.
    let is_release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    if is_release && std::env::var_os(REVISION).is_none() {
        set_revision();
    }
    Ok(())
}

/// Sets the revision to that of the checked out repository, if this is its directory.
fn set_revision() {
    // The file of another repository, which contains an unpacked package of this one, has no such
    // path.
    let (Some(_), Some(revision)) = (
        git(&["ls-files", "--error-unmatch", "build.rs"]),
        git(&["rev-parse", "--short=12", "HEAD"]),
    ) else {
        return;
    };
    println!("cargo::rustc-env={REVISION}={revision}");
    // Changes with each commit and each checkout.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// Returns the output of a Git command. `None` if it fails, or if Git is not installed.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
