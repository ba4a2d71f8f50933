//! JSON in one pass, without a tree of values. Strings are borrowed from the body where possible
//! (ADR 18).

mod number;
mod reader;
mod string;

use devices_domain::{ErrorCode, FieldError, Reason};
use serde::de::IgnoredAny;

pub(crate) use reader::JsonReader;

/// Reads a body with `read_value`, which must read or skip its value.
///
/// # Errors
/// If the body is not UTF-8 or not JSON. `expected` describes the body to send, e.g. "a JSON
/// object".
pub(crate) fn read<'a, T>(
    body: &'a [u8],
    expected: &str,
    read_value: impl FnOnce(&mut JsonReader<'a>) -> T,
) -> Result<T, FieldError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!(
            "is not UTF-8: invalid byte at offset {}",
            error.valid_up_to()
        );
        FieldError::whole(ErrorCode::InvalidBody, Reason::NotUtf8, detail)
    })?;
    // RFC 8259, 8.1, allows ignoring a byte order mark. Windows tools write one.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = JsonReader::new(text);
    let value = read_value(&mut reader);
    if reader.is_complete() {
        return Ok(value);
    }
    // `serde_json` describes the error, with its line and column.
    let detail = match serde_json::from_str::<IgnoredAny>(text) {
        _ if text.trim_ascii().is_empty() => format!("is empty; it must be {expected}"),
        Err(error) => format!("is not JSON: {error}"),
        Ok(_) => "is not JSON".to_owned(),
    };
    Err(FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::NotJson,
        detail,
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_accepted(body: &str) -> bool {
        read(body.as_bytes(), "a value", JsonReader::skip).is_ok()
            && read(body.as_bytes(), "a value", |json| drop(json.value())).is_ok()
    }

    fn is_json(body: &str) -> bool {
        serde_json::from_str::<IgnoredAny>(body).is_ok()
    }

    #[test]
    fn reader_accepts_exactly_what_serde_json_accepts() {
        let fragments = [
            "1",
            "-",
            "-1",
            "01",
            "0",
            "1.",
            "1.5",
            ".5",
            "1e5",
            "1e",
            "1E+5",
            "1e400",
            "+1",
            "9999999999999999999",
            "t",
            "true",
            "truex",
            "True",
            "false",
            "falsefalse",
            "null",
            "nul",
            "NaN",
            "\"",
            "\"\"",
            "\"a\"",
            "\"\\\"",
            "\"\\n\"",
            "\"\\x\"",
            "\"\\u00e9\"",
            "\"\\u00g9\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\",
            "\"\n\"",
            "\"12345678\u{1}\"",
            "\"\u{7f}é\"",
            "'a'",
            "[",
            "[]",
            "[1",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[[]",
            "[[],{}]",
            "[1}",
            "{",
            "{}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{,\"a\":1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "{\"a\":1,\"b\":[{}]}",
            "{ \"a\" : 1 , \"b\" : [ 1 , { } ] }",
            "{\"a\":1]",
            "{a:1}",
            "{1:1}",
            "{\"a\":{\"b\":1}}",
            ",",
            ":",
            "]",
            "}",
            "",
            " ",
            "\u{a0}",
            "\u{c}",
            "/**/",
        ];
        for body in fragments {
            for body in [
                body.to_owned(),
                format!(" {body}\n"),
                format!("[{body}]"),
                format!("[1,{body} ]"),
                format!("{{\"a\":{body}}}"),
                format!("{body}{body}"),
                format!("{body} 1"),
            ] {
                assert_eq!(is_accepted(&body), is_json(&body), "{body}");
            }
        }
    }

    proptest! {
        #[test]
        fn token_sequences_are_accepted_like_by_serde_json(
            tokens in proptest::collection::vec(
                proptest::sample::select(vec![
                    "{", "}", "[", "]", ",", ":", "\"a\":", "\"a\"", "1", "-1.5e3", "true", "null",
                    " ", "\\", "\"",
                ]),
                0..12,
            )
        ) {
            let body = tokens.concat();
            prop_assert_eq!(is_accepted(&body), is_json(&body));
        }
    }
}
