//! Readers of values: from the cells of a column to the raw values of its field.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use devices_domain::{Field, Format, InvalidValue, RawValue, Reason, fold_case, trim};

use super::amount::{amount_of_number, read_amount, rewrite_amount};
use super::boolean::parse_boolean;
use super::date::{DateOrder, is_two_way_date, read_date};
use super::day_number::date_of_number;
use super::display_text;
use super::number::{
    converted, identifier_text, is_shortened_number, lost_digits, number_text, plain_text,
    shortened_text,
};
use crate::columns::Target;
use crate::options::{DateFormat, DecimalMark, ImportOptions};
use crate::source::Cell;

/// Fields whose values are numbers of documents, with the rules of identifiers for damage.
const DOCUMENT_NUMBERS: &[&str] = &["client_contract_number", "client_invoice_number"];

/// Treatment of the values of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A number that is compared or copied digit by digit.
    Identifier,
    List,
    Amount,
    Date,
    Boolean,
    Id,
}

/// Reads the values of a field from cells.
#[derive(Debug)]
pub(crate) struct ValueReader {
    kind: Kind,
    translations: Option<Translations>,
    date_order: Option<DateOrder>,
    is_1904: bool,
    formats: Formats,
}

/// Formats that the options state.
#[derive(Debug, Clone, Copy)]
struct Formats {
    date: Option<DateFormat>,
    decimal: Option<DecimalMark>,
}

impl ValueReader {
    /// Creates a reader for a target, with the translations and formats of the options.
    pub(crate) fn new(target: &Target, options: &ImportOptions, is_1904: bool) -> Self {
        let translations = options.values.get(&target.to_string());
        Self {
            kind: target.field().map_or(Kind::Text, Kind::of_field),
            translations: translations.map(Translations::new),
            date_order: None,
            is_1904,
            formats: Formats {
                date: options.date_format,
                decimal: options.decimal,
            },
        }
    }

    /// Returns whether the order of day and month must be decided.
    pub(crate) fn needs_date_order(&self) -> bool {
        self.kind == Kind::Date && self.formats.date.is_none()
    }

    pub(crate) fn set_date_order(&mut self, order: DateOrder) {
        self.date_order = Some(order);
    }

    /// Returns the format of dates in text: that of the options, or the decided order. `None` for
    /// other fields, and if no order was decided.
    pub(crate) fn date_format(&self) -> Option<DateFormat> {
        if self.kind != Kind::Date {
            return None;
        }
        let decided = self.date_order.map(|order| match order {
            DateOrder::DayFirst => DateFormat::DayFirst,
            DateOrder::MonthFirst => DateFormat::MonthFirst,
        });
        self.formats.date.or(decided)
    }

    /// Returns the text of a cell after the translation.
    pub(crate) fn translated<'a>(&'a self, cell: &'a Cell<'_>) -> Cow<'a, str> {
        match self.translation(cell) {
            Some(translated) => translated.into(),
            None => display_text(cell),
        }
    }

    /// Returns the translation of a cell. An error value has none, not even that of empty cells.
    fn translation(&self, cell: &Cell<'_>) -> Option<&str> {
        let translations = self.translations.as_ref()?;
        match cell {
            Cell::Error => None,
            cell => translations.get(trim(&display_text(cell))),
        }
    }

    /// Reads a cell. A value that the spreadsheet damaged is [`RawValue::Invalid`].
    pub(crate) fn read<'a>(&'a self, cell: &'a Cell<'_>) -> RawValue<'a> {
        if let Some(translated) = self.translation(cell) {
            return self.read_text(translated);
        }
        match cell {
            Cell::Empty => RawValue::Text(Cow::Borrowed("")),
            Cell::Text(text) => self.read_text(text),
            Cell::Number(number) => self.read_number(*number),
            Cell::Date(_) if self.kind == Kind::Identifier => invalid(converted("a date")),
            Cell::Boolean(_) if self.kind == Kind::Identifier => invalid(converted("a boolean")),
            Cell::Date(date) => RawValue::Text(date.to_string().into()),
            Cell::Boolean(value) if self.kind == Kind::Boolean => RawValue::Boolean(*value),
            Cell::Boolean(_) => RawValue::Text(display_text(cell)),
            Cell::Error => invalid(error_value()),
        }
    }

    /// Returns the cell as text for the file of rejected rows. Reading it again yields the same
    /// value, or an error.
    pub(crate) fn rewrite<'a>(&'a self, cell: &'a Cell<'_>) -> Cow<'a, str> {
        if self.translation(cell).is_some() {
            return display_text(cell);
        }
        match cell {
            Cell::Error => ERROR_VALUE.into(),
            Cell::Date(_) | Cell::Boolean(_) if self.kind == Kind::Identifier => ERROR_VALUE.into(),
            Cell::Number(number) => self.rewrite_number(*number).into(),
            Cell::Text(text) if self.date_order.is_some() && is_two_way_date(text) => {
                match self.read_text(text) {
                    RawValue::Text(date) => date.into_owned().into(),
                    _ => Cow::Borrowed(text),
                }
            }
            _ => display_text(cell),
        }
    }

    fn rewrite_number(&self, number: f64) -> String {
        let text = match self.read_number(number) {
            RawValue::Text(text) => text.into_owned(),
            RawValue::Invalid(_) if self.kind == Kind::Identifier => shortened_text(number),
            // A number of more than 15 digits, of which a spreadsheet shows as many.
            RawValue::Invalid(_) if self.kind != Kind::Date => ERROR_VALUE.to_owned(),
            _ => number_text(number),
        };
        if self.kind == Kind::Amount {
            rewrite_amount(text, self.formats.decimal)
        } else {
            text
        }
    }

    /// Reads a text, such as a default.
    pub(crate) fn read_text<'a>(&'a self, text: &'a str) -> RawValue<'a> {
        if is_error_value(text) {
            return invalid(error_value());
        }
        match self.kind {
            Kind::Identifier if is_shortened_number(text) => invalid(lost_digits()),
            Kind::Text | Kind::Identifier => RawValue::Text(text.into()),
            Kind::List => read_list(text),
            Kind::Amount => result(read_amount(text, self.formats.decimal)),
            Kind::Date => {
                let (format, order) = (self.formats.date, self.date_order);
                result(read_date(text, format, order, self.is_1904))
            }
            Kind::Boolean => match parse_boolean(text) {
                Some(value) => RawValue::Boolean(value),
                None => RawValue::Text(text.into()),
            },
            Kind::Id => match trim(text).parse() {
                Ok(id) => RawValue::Integer(id),
                Err(_) => RawValue::Text(text.into()),
            },
        }
    }

    fn read_number<'a>(&self, number: f64) -> RawValue<'a> {
        let text = match self.kind {
            Kind::Boolean if number == 1.0 => return RawValue::Boolean(true),
            Kind::Boolean if number == 0.0 => return RawValue::Boolean(false),
            Kind::Identifier => identifier_text(number),
            Kind::Amount => Ok(amount_of_number(number)),
            Kind::Date => date_of_number(number, self.formats.date, self.is_1904),
            Kind::Id if number.fract() == 0.0 && number.abs() < 1e15 => {
                return RawValue::Integer(number as i64);
            }
            Kind::Text | Kind::List | Kind::Boolean | Kind::Id => plain_text(number),
        };
        result(text.map(Cow::Owned))
    }
}

impl Kind {
    fn of_field(field: &Field) -> Self {
        match field.format() {
            Format::SerialNumber | Format::AssetTag => Self::Identifier,
            _ if DOCUMENT_NUMBERS.contains(&field.name()) => Self::Identifier,
            Format::TextList { .. } => Self::List,
            Format::Amount => Self::Amount,
            Format::Date => Self::Date,
            Format::Boolean => Self::Boolean,
            Format::Id => Self::Id,
            _ => Self::Text,
        }
    }
}

/// Error value that is written for any other.
pub(crate) const ERROR_VALUE: &str = "#VALUE!";

/// Error values of spreadsheets in English, German and French, which a formula leaves behind.
const ERROR_VALUES: &[&str] = &[
    ERROR_VALUE,
    "#N/A",
    "#REF!",
    "#NAME?",
    "#DIV/0!",
    "#NULL!",
    "#NUM!",
    "#SPILL!",
    "#CALC!",
    "#ERROR!",
    "#NV",
    "#BEZUG!",
    "#WERT!",
    "#ZAHL!",
    "#VALEUR!",
    "#NOM?",
    "#NOMBRE!",
    "#NUL!",
];

/// Returns whether a text is an error value of a spreadsheet.
pub(crate) fn is_error_value(text: &str) -> bool {
    // The first test is enough for almost every text.
    text.trim_start().starts_with('#') && ERROR_VALUES.contains(&trim(text))
}

fn error_value() -> InvalidValue {
    InvalidValue::new(
        Reason::Malformed,
        "is an error of the spreadsheet, such as #REF!: enter the value instead",
    )
}

fn invalid<'a>(value: InvalidValue) -> RawValue<'a> {
    RawValue::Invalid(Box::new(value))
}

fn result(text: Result<Cow<'_, str>, InvalidValue>) -> RawValue<'_> {
    text.map_or_else(invalid, RawValue::Text)
}

/// Reads a list: each line of a cell is an item, as exports write it.
fn read_list(text: &str) -> RawValue<'_> {
    let trimmed = trim(text);
    if !trimmed.contains(['\n', '\r']) {
        return RawValue::Text(text.into());
    }
    let items = trimmed.split(['\n', '\r']).filter(|item| !item.is_empty());
    let items = items.map(|item| RawValue::Text(item.into()));
    RawValue::List(items.take(RawValue::MAX_ITEMS).collect())
}

/// Translations of the values of a field.
#[derive(Debug)]
struct Translations {
    /// As spelled in the options.
    exact: HashMap<String, String>,
    /// Without regard to case.
    folded: HashMap<String, String>,
}

impl Translations {
    fn new(values: &BTreeMap<String, String>) -> Self {
        let mut translations = Self {
            exact: HashMap::new(),
            folded: HashMap::new(),
        };
        for (value, translated) in values {
            let value = trim(value);
            let folded = fold_case(value).into_owned();
            translations
                .folded
                .entry(folded)
                .or_insert_with(|| translated.clone());
            translations
                .exact
                .insert(value.to_owned(), translated.clone());
        }
        translations
    }

    fn get(&self, value: &str) -> Option<&str> {
        let exact = self.exact.get(value);
        let found = exact.or_else(|| self.folded.get(fold_case(value).as_ref()));
        found.map(String::as_str)
    }
}
