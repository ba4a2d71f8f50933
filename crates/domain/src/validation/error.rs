//! What is wrong with a row: data to be shown to whoever sent it, not a Rust error.

use std::borrow::Cow;
use std::fmt;

use crate::ids::{DeviceId, UserId};

/// Which part of the contract a problem falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The batch, or a row of it, has not the right shape.
    InvalidBody,
    /// A field is missing, unknown, of the wrong kind, or its value is refused.
    InvalidField,
    /// A serial number is malformed, a placeholder, twice in the batch, or taken.
    InvalidSerialNumber,
    /// A `user_id` or `user_email` that names no user of the workspace.
    InvalidUser,
    /// A user of the workspace has this e-mail address.
    UserEmailConflict,
    /// The workspace's provisioning rules refuse the batch.
    DeviceProvisioningFailed,
    /// A part of the path or the query is unknown, or its value is refused.
    InvalidParameter,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 7] = [
        Self::InvalidBody,
        Self::InvalidField,
        Self::InvalidParameter,
        Self::InvalidSerialNumber,
        Self::InvalidUser,
        Self::UserEmailConflict,
        Self::DeviceProvisioningFailed,
    ];

    /// The code as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidBody => "INVALID_BODY",
            Self::InvalidField => "INVALID_FIELD",
            Self::InvalidSerialNumber => "INVALID_SERIAL_NUMBER",
            Self::InvalidParameter => "INVALID_PARAMETER",
            Self::InvalidUser => "INVALID_USER",
            Self::UserEmailConflict => "USER_EMAIL_CONFLICT",
            Self::DeviceProvisioningFailed => "DEVICE_PROVISIONING_FAILED",
        }
    }

    /// Whether a rule of the business was broken, rather than the shape of the request.
    pub fn is_business_rule(self) -> bool {
        !matches!(
            self,
            Self::InvalidBody | Self::InvalidField | Self::InvalidParameter
        )
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $Reason:ident = $word:literal),+ $(,)?) => {
        /// Why something was refused, as a stable lower-case word for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $Reason),+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$Reason),+];

            /// The word that the API shows.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$Reason => $word),+ }
            }
        }
    };
}

reasons! {
    /// The text is no well-formed data of its format.
    NotJson = "not_json",
    /// The bytes are not UTF-8.
    NotUtf8 = "not_utf8",
    /// A value of another kind was expected.
    WrongType = "wrong_type",
    /// A required field is missing or empty.
    Required = "required",
    /// No field has this name.
    UnknownField = "unknown_field",
    /// The field was given twice.
    RepeatedField = "repeated_field",
    /// Nothing is in the batch.
    EmptyBatch = "empty_batch",
    /// More devices than a batch may hold.
    TooManyDevices = "too_many_devices",
    /// The workspace may not hold that many devices.
    DeviceLimit = "device_limit",
    /// Longer than the field allows.
    TooLong = "too_long",
    /// More items than the field allows.
    TooManyItems = "too_many_items",
    /// An item of a list is empty.
    EmptyItem = "empty_item",
    /// A control character.
    ControlCharacter = "control_character",
    /// A character that reverses the direction of the text after it.
    BidirectionalOverride = "bidirectional_override",
    /// Not well-formed Unicode, such as a lone surrogate.
    IllFormedText = "ill_formed_text",
    /// None of the values that the field knows.
    NotInEnum = "not_in_enum",
    /// Too small or too large.
    OutOfRange = "out_of_range",
    /// Not written as the field wants it.
    Malformed = "malformed",
    /// Digits after the second decimal.
    TooManyDecimals = "too_many_decimals",
    /// Below zero.
    Negative = "negative",
    /// A rental that ends before it starts.
    EndsBeforeStart = "ends_before_start",
    /// A word that stands for "no serial number".
    Placeholder = "placeholder",
    /// The same serial number as another row of the batch.
    Duplicate = "duplicate",
    /// A device of the workspace has this serial number, or a user this address.
    AlreadyExists = "already_exists",
    /// No user of the workspace has this number, or this address.
    UnknownUser = "unknown_user",
    /// The number and the address are those of two users.
    UserMismatch = "user_mismatch",
    /// The field keeps the value that it was created with.
    ImmutableField = "immutable_field",
    /// The field cannot be cleared.
    NotNullable = "not_nullable",
}

/// What is wrong with one field of a row, or with the row or batch as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// The field, or the name that is none; `None` where the whole row or batch is at fault.
    pub field: Option<Cow<'static, str>>,
    /// Which item of the field's list, counted from 0.
    pub item: Option<usize>,
    /// The part of the contract it falls under.
    pub code: ErrorCode,
    /// Why, for programs.
    pub reason: Reason,
    /// Reason, for people: a predicate whose subject is the field, such as "must be a date", or a
    /// sentence if [`is_sentence`](Self::is_sentence).
    pub detail: Cow<'static, str>,
    /// What else is involved.
    pub related: Option<Related>,
}

/// What else is involved in an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Related {
    /// The earlier row of the batch with the same serial number.
    DuplicateOf(usize),
    /// The stored device with the same serial number.
    ExistingDevice(DeviceId),
    /// The user with the same address.
    ExistingUser(UserId),
    /// The field that was probably meant.
    DidYouMean(&'static str),
}

impl FieldError {
    /// An error of a field.
    pub fn of(
        field: impl Into<Cow<'static, str>>,
        code: ErrorCode,
        reason: Reason,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            field: Some(field.into()),
            ..Self::whole(code, reason, detail)
        }
    }

    /// An error of a row or batch as a whole.
    pub fn whole(code: ErrorCode, reason: Reason, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            field: None,
            item: None,
            code,
            reason,
            detail: detail.into(),
            related: None,
        }
    }

    /// The same error, with what else is involved.
    pub fn with(mut self, related: Related) -> Self {
        self.related = Some(related);
        self
    }
}

/// Renders the field and its error: "`serial_number` must ...", or "unknown field `colour`".
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field
            && !self.is_sentence()
        {
            write!(f, "`{field}")?;
            if let Some(item) = self.item {
                write!(f, "[{item}]")?;
            }
            f.write_str("` ")?;
        }
        f.write_str(&self.detail)
    }
}

/// A [`FieldError`] and the row it was found in.
#[derive(Debug, Clone, PartialEq)]
pub struct RowError {
    /// The row, counted from 0; `None` where the batch as a whole is at fault.
    pub index: Option<usize>,
    /// What is wrong.
    pub error: FieldError,
}

/// "row 3: `serial_number` must ...".
impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "row {index}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}

/// Every problem of a batch: the first thousand, or as many as
/// [`BatchRules::max_errors`](crate::BatchRules::max_errors) says, one by one, all of them counted.
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorReport {
    max_entries: usize,
    entries: Vec<RowError>,
    total: usize,
    unknown_users: usize,
}

impl Default for ErrorReport {
    fn default() -> Self {
        Self::new(Self::MAX_ENTRIES)
    }
}

impl ErrorReport {
    /// How many errors a report names one by one, unless it is told otherwise.
    pub const MAX_ENTRIES: usize = 1_000;

    pub(crate) fn new(max_entries: usize) -> Self {
        Self {
            max_entries,
            entries: Vec::new(),
            total: 0,
            unknown_users: 0,
        }
    }

    /// A report of one problem that is no row's.
    pub fn of(error: FieldError) -> Self {
        Self::of_all([error])
    }

    /// A report of problems that are no row's, in this order.
    pub fn of_all(errors: impl IntoIterator<Item = FieldError>) -> Self {
        let mut report = Self::default();
        errors.into_iter().for_each(|error| report.add(None, error));
        report.finish()
    }

    /// The errors in the order of their rows, those of the whole batch first; no more than are
    /// named one by one.
    pub fn entries(&self) -> &[RowError] {
        &self.entries
    }

    /// How many errors there are, also those that [`entries`](Self::entries) leaves out.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether every problem is a user that the workspace has not; false where there is none.
    pub fn has_only_unknown_users(&self) -> bool {
        self.total > 0 && self.total == self.unknown_users
    }

    /// Returns whether the report names no further error of the current or a later row.
    pub(crate) fn is_full(&self) -> bool {
        self.entries.len() >= self.max_entries
    }

    /// Counts an error that the report does not name.
    pub(crate) fn count_only(&mut self) {
        self.total += 1;
    }

    /// Returns the errors without their rows.
    pub(crate) fn into_field_errors(self) -> Vec<FieldError> {
        self.entries.into_iter().map(|entry| entry.error).collect()
    }

    /// Adds an error of any row or of the batch; [`finish`](Self::finish) brings it into order.
    pub(crate) fn add(&mut self, index: Option<usize>, error: FieldError) {
        self.total += 1;
        self.unknown_users += usize::from(error.reason == Reason::UnknownUser);
        // So that a batch with a million problems takes no more room than one with two thousand.
        if self.entries.len() >= self.max_entries.saturating_mul(2) {
            self.order();
        }
        self.entries.push(RowError { index, error });
    }

    /// Brings the entries into order and cuts them to the report's size.
    pub(crate) fn finish(mut self) -> Self {
        self.order();
        self
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    fn order(&mut self) {
        self.entries.sort_by_key(|entry| entry.index);
        self.entries.truncate(self.max_entries);
    }
}
