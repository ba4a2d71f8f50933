//! Rows in the format of binary COPY, written straight into one buffer
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format"). Diesel's own writer makes a
//! buffer for each value.

use std::borrow::Cow;

use chrono::NaiveDate;
use rust_decimal::Decimal;

/// Rows that are being written.
pub(crate) struct Rows(Vec<u8>);

impl Rows {
    /// None, with room for so many of the usual size.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let mut bytes = Vec::with_capacity(rows * 1_024);
        // The signature, no flags, no extension of the header.
        bytes.extend(b"PGCOPY\n\xff\r\n\0");
        bytes.extend([0; 8]);
        Self(bytes)
    }

    /// Begins a row of so many columns; as many [values](Self::push) are to follow.
    pub(crate) fn begin(&mut self, columns: usize) {
        self.0.extend((columns as i16).to_be_bytes());
    }

    /// The value of the next column.
    pub(crate) fn push(&mut self, value: &impl Binary) {
        value.write(&mut self.0);
    }

    /// All rows, to be sent.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.extend((-1_i16).to_be_bytes());
        self.0
    }
}

/// What is written as its length and its bytes.
pub(crate) trait Binary {
    fn write(&self, out: &mut Vec<u8>);
}

fn write(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as i32).to_be_bytes());
    out.extend(bytes);
}

impl<T: Binary> Binary for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend((-1_i32).to_be_bytes()),
        }
    }
}

impl Binary for i64 {
    fn write(&self, out: &mut Vec<u8>) {
        write(out, &self.to_be_bytes());
    }
}

impl Binary for bool {
    fn write(&self, out: &mut Vec<u8>) {
        write(out, &[u8::from(*self)]);
    }
}

impl Binary for Cow<'_, str> {
    fn write(&self, out: &mut Vec<u8>) {
        write(out, self.as_bytes());
    }
}

/// Days since the first of January 2000.
impl Binary for NaiveDate {
    fn write(&self, out: &mut Vec<u8>) {
        const EPOCH: NaiveDate = match NaiveDate::from_ymd_opt(2000, 1, 1) {
            Some(epoch) => epoch,
            None => NaiveDate::MIN,
        };
        let days = self.signed_duration_since(EPOCH).num_days();
        write(out, &(days as i32).to_be_bytes());
    }
}

/// Digits to the base of 10,000; the weight is the first one's power (`numeric_recv` in
/// PostgreSQL's `numeric.c`).
impl Binary for Decimal {
    fn write(&self, out: &mut Vec<u8>) {
        const BASE: u128 = 10_000;
        let scale = self.scale();
        // So that a digit begins at the decimal point.
        let padding = (4 - scale % 4) % 4;
        let mut rest = self.mantissa().unsigned_abs() * 10_u128.pow(padding);
        let mut digits = Vec::with_capacity(8);
        while rest > 0 {
            digits.push((rest % BASE) as i16);
            rest /= BASE;
        }
        let fraction = (scale + padding) / 4;
        let sign: u16 = if self.is_sign_negative() { 0x4000 } else { 0 };
        let weight = digits.len() as i16 - fraction as i16 - 1;
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

/// `text[]` of one dimension, counted from 1.
impl Binary for Vec<Option<Cow<'_, str>>> {
    fn write(&self, out: &mut Vec<u8>) {
        const TEXT: i32 = 25;
        let length = out.len();
        out.extend([0; 4]);
        let dimensions = i32::from(!self.is_empty());
        let has_null = i32::from(self.iter().any(Option::is_none));
        for number in [dimensions, has_null, TEXT] {
            out.extend(number.to_be_bytes());
        }
        if !self.is_empty() {
            out.extend((self.len() as i32).to_be_bytes());
            out.extend(1_i32.to_be_bytes());
        }
        for item in self {
            item.write(out);
        }
        let written = (out.len() - length - 4) as i32;
        out[length..length + 4].copy_from_slice(&written.to_be_bytes());
    }
}
