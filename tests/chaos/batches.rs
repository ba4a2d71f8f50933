//! Batches that can be found again by their key, with and without options.

use std::collections::HashSet;

use rand::RngExt;
use serde_json::{Value, json};

/// A batch. The comment of a device that a row writes identifies the batch and the row.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Key of the batch: its request id, and its idempotency key if it has one.
    pub(crate) key: String,
    pub(crate) has_idempotency_key: bool,
    pub(crate) options: Options,
    pub(crate) rows: Vec<Row>,
}

/// A row of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) serial_number: Option<String>,
    pub(crate) content: Content,
}

/// Fields that a row sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A comment that no other row has, and a new size of the RAM or `null`.
    Value,
    /// Only what all rows of the serial number have in common, which changes nothing.
    Unchanged,
    /// An invalid field.
    Invalid,
    /// The serial number of the first row.
    Repeated,
}

/// Options of `POST /devices`, as query parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) on_conflict: OnConflict,
    pub(crate) is_atomic: bool,
    /// `nulls` and `match`, which need `on_conflict=skip` or `on_conflict=update`.
    pub(crate) matching: Option<Matching>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Error,
    Skip,
    Update,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Matching {
    pub(crate) nulls: &'static str,
    pub(crate) field: &'static str,
}

impl Batch {
    /// Creates a batch without options, but with an idempotency key. Its odd rows have no serial
    /// number: only the idempotency key prevents that they are stored twice.
    pub(crate) fn plain(key: impl Into<String>, rows: usize) -> Self {
        let key = key.into();
        let row = |number: usize| Row {
            serial_number: number.is_multiple_of(2).then(|| format!("{key}-{number}")),
            content: Content::Value,
        };
        let rows = (0..rows).map(row).collect();
        Self {
            key,
            has_idempotency_key: true,
            options: Options::NONE,
            rows,
        }
    }

    /// Creates a batch of up to ten rows for devices of this writer, for devices that all writers
    /// change, and for new ones. Some batches also have a row that fails.
    pub(crate) fn with_options(key: String, writer: usize, options: Options) -> Self {
        let mut random = rand::rng();
        let mut serial_numbers = HashSet::new();
        for row in 0..random.random_range(1..=10) {
            serial_numbers.insert(match random.random_range(0..10) {
                0..4 => format!("own-{writer}-{}", random.random_range(0..20)),
                4..7 => format!("shared-{}", random.random_range(0..40)),
                _ => format!("{key}-{row}"),
            });
        }
        let mut rows: Vec<Row> = serial_numbers
            .into_iter()
            .map(|serial_number| Row {
                serial_number: Some(serial_number),
                content: if random.random_bool(0.75) {
                    Content::Value
                } else {
                    Content::Unchanged
                },
            })
            .collect();
        if random.random_bool(0.15) {
            rows.push(Row {
                serial_number: Some(format!("{key}-invalid")),
                content: Content::Invalid,
            });
        } else if random.random_bool(0.1) {
            rows.push(Row {
                serial_number: rows[0].serial_number.clone(),
                content: Content::Repeated,
            });
        }
        Self {
            key,
            has_idempotency_key: random.random_bool(0.5),
            options,
            rows,
        }
    }

    /// Adds a row that the server must reject.
    pub(crate) fn add_invalid_row(&mut self) {
        self.rows.push(Row {
            serial_number: None,
            content: Content::Invalid,
        });
    }

    /// Returns whether the server must reject the whole batch.
    pub(crate) fn is_invalid(&self) -> bool {
        let is_valid = |row: &Row| matches!(row.content, Content::Value | Content::Unchanged);
        self.options.is_atomic && !self.rows.iter().all(is_valid)
    }

    /// Returns the comment of the device that a row writes.
    pub(crate) fn comment(&self, row: usize) -> String {
        format!("{}/{row}", self.key)
    }

    /// Returns the size of the RAM that a row sends, `None` for `null`.
    pub(crate) fn ram(&self, row: usize) -> Option<String> {
        (row % 3 != 2).then(|| format!("{} GB of {}", row + 8, self.key))
    }

    /// Returns the reference that a row sends.
    pub(crate) fn row_ref(&self, row: usize) -> Option<String> {
        let has_reference = self.options != Options::NONE && row % 2 == 1;
        has_reference.then(|| self.comment(row))
    }

    pub(crate) fn body(&self) -> Value {
        let rows = self.rows.iter().enumerate();
        let rows: Vec<Value> = rows.map(|(number, row)| self.device(number, row)).collect();
        json!({ "devices": rows })
    }

    fn device(&self, number: usize, row: &Row) -> Value {
        let mut device = json!({
            "name": row.serial_number.as_ref().unwrap_or(&self.key), "type": "laptop",
            "category": "computers", "compliance": ["CE", "EPEAT Gold"],
            "client_purchase_price": "1299.00",
        });
        if let Some(serial_number) = &row.serial_number {
            device["serial_number"] = json!(serial_number);
            device["asset_tag"] = json!(format!("tag-{serial_number}"));
        }
        if row.content != Content::Unchanged {
            device["comment"] = json!(self.comment(number));
            device["ram"] = json!(self.ram(number));
        }
        if row.content == Content::Invalid {
            device["name"] = json!("");
        }
        if let Some(row_ref) = self.row_ref(number) {
            device["row_ref"] = json!(row_ref);
        }
        device
    }
}

impl Options {
    /// The defaults.
    pub(crate) const NONE: Self = Self {
        on_conflict: OnConflict::Error,
        is_atomic: true,
        matching: None,
    };

    /// Returns every combination of options but [`Self::NONE`].
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self {
            is_atomic: false,
            ..Self::NONE
        }];
        for on_conflict in [OnConflict::Skip, OnConflict::Update] {
            for is_atomic in [true, false] {
                for nulls in ["keep", "clear"] {
                    let matchings = ["serial_number", "asset_tag"];
                    all.extend(matchings.map(|field| Self {
                        on_conflict,
                        is_atomic,
                        matching: Some(Matching { nulls, field }),
                    }));
                }
            }
        }
        all
    }

    /// Returns the path of a request with these options.
    pub(crate) fn path(self) -> String {
        if self == Self::NONE {
            return "/devices".to_owned();
        }
        let on_conflict = match self.on_conflict {
            OnConflict::Error => "error",
            OnConflict::Skip => "skip",
            OnConflict::Update => "update",
        };
        let matching = self
            .matching
            .map(|Matching { nulls, field }| format!("&nulls={nulls}&match={field}"));
        format!(
            "/devices?on_conflict={on_conflict}&atomic={}{}",
            self.is_atomic,
            matching.unwrap_or_default()
        )
    }
}
