//! Parameters of the path and the query.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::web;
use devices_domain::{
    ErrorCode, ErrorReport, FieldError, FieldValue, RawValue, Reason, Search, nearest_name,
};

use crate::http::respond::api_error::ApiError;

/// Why a parameter is refused: "must ...", and the word for it.
pub(crate) type InvalidValue = (Reason, String);

/// The parameters of a query, each of which is to be read once.
pub(crate) struct Parameters {
    given: Vec<(String, String)>,
    known: Vec<&'static str>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// Those of this request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        // Any text is a list of pairs.
        let given = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        Self {
            given: given.map(web::Query::into_inner).unwrap_or_default(),
            known: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// The parameter `name`, as `parse` reads it; `None` where it is not given, or refused.
    pub(crate) fn read<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        self.known.push(name);
        let mut values = self.given.iter().filter(|(given, _)| given == name);
        let (_, value) = values.next()?;
        if values.next().is_some() {
            self.refuse(name, Reason::RepeatedField, "is given twice".to_owned());
            return None;
        }
        match parse(value) {
            Ok(value) => Some(value),
            Err((reason, detail)) => {
                self.refuse(name, reason, detail);
                None
            }
        }
    }

    /// The parameter `name`, by the rule of its type.
    pub(crate) fn value<T: FieldValue>(&mut self, name: &'static str) -> Option<T> {
        self.read(name, |text| {
            if text.trim().is_empty() {
                return Err((Reason::Required, "must not be empty".to_owned()));
            }
            let value = T::parse(&RawValue::text(text));
            value.map_err(|refusal| (refusal.reason, refusal.detail.into_owned()))
        })
    }

    /// The search, if words are given.
    pub(crate) fn search(&mut self) -> Option<Search> {
        let mut error = None;
        let search = self.read("search", |text| {
            Ok(Search::parse(text).unwrap_or_else(|refused| {
                error = Some(refused);
                None
            }))
        });
        self.errors.extend(error);
        search.flatten()
    }

    /// Takes note of something that is wrong.
    pub(crate) fn refuse(&mut self, name: &'static str, reason: Reason, detail: String) {
        self.errors.push(error(name, reason, detail));
    }

    /// What was given, but for these parameters, in the order that it came in.
    pub(crate) fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let others = self.given.iter();
        let others = others.filter(|(given, _)| !names.contains(&given.as_str()));
        others.cloned().collect()
    }

    /// Nothing, if nothing is wrong with any of them, and no other was given.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn finish(mut self) -> Result<(), ApiError> {
        let given: BTreeSet<_> = self.given.iter().map(|(name, _)| name).collect();
        for given in given {
            if self.known.contains(&given.as_str()) {
                continue;
            }
            let name: String = given.chars().take(MAX_SHOWN_NAME).collect();
            self.errors.push(FieldError::unknown_name(
                "query parameter",
                &name,
                ErrorCode::InvalidParameter,
                nearest_name(given, &self.known),
            ));
        }
        match self.errors.is_empty() {
            true => Ok(()),
            false => Err(ApiError::RefusedParameters(ErrorReport::from_errors(
                self.errors,
            ))),
        }
    }
}

/// How many characters of an unknown name are repeated to its sender.
const MAX_SHOWN_NAME: usize = 64;

fn error(name: impl Into<String>, reason: Reason, detail: String) -> FieldError {
    FieldError::new(name.into(), ErrorCode::InvalidParameter, reason, detail)
}

/// That something in the path is refused.
pub(crate) fn refused(error: FieldError) -> ApiError {
    ApiError::RefusedParameters(ErrorReport::from_error(error))
}

/// A whole number of this range.
pub(crate) fn integer(
    text: &str,
    range: std::ops::RangeInclusive<i64>,
    what: &str,
) -> Result<i64, InvalidValue> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_whole = is_plain
        || text
            .strip_prefix('-')
            .is_some_and(|rest| rest.parse::<u64>().is_ok());
    let reason = match is_whole {
        true => Reason::OutOfRange,
        false => Reason::Malformed,
    };
    let number = text.parse().ok().filter(|_| is_plain);
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| (reason, format!("must be {what}")))
}

/// The id that a part of the path spells: digits, the first of which is not 0.
///
/// # Errors
/// Where it spells none; about the parameter `name`.
pub(crate) fn id(request: &HttpRequest, name: &'static str) -> Result<i64, ApiError> {
    let text = request.match_info().get(name).unwrap_or_default();
    let is_id = !text.starts_with('0')
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit());
    match is_id {
        // No id is greater than those that the store can hold; the greatest is as unknown as they are.
        true => Ok(text.parse().unwrap_or(i64::MAX)),
        false => Err(refused(error(
            name,
            Reason::Malformed,
            "must be digits, the first of which is not 0".to_owned(),
        ))),
    }
}
