//! Detects the delimiter of a text.

use super::records::Records;

const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
const MAX_RECORDS: usize = 100;

/// Returns the delimiter of a first line such as `sep=;`, and the length of the line in bytes.
/// Excel honours and hides this line.
pub(super) fn separator_line(sample: &str) -> Option<(u8, usize)> {
    let end = sample.find(['\r', '\n'])?;
    let line = &sample[..end];
    let text = line
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let text = text.unwrap_or(line);
    let (name, delimiter) = text.split_at_checked("sep=".len())?;
    let &[delimiter] = delimiter.as_bytes() else {
        return None;
    };
    if !name.eq_ignore_ascii_case("sep=") || !is_delimiter(delimiter) {
        return None;
    }
    let ending = if sample[end..].starts_with("\r\n") {
        2
    } else {
        1
    };
    Some((delimiter, end + ending))
}

fn is_delimiter(byte: u8) -> bool {
    byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'"')
}

/// Returns the delimiter that splits the most records into the same number of fields. Prefers more
/// fields: decimal commas may also be regular.
pub(super) fn detect(sample: &str) -> u8 {
    let mut best = (0, 0, b',');
    for delimiter in DELIMITERS {
        let (records, fields) = most_frequent_length(sample, delimiter);
        if fields > 1 && (records, fields) > (best.0, best.1) {
            best = (records, fields, delimiter);
        }
    }
    best.2
}

/// Returns the number of records that have the most frequent number of fields, and this number.
fn most_frequent_length(sample: &str, delimiter: u8) -> (usize, usize) {
    let mut records = Records::new(sample.as_bytes(), delimiter);
    let mut lengths = std::collections::BTreeMap::new();
    for _ in 0..MAX_RECORDS {
        // The sample may end within a quoted field.
        let Ok(Some(_)) = records.read() else {
            break;
        };
        *lengths.entry(records.fields().count()).or_insert(0) += 1;
    }
    let frequencies = lengths
        .into_iter()
        .map(|(fields, records)| (records, fields));
    frequencies.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::comma("a,b,c\n1,2,3\n", b',')]
    #[case::semicolon("a;b;c\n1;2;3\n", b';')]
    #[case::tab("a\tb\n1\t2\n", b'\t')]
    #[case::pipe("a|b\n1|2\n", b'|')]
    #[case::decimal_commas("Name;Preis\nDell;1.299,00\nHP;999,00\n", b';')]
    #[case::commas_in_text("a;b\nx, y, z;1\nu, v;2\nw;3\n", b';')]
    #[case::title_rows("Inventory, 2024\n\n\na;b;c\n1;2;3\n4;5;6\n", b';')]
    #[case::quoted_delimiters("a,b\n\"1;2;3\",4\n\"5;6;7\",8\n", b',')]
    #[case::quoted_line_breaks("a;b\n\"1,2\n3,4\";x\n\"5,6\n7,8\";y\n", b';')]
    #[case::trailing_fields_missing("a;b;c\n1;2\n1;2;3\n1;2;3\n", b';')]
    #[case::one_column("serial\nA1\nA2\n", b',')]
    #[case::empty("", b',')]
    fn delimiter_is_detected(#[case] sample: &str, #[case] delimiter: u8) {
        assert_eq!(char::from(detect(sample)), char::from(delimiter));
    }

    #[rstest]
    #[case("sep=;\na;b\n", Some((b';', 6)))]
    #[case("SEP=\t\r\na\tb", Some((b'\t', 7)))]
    #[case("\"sep=|\"\ra|b", Some((b'|', 8)))]
    #[case("sep=;", None)]
    #[case("sep=ab\n", None)]
    #[case("sep=\n", None)]
    #[case("seü=;\n", None)]
    #[case("name,sep=;\n", None)]
    fn separator_line_is_recognised(#[case] sample: &str, #[case] found: Option<(u8, usize)>) {
        assert_eq!(separator_line(sample), found);
    }
}
