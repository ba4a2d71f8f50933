//! Pasted serial numbers.

use std::collections::HashSet;

use devices_domain::{DeviceFilter, IdentifierKey};

use crate::query::Pairs;
use crate::texts::{self, EN};

/// Maximum number of pasted serial numbers, repetitions included. Bounds the time for reading them.
const MAX_PASTED: usize = 10 * DeviceFilter::MAX_SERIAL_NUMBERS;

/// Serial numbers as they were pasted, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SerialNumbers(Vec<(String, IdentifierKey)>);

impl SerialNumbers {
    /// Parses the parameters `serial_numbers`: texts with serial numbers that line breaks, tabs,
    /// commas or semicolons separate. A serial number can contain blanks. Serial numbers that
    /// differ in case only count once.
    ///
    /// # Errors
    /// A message if there are too many.
    pub(super) fn parse(query: &Pairs) -> Result<Self, String> {
        let texts = query.all("serial_numbers");
        let numbers = texts.flat_map(|text| text.split(['\t', '\r', '\n', ',', ';']));
        let numbers = numbers.map(str::trim).filter(|number| !number.is_empty());
        let mut seen = HashSet::new();
        let mut distinct = Vec::new();
        for (index, number) in numbers.enumerate() {
            let key = IdentifierKey::new(number);
            // Text that is no key finds nothing, but is reported like other unknown ones.
            let folded = key.folded().unwrap_or(number).to_owned();
            if seen.insert(folded) {
                distinct.push((number.to_owned(), key));
            }
            if distinct.len() > DeviceFilter::MAX_SERIAL_NUMBERS || index >= MAX_PASTED {
                let max = texts::group_digits(DeviceFilter::MAX_SERIAL_NUMBERS as u64);
                return Err(texts::fill(
                    EN.devices.too_many_serial_numbers,
                    &[("max", &max)],
                ));
            }
        }
        Ok(Self(distinct))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = IdentifierKey> + '_ {
        self.0.iter().map(|(_, key)| key.clone())
    }

    /// Returns the serial numbers in one text.
    pub(super) fn join(&self, separator: &str) -> String {
        let numbers: Vec<_> = self.0.iter().map(|(number, _)| number.as_str()).collect();
        numbers.join(separator)
    }

    /// Returns the serial numbers that are not among the known ones.
    pub(super) fn except(&self, known: &[IdentifierKey]) -> Self {
        let known: HashSet<_> = known.iter().filter_map(IdentifierKey::folded).collect();
        let is_unknown = |key: &IdentifierKey| key.folded().is_none_or(|key| !known.contains(key));
        let unknown = self.0.iter().filter(|(_, key)| is_unknown(key));
        Self(unknown.cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<SerialNumbers, String> {
        SerialNumbers::parse(&Pairs(vec![("serial_numbers".to_owned(), text.to_owned())]))
    }

    #[test]
    fn pasted_numbers_are_separated_and_folded() {
        let numbers = parse("A-1\r\na-1\tB2; C3,BZ  000123\u{a0}\nE5\n").unwrap();
        assert_eq!(numbers.join("|"), "A-1|B2|C3|BZ  000123|E5");
        let known = [IdentifierKey::new("b2"), IdentifierKey::new("E5")];
        assert_eq!(numbers.except(&known).join("|"), "A-1|C3|BZ  000123");
    }

    #[test]
    fn number_of_pasted_numbers_is_limited() {
        let text = |count: usize| (0..count).map(|n| format!("S{n}\n")).collect::<String>();
        assert_eq!(parse(&text(1_000)).unwrap().len(), 1_000);
        let error = parse(&text(1_001)).unwrap_err();
        assert_eq!(error, "must be at most 1,000: paste them in parts");
        assert_eq!(parse(&"S1,".repeat(MAX_PASTED)).unwrap().len(), 1);
        assert!(parse(&"S1,".repeat(MAX_PASTED + 1)).is_err());
    }
}
