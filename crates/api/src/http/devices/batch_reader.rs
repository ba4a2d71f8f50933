//! Reads a batch out of a body in one pass: each device is judged as soon as it was read, its
//! strings are borrowed from the body where they can be, and no tree of values is built.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use devices_domain::{
    Batch, BatchRules, ErrorCode, FieldError, Kind, RawRow, RawValue, Reason, UnknownFields,
};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue as RawJson;

/// The judged batch of a body `{"devices": [...]}`.
///
/// # Errors
/// Where the bytes are no JSON text at all. Every other fault, also of the body's shape, is in the
/// batch: it will be refused.
pub(super) fn read(body: &[u8], rules: BatchRules) -> Result<Batch, FieldError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let detail = format!(
            "is not UTF-8: byte {} begins no character",
            error.valid_up_to()
        );
        FieldError::whole(ErrorCode::InvalidBody, Reason::NotUtf8, detail)
    })?;
    // RFC 8259 lets a reader ignore a byte order mark, and Windows tools write one.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut batch = Batch::new(rules);
    let mut json = serde_json::Deserializer::from_str(text);
    Any(Body(&mut batch))
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| {
            let detail = match text.trim_ascii().is_empty() {
                true => "is empty; it must be a JSON object with the member `devices`".to_owned(),
                false => format!("is not JSON: {error}"),
            };
            FieldError::whole(ErrorCode::InvalidBody, Reason::NotJson, detail)
        })?;
    Ok(batch)
}

/// A value that should be of one kind, and may be of any.
trait Expected<'de>: Sized {
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
struct Any<T>(T);

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

/// The one member of the body.
const DEVICES: &str = "devices";

fn refuse(batch: &mut Batch, field: &str, reason: Reason, detail: impl Into<Cow<'static, str>>) {
    let field = field.to_owned();
    batch.refuse(FieldError::of(
        field,
        ErrorCode::InvalidBody,
        reason,
        detail,
    ));
}

/// Names that are longer are not repeated to their sender.
const MAX_SHOWN_NAME: usize = 255;

fn refuse_member(batch: &mut Batch, name: &str, reason: Reason) {
    let (shown, hidden) = match reason {
        Reason::RepeatedField => (GIVEN_TWICE, "holds a member twice"),
        _ => (
            "is no member of the body, which holds `devices` alone",
            "holds a member that it does not know; it holds `devices` alone",
        ),
    };
    match name.len() > MAX_SHOWN_NAME {
        true => batch.refuse(FieldError::whole(ErrorCode::InvalidBody, reason, hidden)),
        false => refuse(batch, name, reason, shown),
    }
}

const GIVEN_TWICE: &str = "is given twice";

struct Body<'b>(&'b mut Batch);

impl<'de> Expected<'de> for Body<'_> {
    fn object<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self(batch) = self;
        let mut has_devices = false;
        let mut ignored = HashSet::new();
        while let Some(name) = members.next_key::<&RawJson>()? {
            let name = read_name(name.get());
            if name != DEVICES {
                members.next_value::<IgnoredAny>()?;
                if batch.rules().unknown_fields == UnknownFields::Refuse {
                    refuse_member(batch, &name, Reason::UnknownField);
                } else if let Some(name) = ignored.replace(name) {
                    refuse_member(batch, &name, Reason::RepeatedField);
                }
            } else if has_devices {
                members.next_value::<IgnoredAny>()?;
                refuse(batch, DEVICES, Reason::RepeatedField, GIVEN_TWICE);
            } else {
                has_devices = true;
                members.next_value_seed(Any(Devices(batch)))?;
            }
        }
        if !has_devices {
            refuse(batch, DEVICES, Reason::Required, "is required");
        }
        Ok(())
    }

    fn other(self, found: Kind) {
        self.0.refuse(FieldError::whole(
            ErrorCode::InvalidBody,
            Reason::WrongType,
            format!("must be an object, not {}", found.as_str()),
        ));
    }
}

struct Devices<'b>(&'b mut Batch);

impl<'de> Expected<'de> for Devices<'_> {
    fn array<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(batch) = self;
        let mut row = RawRow::new();
        while items
            .next_element_seed(Any(Device {
                batch,
                row: &mut row,
            }))?
            .is_some()
        {}
        Ok(())
    }

    fn other(self, found: Kind) {
        let detail = format!("must be an array, not {}", found.as_str());
        refuse(self.0, DEVICES, Reason::WrongType, detail);
    }
}

/// One device; the row is lent so that all devices fill the same one.
struct Device<'b, 'de> {
    batch: &'b mut Batch,
    row: &'b mut RawRow<'de>,
}

impl<'de> Expected<'de> for Device<'_, 'de> {
    fn object<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.row.clear();
        while let Some((name, value)) = members.next_entry::<&RawJson, &RawJson>()? {
            self.row.set(read_name(name.get()), read_value(value.get()));
        }
        self.batch.push(self.row);
        Ok(())
    }

    fn other(self, found: Kind) {
        self.batch.push_other(found);
    }
}

/// The name of a member, borrowed from the body unless it holds escapes. One that is no
/// well-formed Unicode names nothing that is known; it is called as it was written.
fn read_name(json: &str) -> Cow<'_, str> {
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
mod tests;
