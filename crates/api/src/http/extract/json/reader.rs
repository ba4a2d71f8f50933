//! Reads values one after another.

use std::borrow::Cow;

use devices_domain::{RawRow, RawValue, ValueKind};
use serde::de::IgnoredAny;
use serde_json::Deserializer;

use super::number::parse_number;
use super::string::JsonString;

/// Reads JSON from beginning to end, each byte once, without copies that can be avoided. It skips
/// nested values in a loop, so that deep nesting cannot overflow the stack.
///
/// At malformed JSON the reader stops: every container ends, and every further value is null, zero
/// or empty. [`is_complete`](Self::is_complete) then returns `false`.
pub(crate) struct JsonReader<'a> {
    text: &'a str,
    /// Offset of the next value, or of the punctuation before it.
    offset: usize,
    /// `true` if the previous token ends a value, so that an entry of an object or array ends.
    is_after_value: bool,
    is_malformed: bool,
}

impl<'a> JsonReader<'a> {
    /// Returns a reader of `text`.
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            offset: 0,
            is_after_value: false,
            is_malformed: false,
        }
    }

    /// Returns `true` if exactly one well-formed value has been read.
    pub(super) fn is_complete(&mut self) -> bool {
        self.skip_whitespace().is_none() && self.is_after_value && !self.is_malformed
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
        if self.advance(b'{', b'}') {
            self.name()
        } else {
            None
        }
    }

    fn name(&mut self) -> Option<(Cow<'a, str>, bool)> {
        let name = self.string()?;
        self.skip_colon();
        Some(match name.value() {
            RawValue::Text(name) => (name, true),
            _ => (Cow::Borrowed(name.escaped()), false),
        })
    }

    /// Advances to the value of the next member if its name is `expected`.
    fn skip_name(&mut self, expected: &str) -> bool {
        let rest = &self.text.as_bytes()[self.offset..];
        let name = rest.strip_prefix(b"\"");
        let name = name.and_then(|name| name.strip_prefix(expected.as_bytes()));
        let is_expected = name.is_some_and(|rest| rest.first() == Some(&b'"'));
        if is_expected {
            self.offset += expected.len() + 2;
            self.skip_colon();
        }
        is_expected
    }

    /// Skips the colon after the name of a member.
    fn skip_colon(&mut self) {
        if self.skip_whitespace() == Some(b':') {
            self.offset += 1;
            self.is_after_value = false;
        } else {
            self.set_malformed();
        }
    }

    /// Advances to the next item; returns `false` at the end of the array. The first call enters
    /// the array.
    pub(crate) fn next_item(&mut self) -> bool {
        self.advance(b'[', b']')
    }

    /// Enters an object or array, or advances to its next entry. At the end, leaves it and returns
    /// `false`.
    fn advance(&mut self, opening: u8, closing: u8) -> bool {
        let is_first = !self.is_after_value;
        let separator = if is_first { opening } else { b',' };
        let mut next = self.skip_whitespace();
        if next == Some(separator) {
            self.offset += 1;
            self.is_after_value = false;
            next = self.skip_whitespace();
            // The end after a comma is malformed: reading an entry finds that there is none.
            if !is_first || next != Some(closing) {
                return true;
            }
        }
        if next == Some(closing) {
            self.offset += 1;
            self.is_after_value = true;
        } else {
            self.set_malformed();
        }
        false
    }

    /// Stops reading.
    fn set_malformed(&mut self) {
        self.offset = self.text.len();
        self.is_malformed = true;
    }

    /// Sets the members of the next object in `row`.
    pub(crate) fn read_members(&mut self, row: &mut RawRow<'a>) {
        while self.advance(b'{', b'}') {
            if self.skip_name(row.expected_name()) {
                row.set_expected(self.value());
            } else if let Some((name, _)) = self.name() {
                row.set(name, self.value());
            }
        }
    }

    /// Reads the next value.
    pub(super) fn value(&mut self) -> RawValue<'a> {
        match self.kind() {
            ValueKind::Text => self.text_value(),
            ValueKind::Boolean => RawValue::Boolean(self.boolean()),
            ValueKind::List => self.list(),
            ValueKind::Object => self.object(),
            ValueKind::Number => parse_number(self.number()),
            ValueKind::Null | ValueKind::Nothing => {
                self.literal("null");
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

    /// Skips the next value, and returns its text.
    pub(crate) fn skip(&mut self) -> &'a str {
        self.skip_whitespace();
        let rest = &self.text[self.offset..];
        let mut values = Deserializer::from_str(rest).into_iter::<IgnoredAny>();
        if !matches!(values.next(), Some(Ok(_))) {
            self.set_malformed();
            return "";
        }
        let token = &rest[..values.byte_offset()];
        self.offset += token.len();
        self.is_after_value = true;
        token
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

    /// Reads `literal`, which must be next.
    fn literal(&mut self, literal: &str) {
        if self.text[self.offset..].starts_with(literal) {
            self.offset += literal.len();
            self.is_after_value = true;
        } else {
            self.set_malformed();
        }
    }

    fn boolean(&mut self) -> bool {
        let value = self.byte() == Some(b't');
        self.literal(if value { "true" } else { "false" });
        value
    }

    fn number(&mut self) -> &'a str {
        let rest = &self.text[self.offset..];
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, after) = rest.split_at(length);
        let is_integer = length > 0 && (length == 1 || !digits.starts_with('0'));
        if !is_integer || after.starts_with(['.', 'e', 'E']) {
            return self.skip();
        }
        self.offset += length;
        self.is_after_value = true;
        digits
    }

    fn text_value(&mut self) -> RawValue<'a> {
        self.string()
            .map_or(RawValue::Null, |string| string.value())
    }

    fn string(&mut self) -> Option<JsonString<'a>> {
        let string = JsonString::scan(&self.text[self.offset..]);
        match &string {
            Some(string) => {
                self.offset += string.len();
                self.is_after_value = true;
            }
            None => self.set_malformed(),
        }
        string
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::extract::json::read;

    fn read_value(json: &str) -> RawValue<'_> {
        read(json.as_bytes(), "a value", JsonReader::value).unwrap()
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
