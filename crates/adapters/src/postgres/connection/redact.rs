//! Removal of the parts of a database URL from messages.

use percent_encoding::percent_decode_str;

/// Returns the message with `...` in place of every part of `url` that has at least three
/// characters. A password may be in a wrong part of the URL, such as the name of the host, and
/// libpq and PostgreSQL repeat the parts in their messages, in quotes of any language.
pub(super) fn redact(message: &str, url: &str) -> String {
    let mut parts: Vec<String> = values(url);
    // The longest first: a part may contain another one.
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    let mut message = message.to_owned();
    for part in parts {
        message = replace_word(&message, &part);
    }
    message
}

/// Returns the values in a URL or a key-value string, each also split at its delimiters.
fn values(url: &str) -> Vec<String> {
    let without_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let is_delimiter = |c: char| c.is_whitespace() || ":/?&=@,'\"\\[]".contains(c);
    let mut values = Vec::new();
    let mut add = |text: &str| {
        if text.chars().count() >= 3 && text != "..." {
            values.push(text.to_owned());
        }
    };
    let mut rest = without_scheme;
    while !rest.is_empty() {
        let end = rest.find(is_delimiter).unwrap_or(rest.len());
        let decoded = percent_decode_str(&rest[..end]).decode_utf8_lossy();
        // A name before `=` is a keyword.
        if !rest[end..].starts_with('=') {
            add(&decoded);
            decoded.split(is_delimiter).for_each(&mut add);
        }
        rest = rest[end..].get(1..).unwrap_or_default();
    }
    values
}

/// Replaces `word` where no letter or digit precedes or follows it.
fn replace_word(text: &str, word: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let is_inside_word =
            before.ends_with(char::is_alphanumeric) || after.starts_with(char::is_alphanumeric);
        result.push_str(before);
        result.push_str(if is_inside_word { word } else { "..." });
        rest = after;
    }
    result + rest
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "postgres://ada:hunter2@db.example:5432/devices",
        r#"server at "db.example" (10.0.0.1), port 5432 failed: FATAL: no user "ada""#,
        r#"server at "..." (10.0.0.1), port ... failed: FATAL: no user "...""#
    )]
    #[case(
        "postgres:///d?host=%2Ftmp%2Fx1y",
        "\"/tmp/x1y/.s.5432\"",
        "\".../.s.5432\""
    )]
    #[case("postgres://a:p%40ss@h", "\u{ab}p@ss\u{bb}", "\u{ab}...\u{bb}")]
    #[case(
        "host=hunter2 user='ada b'",
        "no host hunter2, no ada",
        "no host ..., no ..."
    )]
    #[case("postgres://h/d?options=-c%20a%3Dhunter2", "\"hunter2\"", "\"...\"")]
    #[case("postgres://ion@h/d", "connection", "connection")]
    #[case("postgres://h/d?sslmode=require", "sslmode", "sslmode")]
    fn parts_of_url_are_replaced(#[case] url: &str, #[case] message: &str, #[case] expected: &str) {
        assert_eq!(redact(message, url), expected);
    }
}
