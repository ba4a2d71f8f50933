//! Body of the type `multipart/form-data` (RFC 7578).

use std::hash::{BuildHasher, RandomState};

use serde_json::Value;

/// A body and its content type.
pub(crate) struct Multipart {
    pub(crate) content_type: String,
    pub(crate) body: Vec<u8>,
}

impl Multipart {
    /// Creates a body of the parts `options` and `file`.
    pub(crate) fn new(file_name: &str, file: &[u8], options: &Value) -> Self {
        // Random: no file contains it.
        let random = || RandomState::new().hash_one(file.len());
        let boundary = format!("devices-{:016x}{:016x}", random(), random());
        let start = format!(
            "--{boundary}\r\n\
             Content-Disposition: form-data; name=\"options\"\r\n\
             Content-Type: application/json\r\n\r\n\
             {options}\r\n\
             --{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            safe_name(file_name)
        );
        let end = format!("\r\n--{boundary}--\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            body: [start.as_bytes(), file, end.as_bytes()].concat(),
        }
    }
}

/// Replaces characters that a quoted string cannot contain, or that servers read as an escape or
/// as a directory. The name only names the file of rejected rows.
fn safe_name(file_name: &str) -> String {
    let is_unsafe = |c: char| c.is_control() || ['"', '\\', '/'].contains(&c);
    file_name.replace(is_unsafe, "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn body_has_both_parts() {
        let multipart = Multipart::new(
            "../ä\"\\\u{1b}\r\n\u{85}b.csv",
            b"1\xff2",
            &json!({ "sheet": "S" }),
        );
        let (_, boundary) = multipart.content_type.split_once("boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"options\"\r\n\
             Content-Type: application/json\r\n\r\n{{\"sheet\":\"S\"}}\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\".._ä______b.csv\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n1\u{fffd}2\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8_lossy(&multipart.body), expected);
    }
}
