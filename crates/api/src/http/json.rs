//! JSON in one pass, without a tree of values: strings are borrowed from the body where they can be.

use std::borrow::Cow;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use devices_domain::{ErrorCode, FieldError, Kind, RawRow, RawValue, Reason};
use serde::Serialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue as RawJson;

use super::body::{Body, work_on};
use super::problem::Problem;

/// Hands the value of a body to `expected`.
///
/// # Errors
/// Where the bytes are no JSON text at all. `wanted` says what they should be.
pub(super) fn read<'de>(
    body: &'de [u8],
    wanted: &str,
    expected: impl Expected<'de>,
) -> Result<(), FieldError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!(
            "is not UTF-8: byte {} begins no character",
            error.valid_up_to()
        );
        FieldError::whole(ErrorCode::InvalidBody, Reason::NotUtf8, detail)
    })?;
    // RFC 8259 lets a reader ignore a byte order mark, and Windows tools write one.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut json = serde_json::Deserializer::from_str(text);
    Any(expected)
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| {
            let detail = match text.trim_ascii().is_empty() {
                true => format!("is empty; it must be {wanted}"),
                false => format!("is not JSON: {error}"),
            };
            FieldError::whole(ErrorCode::InvalidBody, Reason::NotJson, detail)
        })
}

/// Reads a body that is one object, and hands its row to `judge`: on a large one where other requests do
/// not wait for it.
///
/// # Errors
/// Where the bytes are no JSON, or no object, and what `judge` says.
pub(super) async fn read_object<T, E>(
    body: &mut Body,
    row: fn() -> RawRow<'static>,
    judge: impl FnOnce(&RawRow<'_>) -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem>,
{
    let bytes = std::mem::take(&mut body.bytes);
    let work = move |bytes: &[u8]| -> Result<T, Problem> {
        let mut object = Object {
            row: row(),
            other: None,
        };
        read(bytes, "a JSON object", &mut object)?;
        match object.other {
            None => judge(&object.row).map_err(E::into),
            Some(found) => Err(no_object(found).into()),
        }
    };
    let (judged, _) = work_on(bytes, work).await?;
    judged
}

/// An answer of one thing: `{"data": ...}`.
pub(super) fn data(status: StatusCode, data: impl Serialize) -> HttpResponse {
    #[derive(Serialize)]
    struct Answer<T> {
        data: T,
    }
    HttpResponse::build(status).json(Answer { data })
}

/// That something is no object.
pub(super) fn no_object(found: Kind) -> FieldError {
    FieldError::whole(
        ErrorCode::InvalidBody,
        Reason::WrongType,
        format!("must be an object, not {}", found.as_str()),
    )
}

struct Object<'de> {
    row: RawRow<'de>,
    other: Option<Kind>,
}

impl<'de> Expected<'de> for &mut Object<'de> {
    fn object<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        read_members(members, &mut self.row)
    }

    fn other(self, found: Kind) {
        self.other = Some(found);
    }
}

/// Fills a row with the members of an object.
pub(super) fn read_members<'de, A: MapAccess<'de>>(
    mut members: A,
    row: &mut RawRow<'de>,
) -> Result<(), A::Error> {
    while let Some((name, value)) = members.next_entry::<&RawJson, &RawJson>()? {
        row.set(read_name(name.get()), read_value(value.get()));
    }
    Ok(())
}

/// A value that should be of one kind, and may be of any.
pub(super) trait Expected<'de>: Sized {
    /// Reads it, if it is an object.
    fn object<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.other(Kind::Object);
        Ok(())
    }

    /// Reads it, if it is an array.
    fn array<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.other(Kind::List);
        Ok(())
    }

    /// Takes note that it is of another kind.
    fn other(self, found: Kind);
}

/// Hands whatever value comes to [`Expected`].
pub(super) struct Any<T>(pub(super) T);

impl<'de, T: Expected<'de>> DeserializeSeed<'de> for Any<T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, T: Expected<'de>> Visitor<'de> for Any<T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.0.object(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.0.array(items)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.0.other(Kind::Boolean);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.0.other(Kind::Number);
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.0.other(Kind::Number);
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.0.other(Kind::Number);
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.0.other(Kind::Text);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.other(Kind::Null);
        Ok(())
    }
}

/// The name of a member, borrowed from the body unless it holds escapes. One that is no
/// well-formed Unicode names nothing that is known; it is called as it was written.
pub(super) fn read_name(json: &str) -> Cow<'_, str> {
    match read_text(json) {
        RawValue::Text(name) => name,
        _ => Cow::Borrowed(inner(json)),
    }
}

/// What stands between the quotes.
fn inner(json: &str) -> &str {
    &json[1..json.len() - 1]
}

/// The value that a piece of JSON spells; `json` is known to be well-formed.
fn read_value(json: &str) -> RawValue<'_> {
    match json.as_bytes().first() {
        Some(b'"') => read_text(json),
        Some(b't') => RawValue::Boolean(true),
        Some(b'f') => RawValue::Boolean(false),
        Some(b'n') => RawValue::Null,
        Some(b'[') => read_list(json),
        Some(b'{') => RawValue::Other(Kind::Object),
        _ => read_number(json),
    }
}

fn read_text(json: &str) -> RawValue<'_> {
    let inner = inner(json);
    if !inner.contains('\\') {
        return RawValue::text(inner);
    }
    // The one thing that is wrong with well-formed JSON text is a lone surrogate.
    serde_json::from_str::<String>(json).map_or(RawValue::IllFormedText, RawValue::text)
}

fn read_list(json: &str) -> RawValue<'_> {
    struct Items;

    impl<'de> Visitor<'de> for Items {
        type Value = Vec<RawValue<'de>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
            let mut values = Vec::new();
            while values.len() < RawValue::MAX_ITEMS {
                match items.next_element::<&RawJson>()? {
                    Some(item) => values.push(read_item(item.get())),
                    None => return Ok(values),
                }
            }
            while items.next_element::<IgnoredAny>()?.is_some() {}
            Ok(values)
        }
    }

    serde_json::Deserializer::from_str(json)
        .deserialize_seq(Items)
        .map_or(RawValue::Other(Kind::List), RawValue::List)
}

/// A list in a list stays unread: no field takes one, and reading it would go as deep as it is.
fn read_item(json: &str) -> RawValue<'_> {
    match json.starts_with('[') {
        true => RawValue::Other(Kind::List),
        false => read_value(json),
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
            true => RawValue::Other(Kind::Number),
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
            ("1.5", RawValue::Other(Kind::Number)),
            ("12e-1", RawValue::Other(Kind::Number)),
            ("1e-99999999999999999999", RawValue::Other(Kind::Number)),
            ("4503599627370497.4", RawValue::Other(Kind::Number)),
            ("12.00000000000000000001", RawValue::Other(Kind::Number)),
            ("{}", RawValue::Other(Kind::Object)),
            (
                r#"["a",null,[1]]"#,
                RawValue::List(vec![
                    RawValue::text("a"),
                    RawValue::Null,
                    RawValue::Other(Kind::List),
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
