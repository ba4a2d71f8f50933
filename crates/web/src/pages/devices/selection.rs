//! Selected devices, as a text that fits into an address.

use std::collections::BTreeSet;

use devices_domain::{BulkChange, DeviceId};

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Data bits of a digit. The highest bit of a digit states that another one follows.
const BITS: u32 = 5;
const MORE: u8 = 1 << BITS;

/// Distinct devices, in ascending order of id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selection(BTreeSet<i64>);

impl Selection {
    pub(super) fn new(devices: impl IntoIterator<Item = DeviceId>) -> Self {
        Self(devices.into_iter().map(|device| device.0).collect())
    }

    /// Parses the ids of a form. Ignores what is not an id.
    pub(super) fn from_ids<'i>(ids: impl Iterator<Item = &'i str>) -> Self {
        let ids = ids.filter_map(|id| id.parse().ok().filter(|id| *id > 0));
        Self(ids.collect())
    }

    /// Encodes the differences between the ids: 1,000 devices of a workspace with a million take
    /// some 2,000 characters.
    pub(super) fn encode(&self) -> String {
        let mut text = String::new();
        let mut last = 0;
        for id in &self.0 {
            encode_number(&mut text, id.abs_diff(last));
            last = *id;
        }
        text
    }

    /// Decodes a selection of at least one and at most [`BulkChange::MAX_DEVICES`] devices.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let mut digits = text.bytes().peekable();
        let mut ids = BTreeSet::new();
        let mut last = 0_i64;
        while digits.peek().is_some() {
            last = last.checked_add_unsigned(decode_number(&mut digits)?)?;
            if last <= 0 || !ids.insert(last) || ids.len() > BulkChange::MAX_DEVICES {
                return None;
            }
        }
        (!ids.is_empty()).then_some(Self(ids))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn devices(&self) -> impl Iterator<Item = DeviceId> + '_ {
        self.0.iter().copied().map(DeviceId)
    }
}

fn encode_number(text: &mut String, mut number: u64) {
    loop {
        let bits = (number & u64::from(MORE - 1)) as u8;
        number >>= BITS;
        let digit = if number == 0 { bits } else { bits | MORE };
        text.push(char::from(DIGITS[usize::from(digit)]));
        if number == 0 {
            return;
        }
    }
}

/// Returns the next number, and `None` for malformed text.
fn decode_number(digits: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut number = 0_u64;
    let mut shift = 0;
    loop {
        let digit = digits.next()?;
        let digit = DIGITS.iter().position(|known| *known == digit)? as u64;
        let bits = digit & u64::from(MORE - 1);
        if shift > 60 || bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if digit & u64::from(MORE) == 0 {
            return Some(number);
        }
        shift += BITS;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_survives_its_text() {
        for ids in [vec![1], vec![31, 32, 33], vec![7, 1_000_000, i64::MAX]] {
            let selection = Selection::new(ids.into_iter().map(DeviceId));
            assert_eq!(Selection::decode(&selection.encode()), Some(selection));
        }
    }

    #[test]
    fn thousand_devices_fit_into_an_address() {
        let spread = Selection::new((1..=1_000).map(|n| DeviceId(n * 1_000)));
        assert!(spread.encode().len() <= 2_000);
    }

    #[test]
    fn malformed_text_is_rejected() {
        let many = Selection::new((1..=1_001).map(DeviceId)).encode();
        for text in ["", "A", "g", "?", "BA", "________________", many.as_str()] {
            assert_eq!(Selection::decode(text), None, "{text}");
        }
    }
}
