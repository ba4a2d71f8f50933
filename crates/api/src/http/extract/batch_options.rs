//! The head of a request with a batch: its options, its idempotency key and its preferences.
//! Options are parameters of the query, because they change what is stored.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::IF_MATCH;
use actix_web::{FromRequest, HttpRequest};
use devices_domain::{BatchOptions, IdempotencyKey, OnConflict, Reason, UniqueField, UnknownUsers};

use crate::http::extract::idempotency_key;
use crate::http::extract::prefer::{Handling, Representation};
use crate::http::extract::query::{InvalidParameter, QueryParams, parse_value};
use crate::http::extract::query_values::parse_boolean;
use crate::http::respond::api_error::ApiError;

/// Options, idempotency key and preferences of `POST /devices` and `POST /devices/validate`.
///
/// # Errors
/// `RejectedParameters` if an option is unknown, invalid or repeated, or has no effect.
/// `BadHeader` for a malformed or repeated idempotency key, and for `If-Match` beside an option: a
/// batch has no single revision.
pub(crate) struct BatchHead {
    pub(crate) options: BatchOptions,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) handling: Handling,
    pub(crate) representation: Representation,
}

impl FromRequest for BatchHead {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl BatchHead {
    fn read(request: &HttpRequest) -> Result<Self, ApiError> {
        let headers = request.headers();
        Ok(Self {
            options: read(request)?,
            key: idempotency_key::from_headers(headers)?,
            handling: Handling::from_headers(headers),
            representation: Representation::from_headers(headers),
        })
    }
}

fn read(request: &HttpRequest) -> Result<BatchOptions, ApiError> {
    let options = QueryParams::read(request, read_options)?;
    if !options.is_default() && request.headers().contains_key(IF_MATCH) {
        return Err(ApiError::BadHeader(
            "The header If-Match must not be sent with a batch: send it with PATCH",
        ));
    }
    Ok(options)
}

fn read_options(parameters: &mut QueryParams) -> BatchOptions {
    let default = BatchOptions::default();
    let on_conflict = parameters.parse("on_conflict", parse_value);
    let is_atomic = parameters.parse("atomic", parse_boolean);
    let nulls = parameters.parse("nulls", parse_value);
    let match_field = parameters.parse("match", parse_match_field);
    let on_conflict = on_conflict.unwrap_or(default.on_conflict);
    if on_conflict == OnConflict::Error {
        let given = [("nulls", nulls.is_some()), ("match", match_field.is_some())];
        for (name, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            let detail = "has an effect only with `on_conflict=skip` or `on_conflict=update`";
            parameters.reject(name, Reason::NoEffect, detail.to_owned());
        }
    }
    BatchOptions {
        on_conflict,
        is_atomic: is_atomic.unwrap_or(default.is_atomic),
        nulls: nulls.unwrap_or(default.nulls),
        match_field: match_field.unwrap_or(default.match_field),
        unknown_users: UnknownUsers::Error,
    }
}

fn parse_match_field(text: &str) -> Result<UniqueField, InvalidParameter> {
    let field = UniqueField::ALL
        .into_iter()
        .find(|field| field.name() == text);
    field.ok_or_else(|| {
        let names = UniqueField::ALL.map(UniqueField::name).join(", ");
        (Reason::NotInEnum, format!("must be one of {names}"))
    })
}

/// Returns the bytes that distinguish requests with the same body and other options. Empty for the
/// default, so that responses stored by earlier versions are replayed.
pub(crate) fn fingerprint(options: BatchOptions) -> String {
    if options.is_default() {
        return String::new();
    }
    format!(
        "\0on_conflict={}&atomic={}&nulls={}&match={}",
        options.on_conflict.as_str(),
        options.is_atomic,
        options.nulls.as_str(),
        options.match_field.name(),
    )
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use devices_domain::Nulls;
    use rstest::rstest;

    use super::*;

    fn options(query: &str) -> Result<BatchOptions, ApiError> {
        read(&TestRequest::with_uri(&format!("/devices?{query}")).to_http_request())
    }

    #[rstest]
    #[case("")]
    #[case("on_conflict=error")]
    #[case("atomic=true&on_conflict=error")]
    fn explicit_defaults_are_no_options(#[case] query: &str) {
        let options = options(query).unwrap();
        assert!(options.is_default());
        assert_eq!(fingerprint(options), "");
    }

    #[test]
    fn every_option_is_read() {
        let options = options("on_conflict=update&atomic=false&nulls=clear&match=asset_tag");
        let expected = BatchOptions {
            on_conflict: OnConflict::Update,
            is_atomic: false,
            nulls: Nulls::Clear,
            match_field: UniqueField::AssetTag,
            unknown_users: UnknownUsers::Error,
        };
        assert_eq!(options.unwrap(), expected);
    }

    #[rstest]
    #[case("on_conflict=")]
    #[case("on_conflict=upsert")]
    #[case("on_conflict=UPDATE")]
    #[case("on_conflict=skip&on_conflict=skip")]
    #[case("atomic=no")]
    #[case("onconflict=update")]
    #[case("dry_run=true")]
    #[case("unknown_users=create")]
    #[case("nulls=keep")]
    #[case("match=serial_number")]
    #[case("on_conflict=error&match=asset_tag")]
    #[case("on_conflict=update&match=name")]
    fn invalid_options_are_rejected(#[case] query: &str) {
        assert!(matches!(
            options(query),
            Err(ApiError::RejectedParameters(_))
        ));
    }

    #[test]
    fn if_match_is_rejected_beside_an_option() {
        let request = |query: &str| {
            let request = TestRequest::with_uri(&format!("/devices?{query}"));
            read(&request.insert_header((IF_MATCH, "*")).to_http_request())
        };
        assert!(request("").is_ok());
        assert!(matches!(
            request("on_conflict=update"),
            Err(ApiError::BadHeader(_))
        ));
    }
}
