//! Converts `openapi.yaml` to JSON, so that the server need not parse YAML. Keeps the order of the
//! members: the feature `preserve_order` of `serde_json` is enabled for this script alone.

use std::error::Error;
use std::fs;
use std::path::Path;

/// Relative to the crate: Cargo runs build scripts there.
const YAML: &str = "../../openapi.yaml";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={YAML}");
    let description: serde_json::Value = serde_yaml_ng::from_str(&fs::read_to_string(YAML)?)
        .map_err(|error| format!("openapi.yaml: {error}"))?;
    let directory = std::env::var("OUT_DIR")?;
    fs::write(
        Path::new(&directory).join("openapi.json"),
        description.to_string(),
    )?;
    Ok(())
}
