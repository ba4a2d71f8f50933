//! Errors of rows and fields: data that is returned to the client, not Rust errors.

use std::borrow::Cow;
use std::fmt;

use crate::field::RowRef;
use crate::ids::{DeviceId, UserId};

macro_rules! error_codes {
    ($($(#[$doc:meta])* $Code:ident = $name:literal),+ $(,)?) => {
        /// Error code of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode { $($(#[$doc])* $Code),+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$Code),+];

            /// Returns the code as the API spells it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$Code => $name),+ }
            }
        }
    };
}

error_codes! {
    /// The batch or a row has the wrong shape.
    InvalidBody = "INVALID_BODY",
    /// A field is missing, unknown, of the wrong type, or has an invalid value.
    InvalidField = "INVALID_FIELD",
    /// A path or query parameter is unknown or has an invalid value.
    InvalidParameter = "INVALID_PARAMETER",
    /// A serial number is malformed, a placeholder, a duplicate within the batch, or taken.
    InvalidSerialNumber = "INVALID_SERIAL_NUMBER",
    /// An asset tag is malformed, a duplicate within the batch, or taken.
    InvalidAssetTag = "INVALID_ASSET_TAG",
    /// A `user_id` or `user_email` does not identify a user of the workspace.
    InvalidUser = "INVALID_USER",
    /// Another user of the workspace has the email address.
    UserEmailConflict = "USER_EMAIL_CONFLICT",
    /// The workspace's provisioning rules, such as its device limit, reject the batch.
    DeviceProvisioningFailed = "DEVICE_PROVISIONING_FAILED",
}

impl ErrorCode {
    /// Returns `true` if a business rule was broken, `false` if the request is malformed.
    #[must_use]
    pub fn is_business_rule(self) -> bool {
        !matches!(
            self,
            Self::InvalidBody | Self::InvalidField | Self::InvalidParameter
        )
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $Reason:ident = $word:literal),+ $(,)?) => {
        /// Reason of an error: a stable lower-case word for programs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $Reason),+ }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$Reason),+];

            /// Returns the word as the API spells it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$Reason => $word),+ }
            }
        }
    };
}

reasons! {
    /// The text is not valid JSON.
    NotJson = "not_json",
    /// The bytes are not UTF-8.
    NotUtf8 = "not_utf8",
    /// The value has the wrong type.
    WrongType = "wrong_type",
    /// A required field is missing or empty.
    Required = "required",
    /// No field or parameter has this name.
    UnknownField = "unknown_field",
    /// The field, or a key of the object, occurs twice.
    RepeatedField = "repeated_field",
    /// The batch has no devices.
    EmptyBatch = "empty_batch",
    /// The batch has more devices than allowed.
    TooManyDevices = "too_many_devices",
    /// The workspace would have more devices than its limit.
    DeviceLimit = "device_limit",
    /// The text is too long.
    TooLong = "too_long",
    /// The list or object has too many items.
    TooManyItems = "too_many_items",
    /// An item of the list, or a key of the object, is empty.
    EmptyItem = "empty_item",
    /// The text contains a control character.
    ControlCharacter = "control_character",
    /// The text contains a bidirectional override.
    BidirectionalOverride = "bidirectional_override",
    /// The text is not well-formed Unicode: it contains a lone surrogate.
    IllFormedText = "ill_formed_text",
    /// The value is not one of the enum.
    NotInEnum = "not_in_enum",
    /// The number is too small or too large.
    OutOfRange = "out_of_range",
    /// The value does not have the format of the field.
    Malformed = "malformed",
    /// The amount has more than two decimals.
    TooManyDecimals = "too_many_decimals",
    /// The amount is negative.
    Negative = "negative",
    /// The period ends before it starts.
    EndsBeforeStart = "ends_before_start",
    /// The serial number is a placeholder for "none".
    Placeholder = "placeholder",
    /// A spreadsheet shortened the number to scientific notation, and lost its digits.
    SpreadsheetNumber = "spreadsheet_number",
    /// The parameter has no effect without another one.
    NoEffect = "no_effect",
    /// The row has no value of the field that rows are matched by.
    NoMatchKey = "no_match_key",
    /// Another row of the batch has the same value of a unique field.
    Duplicate = "duplicate",
    /// A stored device has the value of a unique field, or a stored user has the email address.
    AlreadyExists = "already_exists",
    /// No user of the workspace has the id or the email address.
    UnknownUser = "unknown_user",
    /// The workspace would have more users than its quota.
    UserQuota = "user_quota",
    /// The id and the email address belong to different users.
    UserMismatch = "user_mismatch",
    /// The field cannot be changed after creation.
    ImmutableField = "immutable_field",
    /// The field cannot be cleared.
    NotNullable = "not_nullable",
}

/// Error of a field, or of a row or a batch as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldError {
    /// Name of the field or parameter, or the unknown name that was sent. `None`: the row or the
    /// batch as a whole, or an unknown name that is too long to repeat.
    pub field: Option<Cow<'static, str>>,
    /// Item of the list or object.
    pub item: Option<Item>,
    /// Error code.
    pub code: ErrorCode,
    /// Reason, for programs.
    pub reason: Reason,
    /// Reason, for people: a predicate of the field, such as "must be a date", or a sentence if
    /// [`is_sentence`](Self::is_sentence).
    pub detail: Cow<'static, str>,
    /// Related row, object or name.
    pub related: Option<Related>,
}

/// Part of the value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Item of a list, by its index from 0.
    Index(usize),
    /// Value of an object, by its key.
    Key(String),
}

/// Renders the item like an index: `[3]` or `["Room"]`.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Index(index) => write!(f, "[{index}]"),
            Self::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}

/// Row, object or name that an error refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Related {
    /// Earlier row of the batch with the same value.
    DuplicateOf(usize),
    /// Stored device with the same value.
    ExistingDevice(DeviceId),
    /// Stored user with the same email address.
    ExistingUser(UserId),
    /// Known name that is similar to the unknown one.
    DidYouMean(&'static str),
}

impl FieldError {
    /// Creates an error of a field.
    pub fn new(
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

    /// Creates an error of a row or a batch as a whole.
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

    /// Adds the row, object or name that the error refers to.
    #[must_use]
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
            if let Some(item) = &self.item {
                item.fmt(f)?;
            }
            f.write_str("` ")?;
        }
        f.write_str(&self.detail)
    }
}

/// A [`FieldError`] with its row.
#[derive(Debug, Clone, PartialEq)]
pub struct RowError {
    /// Index of the row, from 0. `None`: the batch as a whole.
    pub index: Option<usize>,
    /// Reference that the client gave the row.
    pub row_ref: Option<RowRef>,
    /// The error.
    pub error: FieldError,
}

/// Renders the row and its error: "row 3: `serial_number` must ...".
impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(f, "row {index}: {}", self.error),
            None => self.error.fmt(f),
        }
    }
}
