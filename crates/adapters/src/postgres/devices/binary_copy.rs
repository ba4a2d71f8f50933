//! Encoder for the binary format of COPY
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format").
//!
//! Encodes all rows into one buffer, and sends it in large messages. Diesel's `from_insertable`
//! sends a message per row, which costs about 5 % of the throughput of batches at eight clients
//! (docs/PERFORMANCE.md).

use std::borrow::Cow;
use std::io;

use chrono::NaiveDate;
use diesel::sql_types::{BigInt, Bool, Date, Jsonb, Numeric, Text};
use rust_decimal::Decimal;

use crate::postgres::query::jsonb::JsonbAttributes;
use crate::postgres::query::length_prefix::append_with_length;

/// Maximum size of a message. libpq keeps a buffer of the largest message for as long as the
/// connection lives.
const MESSAGE_BYTES: usize = 64 * 1_024;

/// Typical size of an encoded row.
const ROW_BYTES: usize = 1_024;

/// Rows in the binary format of COPY.
pub(crate) struct BinaryRows(Vec<u8>);

impl BinaryRows {
    /// Creates a buffer for about `rows` rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(rows * ROW_BYTES);
        bytes.extend(b"PGCOPY\n\xff\r\n\0");
        // No flags, and an empty header extension.
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// Begins a row. Exactly `columns` calls of [`push`](Self::push) must follow.
    pub(crate) fn begin_row(&mut self, columns: usize) {
        self.0.extend((columns as i16).to_be_bytes());
    }

    /// Appends the trailer of the format. No row may follow.
    pub(crate) fn finish(&mut self) {
        self.0.extend((-1_i16).to_be_bytes());
    }

    /// Sends the rows.
    pub(crate) fn send(&self, copy: &mut dyn io::Write) -> io::Result<()> {
        self.0
            .chunks(MESSAGE_BYTES)
            .try_for_each(|message| copy.write_all(message))
    }
}

/// Takes the values of rows, column by column.
pub(crate) trait ValueSink {
    /// Appends the value of the next column.
    fn push(&mut self, value: &impl EncodeBinary);
}

impl ValueSink for BinaryRows {
    fn push(&mut self, value: &impl EncodeBinary) {
        value.encode(&mut self.0);
    }
}

/// Encodes a value as its length and its bytes, in network byte order. NULL has the length -1. The
/// elements of arrays have the same format.
pub(crate) trait EncodeBinary {
    /// SQL type of an element of an array of such values.
    type Element;
    /// Cast of an element to the type of the value.
    const CAST: &'static str = "";

    fn encode(&self, out: &mut Vec<u8>);

    /// Encodes an element of an array.
    fn encode_element(&self, out: &mut Vec<u8>) {
        self.encode(out);
    }
}

fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend((bytes.len() as i32).to_be_bytes());
    out.extend(bytes);
}

impl<T: EncodeBinary> EncodeBinary for Option<T> {
    type Element = T::Element;
    const CAST: &'static str = T::CAST;

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode(out),
            None => out.extend((-1_i32).to_be_bytes()),
        }
    }

    fn encode_element(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.encode_element(out),
            None => out.extend((-1_i32).to_be_bytes()),
        }
    }
}

impl EncodeBinary for i64 {
    type Element = BigInt;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.to_be_bytes(), out);
    }
}

impl EncodeBinary for bool {
    type Element = Bool;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&[u8::from(*self)], out);
    }
}

impl EncodeBinary for Cow<'_, str> {
    type Element = Text;

    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.as_bytes(), out);
    }
}

/// `date`: days since 2000-01-01.
impl EncodeBinary for NaiveDate {
    type Element = Date;

    fn encode(&self, out: &mut Vec<u8>) {
        const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
            Some(epoch) => epoch,
            None => NaiveDate::MIN,
        };
        let days = self.signed_duration_since(EPOCH).num_days();
        encode_bytes(&(days as i32).to_be_bytes(), out);
    }
}

/// `numeric`: digits in base 10,000. The weight is the exponent of the first digit
/// (`numeric_recv` in PostgreSQL's `numeric.c`).
impl EncodeBinary for Decimal {
    type Element = Numeric;

    fn encode(&self, out: &mut Vec<u8>) {
        const BASE: u128 = 10_000;
        let scale = self.scale();
        // Pads the fraction, so that a digit begins at the decimal point.
        let padding = (4 - scale % 4) % 4;
        let mut rest = self.mantissa().unsigned_abs() * 10_u128.pow(padding);
        let mut digits = Vec::with_capacity(8);
        while rest > 0 {
            digits.push((rest % BASE) as i16);
            rest /= BASE;
        }
        let fraction_digits = (scale + padding) / 4;
        let sign: u16 = if self.is_sign_negative() { 0x4000 } else { 0 };
        let weight = digits.len() as i16 - fraction_digits as i16 - 1;
        out.extend((8 + 2 * digits.len() as i32).to_be_bytes());
        out.extend((digits.len() as i16).to_be_bytes());
        out.extend(weight.to_be_bytes());
        out.extend(sign.to_be_bytes());
        out.extend((scale as i16).to_be_bytes());
        for digit in digits.iter().rev() {
            out.extend(digit.to_be_bytes());
        }
    }
}

/// `text[]`: one dimension, with the lower bound 1. An element of an array is the text of the list:
/// arrays in an array would need to have the same length.
impl EncodeBinary for Vec<Option<Cow<'_, str>>> {
    type Element = Text;
    const CAST: &'static str = "::text[]";

    fn encode_element(&self, out: &mut Vec<u8>) {
        append_with_length(out, |out| {
            out.push(b'{');
            for (index, item) in self.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                match item {
                    Some(item) => append_quoted(item, out),
                    None => out.extend(b"NULL"),
                }
            }
            out.push(b'}');
        });
    }

    fn encode(&self, out: &mut Vec<u8>) {
        const TEXT_OID: i32 = 25;
        append_with_length(out, |out| {
            let dimensions = i32::from(!self.is_empty());
            let has_null = i32::from(self.iter().any(Option::is_none));
            for number in [dimensions, has_null, TEXT_OID] {
                out.extend(number.to_be_bytes());
            }
            if !self.is_empty() {
                out.extend((self.len() as i32).to_be_bytes());
                out.extend(1_i32.to_be_bytes());
            }
            for item in self {
                item.encode(out);
            }
        });
    }
}

/// Appends an item of the text of a list, in quotes
/// (<https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>).
fn append_quoted(item: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in item.bytes() {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

impl EncodeBinary for JsonbAttributes<'_> {
    type Element = Jsonb;

    fn encode(&self, out: &mut Vec<u8>) {
        append_with_length(out, |out| {
            self.write(out)
                .expect("an object of strings can always be written as JSON");
        });
    }
}
