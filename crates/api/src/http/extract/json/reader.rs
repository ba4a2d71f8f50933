//! Reads values one after another.

use std::borrow::Cow;

use devices_domain::{RawRow, RawValue, ValueKind};

use super::number::parse_number;
use super::string::JsonString;

/// Reads well-formed JSON from beginning to end, each byte once, without copies that can be
/// avoided. It skips nested values in a loop, so that deep nesting cannot overflow the stack.
pub(crate) struct JsonReader<'a> {
    text: &'a str,
    /// Offset of the next value, or of the punctuation before it.
    offset: usize,
}

impl<'a> JsonReader<'a> {
    /// Returns a reader of `text`, which must be well-formed JSON.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// Returns the kind of the next value.
    pub(crate) fn kind(&mut self) -> ValueKind {
        match self.skip_whitespace() {
            Some(b'"') => ValueKind::Text,
            Some(b't' | b'f') => ValueKind::Boolean,
            Some(b'n') => ValueKind::Null,
            Some(b'[') => ValueKind::List,
            Some(b'{') => ValueKind::Object,
            _ => ValueKind::Number,
        }
    }

    /// Advances to the value of the next member, and returns the name of the member; `None` at the
    /// end of the object. The first call enters the object.
    pub(crate) fn next_member(&mut self) -> Option<Cow<'a, str>> {
        self.next_name().map(|(name, _)| name)
    }

    /// Advances like [`next_member`](Self::next_member). Also returns `true` if the name is
    /// well-formed. A name with a lone surrogate is no known name. Errors show it with its escapes.
    fn next_name(&mut self) -> Option<(Cow<'a, str>, bool)> {
        if !self.advance(b'{') {
            return None;
        }
        let name = self.string();
        self.skip_colon();
        Some(match name.value() {
            RawValue::Text(name) => (name, true),
            _ => (Cow::Borrowed(name.escaped()), false),
        })
    }

    /// Advances to the next item; returns `false` at the end of the array. The first call enters
    /// the array.
    pub(crate) fn next_item(&mut self) -> bool {
        self.advance(b'[')
    }

    /// Enters the object or array that `opening` begins, or advances to its next entry. At the end,
    /// leaves it and returns `false`.
    fn advance(&mut self, opening: u8) -> bool {
        // The previous entry was read to its end, so that `opening` cannot begin an entry here.
        if matches!(self.skip_whitespace(), Some(byte) if byte == opening || byte == b',') {
            self.offset += 1;
        }
        match self.skip_whitespace() {
            None | Some(b'}' | b']') => {
                self.offset += 1;
                false
            }
            Some(_) => true,
        }
    }

    /// Sets the members of the next object in `row`.
    pub(crate) fn read_members(&mut self, row: &mut RawRow<'a>) {
        while let Some(name) = self.next_member() {
            row.set(name, self.value());
        }
    }

    fn value(&mut self) -> RawValue<'a> {
        match self.kind() {
            ValueKind::Text => self.string().value(),
            ValueKind::Boolean => RawValue::Boolean(self.literal() == "true"),
            ValueKind::List => self.list(),
            ValueKind::Object => self.object(),
            ValueKind::Number => parse_number(self.literal()),
            ValueKind::Null | ValueKind::Nothing => {
                self.skip();
                RawValue::Null
            }
        }
    }

    fn list(&mut self) -> RawValue<'a> {
        let mut values = Vec::new();
        while self.next_item() {
            if values.len() == RawValue::MAX_ITEMS {
                self.skip();
                continue;
            }
            values.push(self.nested_value());
        }
        RawValue::List(values)
    }

    fn object(&mut self) -> RawValue<'a> {
        let mut members = Vec::new();
        while let Some((name, is_well_formed)) = self.next_name() {
            if members.len() == RawValue::MAX_MEMBERS {
                self.skip();
                continue;
            }
            let value = self.nested_value();
            // The value carries the error of a name that is not well-formed.
            let value = if is_well_formed {
                value
            } else {
                RawValue::IllFormedText
            };
            members.push((name, value));
        }
        RawValue::Object(members)
    }

    /// Reads a value inside a list or an object. No field takes lists or objects there, and reading
    /// them would recurse as deep as they are nested.
    fn nested_value(&mut self) -> RawValue<'a> {
        match self.kind() {
            kind @ (ValueKind::List | ValueKind::Object) => {
                self.skip();
                RawValue::Other(kind)
            }
            _ => self.value(),
        }
    }

    /// Skips the next value.
    pub(crate) fn skip(&mut self) {
        match self.kind() {
            ValueKind::Text => drop(self.string()),
            ValueKind::List | ValueKind::Object => self.skip_nested(),
            _ => drop(self.literal()),
        }
    }

    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.offset += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    /// Skips white space, and returns the next byte without consuming it.
    fn skip_whitespace(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.offset += 1;
        }
        self.byte()
    }

    /// Skips the colon after the name of a member.
    fn skip_colon(&mut self) {
        if self.skip_whitespace() == Some(b':') {
            self.offset += 1;
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    fn literal(&mut self) -> &'a str {
        let rest = &self.text[self.offset..];
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let length = rest.as_bytes().iter().position(is_end);
        let literal = &rest[..length.unwrap_or(rest.len())];
        self.offset += literal.len();
        literal
    }

    fn string(&mut self) -> JsonString<'a> {
        let string = JsonString::scan(&self.text[self.offset..]);
        self.offset += string.len();
        string
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::json::parse;

    fn read_value(json: &str) -> RawValue<'_> {
        parse(json.as_bytes(), "a value").unwrap().value()
    }

    #[test]
    fn each_kind_of_value_is_read() {
        let cases = [
            (r#""x""#, RawValue::text("x")),
            (r#""\u0041\n\ud83d\ude00""#, RawValue::text("A\n😀")),
            (r#""\ud83d""#, RawValue::IllFormedText),
            (r#""\u0000""#, RawValue::text("\0")),
            ("null", RawValue::Null),
            ("true", RawValue::Boolean(true)),
            ("12", RawValue::Integer(12)),
            ("1.5", RawValue::Other(ValueKind::Number)),
            ("{}", RawValue::Object(vec![])),
            (
                r#"{"a": "b", "a": null, "\ud83d": "x", "n": {"a": [{}]}, "l": [1]}"#,
                RawValue::Object(vec![
                    ("a".into(), RawValue::text("b")),
                    ("a".into(), RawValue::Null),
                    ("\\ud83d".into(), RawValue::IllFormedText),
                    ("n".into(), RawValue::Other(ValueKind::Object)),
                    ("l".into(), RawValue::Other(ValueKind::List)),
                ]),
            ),
            (
                r#"["a",null,[1]]"#,
                RawValue::List(vec![
                    RawValue::text("a"),
                    RawValue::Null,
                    RawValue::Other(ValueKind::List),
                ]),
            ),
        ];
        for (json, value) in cases {
            assert_eq!(read_value(json), value, "{json}");
        }
    }

    #[test]
    fn large_object_is_truncated_to_the_maximum() {
        let json = format!("{{{}\"b\":1}}", "\"a\":{},".repeat(1_000_000));
        let RawValue::Object(members) = read_value(&json) else {
            panic!("not an object");
        };
        assert_eq!(members.len(), RawValue::MAX_MEMBERS);
    }

    #[test]
    fn long_list_is_truncated_to_the_maximum() {
        let json = format!("[{}1]", "1,".repeat(1_000_000));
        let RawValue::List(items) = read_value(&json) else {
            panic!("not a list");
        };
        assert_eq!(items.len(), RawValue::MAX_ITEMS);
    }
}
