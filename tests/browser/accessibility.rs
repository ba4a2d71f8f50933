//! Accessibility trees: what a screen reader announces, as text.

use std::collections::HashMap;
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
        text.push_str(&"  ".repeat(depth));
        text.push_str(role);
        if !name.is_empty() {
            text.extend([" \"", &name, "\""]);
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
                let value = value.to_string();
                text.extend([" ", name, "=", value.trim_matches('"')]);
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

/// Returns a name without what differs from run to run: ids, secrets and times.
fn normalize(name: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in name.split_whitespace() {
        // As `Nov 26, 2026, 9:05 PM` or, without scripts, `2026-11-26 20:05 UTC`.
        let words_of_time = match word {
            "AM" | "PM" => 4,
            "UTC" => 2,
            _ => 0,
        };
        if words_of_time > 0 && words.last().is_some_and(|last| last.contains(':')) {
            words.truncate(words.len().saturating_sub(words_of_time));
            words.push("<time>");
            continue;
        }
        let follows_object = words.last().is_some_and(|last| {
            OBJECTS
                .iter()
                .any(|object| object.eq_ignore_ascii_case(last))
        });
        let number = word.trim_end_matches([',', '.', '?', ':']);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        words.push(if word.starts_with("fdk_") {
            "<secret>"
        } else if is_uuid(word) {
            "<uuid>"
        } else if follows_object && is_number {
            "<id>"
        } else {
            word
        });
    }
    words.join(" ")
}

/// Words before an id.
const OBJECTS: [&str; 5] = ["Batch", "Device", "User", "Key", "Enrolment"];

fn is_uuid(word: &str) -> bool {
    let is_part = |byte: u8| byte == b'-' || byte.is_ascii_hexdigit();
    word.len() == 36 && word.bytes().all(is_part)
}

/// Compares a tree with the snapshot of this name. Returns the first lines that differ.
pub(crate) fn compare(name: &str, tree: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("browser/snapshots/{name}.txt"));
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        let directory = path.parent().expect("a file is in a directory");
        std::fs::create_dir_all(directory).expect("the directory can be created");
        std::fs::write(&path, tree).expect("the snapshot can be written");
        return Ok(());
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if tree == expected {
        return Ok(());
    }
    let same = tree.lines().zip(expected.lines());
    let same = same.take_while(|(line, expected)| line == expected).count();
    let part = |text: &str| {
        let lines: Vec<_> = text.lines().skip(same).take(5).collect();
        lines.join("\n")
    };
    Err(format!(
        "{}: the accessibility tree differs from line {}. Run `UPDATE_SNAPSHOTS=1 make \
         test-browser` and read the difference.\nexpected:\n{}\nfound:\n{}",
        path.display(),
        same + 1,
        part(&expected),
        part(tree)
    ))
}
