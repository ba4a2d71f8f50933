//! Parameters of the query.
//!
//! Every route that needs a key rejects unknown and repeated parameters: a mistyped option must not
//! result in a request without that option. A route either has no parameters, which the middleware
//! `reject_query` enforces, or its handler reads them with [`QueryParams::read`], which returns no
//! values before it has checked all names.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use devices_domain::{
    ErrorCode, ErrorReport, FieldError, FieldValue, InvalidValue, RawValue, Reason, Search,
    nearest_name,
};
use percent_encoding::percent_decode;

use crate::http::respond::api_error::ApiError;

/// Error of a parameter: its reason, and a message such as "must not be empty".
pub(crate) type InvalidParameter = (Reason, String);

/// The parameters of a query. Collects the errors of all of them.
pub(crate) struct QueryParams {
    pairs: Vec<(String, Result<String, NotUtf8>)>,
    known: Vec<&'static str>,
    /// Prefixes of known names, such as `attributes.`.
    known_prefixes: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl QueryParams {
    /// Returns what `read` returns, if all parameters of the query are known and valid.
    ///
    /// # Errors
    /// `RejectedParameters` with the errors of all parameters, unknown ones last.
    pub(crate) fn read<T>(
        request: &HttpRequest,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, ApiError> {
        let mut parameters = Self::of(request);
        let values = read(&mut parameters);
        parameters.finish()?;
        Ok(values)
    }

    fn of(request: &HttpRequest) -> Self {
        Self {
            pairs: decode(request.query_string()),
            known: Vec::new(),
            known_prefixes: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// Parses the parameter `name`. Returns `None` if it is absent or invalid.
    pub(crate) fn parse<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidParameter>,
    ) -> Option<T> {
        self.known.push(name);
        let mut values = self.pairs.iter().filter(|(given, _)| given == name);
        let (_, value) = values.next()?;
        if values.next().is_some() {
            self.reject(name, Reason::RepeatedField, "is given twice".to_owned());
            return None;
        }
        match require_utf8(value).and_then(parse) {
            Ok(value) => Some(value),
            Err((reason, detail)) => {
                self.reject(name, reason, detail);
                None
            }
        }
    }

    /// Parses the values of the parameter `name`, which may be given up to `max` times. Omits
    /// invalid values.
    pub(crate) fn parse_all<T>(
        &mut self,
        name: &'static str,
        max: usize,
        parse: impl Fn(&str) -> Result<T, InvalidParameter>,
    ) -> Vec<T> {
        self.known.push(name);
        let given: Vec<_> = self
            .pairs
            .iter()
            .filter(|(given, _)| given == name)
            .collect();
        if given.len() > max {
            let detail = format!("must be given at most {max} times");
            self.reject(name, Reason::TooManyItems, detail);
            return Vec::new();
        }
        let values = given
            .into_iter()
            .map(|(_, value)| require_utf8(value).and_then(&parse));
        let (values, errors): (Vec<_>, Vec<_>) = values.partition(Result::is_ok);
        for (reason, detail) in errors.into_iter().filter_map(Result::err) {
            self.reject(name, reason, detail);
        }
        values.into_iter().flatten().collect()
    }

    /// Parses the parameters whose names are `prefix` and a key, such as `attributes.Room`, up to
    /// `max` of them. Each key may be given once. Omits invalid parameters.
    pub(crate) fn parse_keys<T>(
        &mut self,
        prefix: &'static str,
        max: usize,
        parse: impl Fn(&str, &str) -> Result<T, InvalidParameter>,
    ) -> Vec<T> {
        self.known_prefixes.push(prefix);
        let given = self.pairs.iter().filter_map(|(name, value)| {
            let key = name.strip_prefix(prefix)?;
            Some((name, key, value))
        });
        let mut names = BTreeSet::new();
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for (name, key, value) in given {
            let parsed = if names.insert(name) {
                require_utf8(value).and_then(|text| parse(key, text))
            } else {
                Err((Reason::RepeatedField, "is given twice".to_owned()))
            };
            match parsed {
                Ok(value) => values.push(value),
                Err((reason, detail)) => errors.push(error(truncate(name), reason, detail)),
            }
        }
        if names.len() > max {
            let detail = format!("must have at most {max} keys");
            errors.push(error(prefix, Reason::TooManyItems, detail));
        }
        self.errors.extend(errors);
        values
    }

    /// Parses the parameter `name` by the rule of a field type.
    pub(crate) fn parse_field<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        self.parse(name, parse_value)
    }

    /// Parses the parameter `search`. Returns `None` if it is absent, blank or invalid.
    pub(crate) fn search(&mut self) -> Option<Search> {
        let mut error = None;
        let search = self.parse("search", |text| {
            Ok(Search::parse(text).unwrap_or_else(|invalid| {
                error = Some(invalid);
                None
            }))
        });
        self.errors.extend(error);
        search.flatten()
    }

    /// Adds an error of the parameter `name`.
    pub(crate) fn reject(&mut self, name: &'static str, reason: Reason, detail: String) {
        self.errors.push(error(name, reason, detail));
    }

    /// Returns all parameters except these, in the order of the query. Values that are not UTF-8
    /// are omitted: [`parse`](Self::parse) rejects them.
    pub(crate) fn except(&self, names: &[&str]) -> Vec<(String, String)> {
        let others = self.pairs.iter();
        let others = others.filter(|(given, _)| !names.contains(&given.as_str()));
        let texts = others.filter_map(|(name, value)| {
            let value = value.as_ref().ok()?;
            Some((name.clone(), value.clone()))
        });
        texts.collect()
    }

    fn finish(mut self) -> Result<(), ApiError> {
        let given: BTreeSet<_> = self.pairs.iter().map(|(name, _)| name.as_str()).collect();
        let has_known_prefix = |name: &str| {
            let mut prefixes = self.known_prefixes.iter();
            prefixes.any(|prefix| name.starts_with(prefix))
        };
        let unknown: Vec<_> = given
            .into_iter()
            .filter(|name| !self.known.contains(name) && !has_known_prefix(name))
            .collect();
        for name in unknown {
            // The search for the nearest name is slow, and the report does not list more errors.
            let is_listed = self.errors.len() < ErrorReport::MAX_ENTRIES;
            let nearest = is_listed.then(|| nearest_name(name, &self.known));
            self.errors
                .push(unknown_parameter(name, nearest.flatten(), &self.known));
        }
        if self.errors.is_empty() {
            Ok(())
        } else {
            let report = ErrorReport::from_errors(self.errors);
            Err(ApiError::RejectedParameters(report))
        }
    }
}

/// A parameter whose bytes, in the name or the value, are not UTF-8.
struct NotUtf8;

/// Splits a query into pairs of name and value, and decodes both as
/// `application/x-www-form-urlencoded` (<https://url.spec.whatwg.org/#urlencoded-parsing>), except
/// that bytes which are not UTF-8 are not replaced by U+FFFD: a search for replaced text would find
/// something else than the client asked for.
///
/// A name that is not UTF-8 stays percent-encoded, so that the error shows it as it was sent. Its
/// parameter has no value: `attributes.%FF` must not select the key `%FF`.
fn decode(query: &str) -> Vec<(String, Result<String, NotUtf8>)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let decode_pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match decode_text(name) {
            Ok(name) => (name, decode_text(value)),
            Err(NotUtf8) => (name.to_owned(), Err(NotUtf8)),
        }
    };
    pairs.map(decode_pair).collect()
}

fn decode_text(encoded: &str) -> Result<String, NotUtf8> {
    let encoded = encoded.replace('+', " ");
    let decoded = percent_decode(encoded.as_bytes()).decode_utf8();
    decoded.map(Into::into).map_err(|_| NotUtf8)
}

fn require_utf8(value: &Result<String, NotUtf8>) -> Result<&str, InvalidParameter> {
    match value {
        Ok(text) => Ok(text),
        Err(NotUtf8) => Err((Reason::NotUtf8, "must be UTF-8".to_owned())),
    }
}

/// Maximum number of characters of an unknown name that an error shows.
const MAX_SHOWN_NAME: usize = 64;

fn truncate(name: &str) -> String {
    name.chars().take(MAX_SHOWN_NAME).collect()
}

fn unknown_parameter(
    name: &str,
    nearest: Option<&'static str>,
    known: &[&'static str],
) -> FieldError {
    let code = ErrorCode::InvalidParameter;
    let mut error = FieldError::unknown_name("query parameter", &truncate(name), code, nearest);
    if known.is_empty() {
        error.detail = format!("{}, this route has none", error.detail).into();
    }
    error
}

fn error(name: impl Into<String>, reason: Reason, detail: String) -> FieldError {
    FieldError::new(name.into(), ErrorCode::InvalidParameter, reason, detail)
}

/// Parses a value that must not be blank by the rule of its type.
pub(crate) fn parse_value<T: FieldValue>(text: &str) -> Result<T, InvalidParameter> {
    require_text(text)?;
    T::parse(&RawValue::text(text)).map_err(invalid_parameter)
}

/// Rejects blank text.
pub(crate) fn require_text(text: &str) -> Result<(), InvalidParameter> {
    if text.trim().is_empty() {
        Err((Reason::Required, "must not be empty".to_owned()))
    } else {
        Ok(())
    }
}

pub(crate) fn invalid_parameter(invalid: InvalidValue) -> InvalidParameter {
    (invalid.reason, invalid.detail.into_owned())
}

/// Parses an integer in `range`.
pub(crate) fn parse_integer(
    text: &str,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, InvalidParameter> {
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_integer = is_digits
        || text
            .strip_prefix('-')
            .is_some_and(|rest| rest.parse::<u64>().is_ok());
    let reason = if is_integer {
        Reason::OutOfRange
    } else {
        Reason::Malformed
    };
    let number = text.parse().ok().filter(|_| is_digits);
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| {
            let (min, max) = range.into_inner();
            (reason, format!("must be an integer from {min} to {max}"))
        })
}
