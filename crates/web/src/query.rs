//! Parameters of the query.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::error::ConsoleError;

/// Maximum number of pairs. The largest form has one for each device on a page, and for each field.
const MAX_PAIRS: usize = 10_000;

/// Names and values in the query or in a form, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pairs(pub(crate) Vec<(String, String)>);

impl Pairs {
    /// Parses `application/x-www-form-urlencoded`. Text that is not UTF-8 is replaced.
    ///
    /// # Errors
    /// `MalformedForm` for more than 10,000 pairs, before any of them is allocated.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ConsoleError> {
        if text.split(|byte| *byte == b'&').count() > MAX_PAIRS {
            return Err(ConsoleError::MalformedForm("it has more than 10,000 pairs"));
        }
        Ok(Self(serde_urlencoded::from_bytes(text).unwrap_or_default()))
    }

    /// Returns the first value with this name, without white space at its ends. `None` if it is
    /// absent or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name)
            .map(str::trim)
            .filter(|value| !value.is_empty())
    }

    /// Returns the first value with this name as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        let pair = pairs.find(|(given, _)| given == name);
        pair.map(|(_, value)| value.as_str())
    }

    /// Returns all values with this name that are not empty.
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        let values = self.0.iter().filter(move |(given, _)| given == name);
        let values = values.map(|(_, value)| value.trim());
        values.filter(|value| !value.is_empty())
    }

    /// Returns the pairs that do not have this name.
    pub(crate) fn without(&self, name: &str) -> Self {
        let others = self.0.iter().filter(|(given, _)| given != name);
        Self(others.cloned().collect())
    }

    /// Returns the pairs as a query.
    pub(crate) fn encode(&self) -> String {
        serde_urlencoded::to_string(&self.0).unwrap_or_default()
    }
}

/// The parameters of the query.
pub(crate) struct Query(pub(crate) Pairs);

impl FromRequest for Query {
    type Error = ConsoleError;
    type Future = Ready<Result<Self, ConsoleError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = Pairs::parse(request.query_string().as_bytes());
        ready(pairs.map(Self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_pairs_are_rejected() {
        let query = |pairs: usize| vec!["a=1"; pairs].join("&");
        let parsed = Pairs::parse(query(MAX_PAIRS).as_bytes()).unwrap();
        assert_eq!(parsed.0.len(), MAX_PAIRS);
        assert!(Pairs::parse(query(MAX_PAIRS + 1).as_bytes()).is_err());
    }
}
