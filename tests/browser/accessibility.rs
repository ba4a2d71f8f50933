//! Accessibility trees: what a screen reader announces, as text.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

/// Returns the tree as one line per node: its role, its name and its states, indented by its depth.
pub(crate) fn tree(response: &Value) -> String {
    let nodes = response["nodes"].as_array().expect("the tree has nodes");
    let by_id: HashMap<_, _> = nodes
        .iter()
        .filter_map(|node| Some((node["nodeId"].as_str()?, node)))
        .collect();
    let mut text = String::new();
    if let Some(root) = nodes.first() {
        write_node(root, &by_id, 0, &mut text);
    }
    text
}

/// Roles that add nothing for a reader. Their children take their place.
const TRANSPARENT: [&str; 5] = ["generic", "none", "InlineTextBox", "paragraph", "LineBreak"];

fn write_node(node: &Value, by_id: &HashMap<&str, &Value>, depth: usize, text: &mut String) {
    let role = node["role"]["value"].as_str().unwrap_or_default();
    let is_ignored = node["ignored"].as_bool() == Some(true);
    let mut child_depth = depth;
    if !is_ignored && !TRANSPARENT.contains(&role) {
        let name = normalize(node["name"]["value"].as_str().unwrap_or_default());
        let _ = write!(text, "{}{role}", "  ".repeat(depth));
        if !name.is_empty() {
            let _ = write!(text, " \"{name}\"");
        }
        for property in node["properties"].as_array().into_iter().flatten() {
            let (name, value) = (&property["name"], &property["value"]["value"]);
            let name = name.as_str().unwrap_or_default();
            let is_shown = matches!(
                name,
                "level" | "checked" | "disabled" | "required" | "invalid" | "expanded" | "selected"
            );
            if is_shown && !matches!(value.as_str(), Some("false")) && *value != Value::Bool(false)
            {
                let _ = write!(text, " {name}={}", value.to_string().trim_matches('"'));
            }
        }
        text.push('\n');
        child_depth += 1;
        if ["StaticText", "time"].contains(&role) {
            return;
        }
    }
    for id in node["childIds"].as_array().into_iter().flatten() {
        if let Some(child) = id.as_str().and_then(|id| by_id.get(id)) {
            write_node(child, by_id, child_depth, text);
        }
    }
}

/// Returns a name without what differs from run to run: times and secrets.
fn normalize(name: &str) -> String {
    let words = name.split_whitespace();
    let words = words.map(|word| {
        if word.starts_with("fdk_") {
            "<secret>"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Compares a tree with the snapshot of this name.
pub(crate) fn compare(name: &str, tree: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("browser/snapshots/{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, tree).expect("the snapshot can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        tree == expected,
        "{}: the accessibility tree differs. Run `UPDATE_SNAPSHOTS=1 make test-browser` and read \
         the difference.\n{tree}",
        path.display()
    );
}
