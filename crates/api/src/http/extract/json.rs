//! JSON in one pass, without a tree of values: strings are borrowed from the body where they can be.

use std::borrow::Cow;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use devices_domain::{ErrorCode, FieldError, RawRow, RawValue, Reason, ValueKind};
use memchr::memchr2;
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::http::extract::body::{Body, run_blocking_if_large};
use crate::http::respond::api_error::ApiError;

/// A body's JSON.
///
/// # Errors
/// Where the bytes are no JSON text at all. `wanted` says what they should be.
pub(crate) fn read<'a>(body: &'a [u8], wanted: &str) -> Result<Json<'a>, FieldError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!(
            "is not UTF-8: byte {} begins no character",
            error.valid_up_to()
        );
        FieldError::whole(ErrorCode::InvalidBody, Reason::NotUtf8, detail)
    })?;
    // RFC 8259 lets a reader ignore a byte order mark, and Windows tools write one.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(Json { text, at: 0 }),
        Err(error) => {
            let detail = match text.trim_ascii().is_empty() {
                true => format!("is empty; it must be {wanted}"),
                false => format!("is not JSON: {error}"),
            };
            Err(FieldError::whole(
                ErrorCode::InvalidBody,
                Reason::NotJson,
                detail,
            ))
        }
    }
}

/// Reads a body that is one object, and hands its row to `judge`: on a large one where other requests do
/// not wait for it.
///
/// # Errors
/// Where the bytes are no JSON, or no object, and what `judge` says.
pub(crate) async fn read_object<T, E>(
    body: &mut Body,
    row: fn() -> RawRow<'static>,
    judge: impl FnOnce(&RawRow<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, ApiError>
where
    T: Send + 'static,
    E: Into<ApiError>,
{
    let bytes = std::mem::take(&mut body.bytes);
    let work = move |bytes: &[u8]| -> Result<T, ApiError> {
        let mut json = read(bytes, "a JSON object")?;
        match json.kind() {
            ValueKind::Object => {
                let mut row = row();
                json.read_members(&mut row);
                judge(&row).map_err(E::into)
            }
            found => Err(no_object(found).into()),
        }
    };
    let (judged, _) = run_blocking_if_large(bytes, work).await?;
    judged
}

/// An answer of one thing: `{"data": ...}`.
pub(crate) fn data(status: StatusCode, data: impl Serialize) -> HttpResponse {
    #[derive(Serialize)]
    struct Answer<T> {
        data: T,
    }
    HttpResponse::build(status).json(Answer { data })
}

/// That something is no object.
pub(crate) fn no_object(found: ValueKind) -> FieldError {
    FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::WrongType,
        format!("must be an object, not {}", found.as_str()),
    )
}

/// Well-formed JSON that is read from its beginning to its end, each byte once, and of which nothing is
/// copied that need not be. It never goes deeper than its caller does.
pub(crate) struct Json<'a> {
    text: &'a str,
    /// Where the next value, or what comes before it, begins.
    at: usize,
}

impl<'a> Json<'a> {
    /// What the next value is.
    pub(crate) fn kind(&mut self) -> ValueKind {
        match self.seek() {
            Some(b'"') => ValueKind::Text,
            Some(b't' | b'f') => ValueKind::Boolean,
            Some(b'n') => ValueKind::Null,
            Some(b'[') => ValueKind::List,
            Some(b'{') => ValueKind::Object,
            _ => ValueKind::Number,
        }
    }

    /// The name of the next member of the object that is next, or was begun; its value is next then.
    /// `None` at the object's end.
    pub(crate) fn next_member(&mut self) -> Option<Cow<'a, str>> {
        if !self.has_next(b'{') {
            return None;
        }
        let quoted = self.quoted();
        self.seek_value();
        Some(match quoted.value() {
            RawValue::Text(name) => name,
            // One that is no well-formed Unicode names nothing that is known; it is called as it was
            // written.
            _ => Cow::Borrowed(quoted.inner()),
        })
    }

    /// Whether there is another item of the array that is next, or was begun; it is next then.
    pub(crate) fn next_item(&mut self) -> bool {
        self.has_next(b'[')
    }

    /// Goes to the next member or item of what `opening` begins, or over its end.
    fn has_next(&mut self, opening: u8) -> bool {
        // What comes before it was read to its end, so that this is no item that is begun.
        if matches!(self.seek(), Some(byte) if byte == opening || byte == b',') {
            self.at += 1;
        }
        match self.seek() {
            None | Some(b'}' | b']') => {
                self.at += 1;
                false
            }
            Some(_) => true,
        }
    }

    /// Fills a row with the members of the object that is next.
    pub(crate) fn read_members(&mut self, row: &mut RawRow<'a>) {
        while let Some(name) = self.next_member() {
            row.set(name, self.value());
        }
    }

    /// The next value.
    fn value(&mut self) -> RawValue<'a> {
        match self.kind() {
            ValueKind::Text => self.quoted().value(),
            ValueKind::Boolean => RawValue::Boolean(self.word() == "true"),
            ValueKind::List => self.list(),
            ValueKind::Object => {
                self.skip();
                RawValue::Other(ValueKind::Object)
            }
            ValueKind::Number => read_number(self.word()),
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
            values.push(match self.kind() {
                // It stays unread: no field takes one, and reading it would go as deep as it is.
                ValueKind::List => {
                    self.skip();
                    RawValue::Other(ValueKind::List)
                }
                _ => self.value(),
            });
        }
        RawValue::List(values)
    }

    /// Goes over the next value.
    pub(crate) fn skip(&mut self) {
        match self.kind() {
            ValueKind::Text => drop(self.quoted()),
            ValueKind::List | ValueKind::Object => self.skip_nested(),
            _ => drop(self.word()),
        }
    }

    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.quoted();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The byte that comes next, white space not counted.
    fn seek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Goes to the value of a member whose name was read.
    fn seek_value(&mut self) {
        if self.seek() == Some(b':') {
            self.at += 1;
        }
    }

    /// The number, or the word, that comes next.
    fn word(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let is_end = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let length = rest.as_bytes().iter().position(is_end);
        let word = &rest[..length.unwrap_or(rest.len())];
        self.at += word.len();
        word
    }

    /// The text that comes next.
    fn quoted(&mut self) -> Quoted<'a> {
        let rest = &self.text[self.at..];
        let (mut end, mut is_escaped) = (1, false);
        while let Some(found) = memchr2(b'"', b'\\', &rest.as_bytes()[end..]) {
            end += found + 1;
            if rest.as_bytes()[end - 1] == b'"' {
                break;
            }
            is_escaped = true;
            end += 1;
        }
        self.at += end;
        Quoted {
            json: &rest[..end],
            is_escaped,
        }
    }
}

/// A text as it is written.
struct Quoted<'a> {
    json: &'a str,
    is_escaped: bool,
}

impl<'a> Quoted<'a> {
    /// What stands between the quotes.
    fn inner(&self) -> &'a str {
        &self.json[1..self.json.len() - 1]
    }

    /// Borrowed unless it holds escapes.
    fn value(&self) -> RawValue<'a> {
        if !self.is_escaped {
            return RawValue::text(self.inner());
        }
        // The one thing that is wrong with well-formed JSON text is a lone surrogate.
        serde_json::from_str::<String>(self.json).map_or(RawValue::IllFormedText, RawValue::text)
    }
}

/// JSON knows no integers: `12.0` and `1.2e1` are 12, too. Decided by the digits: a float would
/// round what it cannot hold, and a device would go to another user.
fn read_number(json: &str) -> RawValue<'_> {
    if let Ok(integer) = json.parse() {
        return RawValue::Integer(integer);
    }
    let (mantissa, exponent) = json.split_once(['e', 'E']).unwrap_or((json, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    if significant.trim_start_matches(['-', '0']).is_empty() {
        return RawValue::Integer(0);
    }
    // The number is `significant`, followed by this many zeros; an exponent beyond 64 bits means
    // as much as the greatest.
    let beyond = match exponent.starts_with('-') {
        true => i64::MIN,
        false => i64::MAX,
    };
    let zeros = exponent
        .parse::<i64>()
        .unwrap_or(beyond)
        .saturating_sub_unsigned(fraction.len() as u64)
        .saturating_add_unsigned((digits.len() - significant.len()) as u64);
    let Ok(zeros) = u32::try_from(zeros) else {
        return match zeros < 0 {
            true => RawValue::Other(ValueKind::Number),
            false => RawValue::HugeInteger,
        };
    };
    let power = 10_i64.checked_pow(zeros);
    let integer = significant.parse::<i64>().ok().zip(power);
    let integer = integer.and_then(|(significant, power)| significant.checked_mul(power));
    integer.map_or(RawValue::HugeInteger, RawValue::Integer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_value(json: &str) -> RawValue<'_> {
        read(json.as_bytes(), "a value").unwrap().value()
    }

    #[test]
    fn values_are_read_as_what_they_spell() {
        let cases = [
            (r#""x""#, RawValue::text("x")),
            (r#""\u0041\n\ud83d\ude00""#, RawValue::text("A\n😀")),
            (r#""\ud83d""#, RawValue::IllFormedText),
            (r#""\ude00x""#, RawValue::IllFormedText),
            (r#""\u0000""#, RawValue::text("\0")),
            ("null", RawValue::Null),
            ("true", RawValue::Boolean(true)),
            ("12", RawValue::Integer(12)),
            ("-0", RawValue::Integer(0)),
            ("12.0", RawValue::Integer(12)),
            ("1.2e1", RawValue::Integer(12)),
            ("9223372036854775807", RawValue::Integer(i64::MAX)),
            ("9223372036854775808", RawValue::HugeInteger),
            ("9.223372036854775807e18", RawValue::Integer(i64::MAX)),
            ("9.223372036854775808e18", RawValue::HugeInteger),
            ("-9.223372036854775808e+18", RawValue::Integer(i64::MIN)),
            ("120e-1", RawValue::Integer(12)),
            ("0.0e99999999999999999999", RawValue::Integer(0)),
            ("1e400", RawValue::HugeInteger),
            ("1e99999999999999999999", RawValue::HugeInteger),
            ("1.5", RawValue::Other(ValueKind::Number)),
            ("12e-1", RawValue::Other(ValueKind::Number)),
            (
                "1e-99999999999999999999",
                RawValue::Other(ValueKind::Number),
            ),
            ("4503599627370497.4", RawValue::Other(ValueKind::Number)),
            (
                "12.00000000000000000001",
                RawValue::Other(ValueKind::Number),
            ),
            ("{}", RawValue::Other(ValueKind::Object)),
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
    fn text_without_escapes_is_borrowed() {
        assert!(matches!(
            read_value(r#""Dell""#),
            RawValue::Text(Cow::Borrowed("Dell"))
        ));
    }

    #[test]
    fn an_endless_list_keeps_no_more_items_than_are_looked_at() {
        let json = format!("[{}1]", "1,".repeat(1_000_000));
        let RawValue::List(items) = read_value(&json) else {
            panic!("not a list");
        };
        assert_eq!(items.len(), RawValue::MAX_ITEMS);
    }
}
