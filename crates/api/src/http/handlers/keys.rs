//! `/keys`: the API keys of the workspace, managed with an ADMIN key (ADR 43).

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use devices_domain::{KeyId, KeyPrecondition, NewKeyFields, RawRow, RotationFields, UnknownFields};

use crate::created_key::CreatedKey;
use crate::http::extract::auth::{AdminAccess, AuditOrigin};
use crate::http::extract::idempotency_key::NoIdempotencyKey;
use crate::http::extract::json_object::{FromObject, JsonObject};
use crate::http::extract::optional_object::OptionalObject;
use crate::http::extract::path::PathParam;
use crate::http::extract::query::QueryParams;
use crate::http::limits::run_to_completion::run_to_completion;
use crate::http::respond::api_error::ApiError;
use crate::http::respond::data::data;
use crate::http::respond::pagination::ListQuery;
use crate::http::state::State;
use crate::secret::KeySecret;

impl FromObject for NewKeyFields {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_new_key()
    }

    /// Rejects unknown fields whatever the client prefers.
    fn validate(row: &RawRow<'_>, _: UnknownFields) -> Result<Self, ApiError> {
        Ok(Self::from_row(row)?)
    }
}

impl FromObject for RotationFields {
    fn empty_row() -> RawRow<'static> {
        RawRow::for_rotation()
    }

    /// Rejects unknown fields whatever the client prefers.
    fn validate(row: &RawRow<'_>, _: UnknownFields) -> Result<Self, ApiError> {
        Ok(Self::from_row(row)?)
    }
}

pub(crate) async fn list(
    request: HttpRequest,
    AdminAccess(actor, store): AdminAccess,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let query = QueryParams::read(&request, |parameters| {
        ListQuery::read(&request, actor.workspace, parameters)
    })?;
    let keys = store.keys;
    let paging = query.paging;
    let page = async move { Ok(keys.list(paging).await?) };
    let page = run_to_completion(&state, actor, page).await?;
    Ok(query.response(&page, page.items.iter()))
}

pub(crate) async fn create(
    AdminAccess(actor, store): AdminAccess,
    AuditOrigin(origin): AuditOrigin,
    NoIdempotencyKey: NoIdempotencyKey,
    JsonObject(key): JsonObject<NewKeyFields>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let keys = store.keys;
    let secret = KeySecret::generate(actor.workspace);
    let stored = secret.to_stored();
    let any = KeyPrecondition::Any;
    let create = async move { Ok(keys.create(key, stored, any, origin).await?) };
    let created = run_to_completion(&state, actor, create).await?;
    Ok(data(StatusCode::CREATED, CreatedKey::new(created, &secret)))
}

/// Replaces a key by a new one. The old one stays valid for the overlap.
pub(crate) async fn rotate(
    AdminAccess(actor, store): AdminAccess,
    PathParam(key): PathParam<KeyId>,
    AuditOrigin(origin): AuditOrigin,
    NoIdempotencyKey: NoIdempotencyKey,
    OptionalObject(rotation): OptionalObject<RotationFields>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let keys = store.keys;
    let secret = KeySecret::generate(actor.workspace);
    let stored = secret.to_stored();
    let until = Utc::now() + rotation.overlap().to_delta();
    let any = KeyPrecondition::Any;
    let rotate = async move { Ok(keys.rotate(key, stored, until, any, origin).await?) };
    let created = run_to_completion(&state, actor, rotate).await?;
    Ok(data(StatusCode::CREATED, CreatedKey::new(created, &secret)))
}

/// Revokes a key. Sending the request again is harmless.
pub(crate) async fn revoke(
    AdminAccess(actor, store): AdminAccess,
    PathParam(key): PathParam<KeyId>,
    AuditOrigin(origin): AuditOrigin,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let keys = store.keys;
    let revoke = async move { Ok(keys.revoke(key, origin).await?) };
    let revoked = run_to_completion(&state, actor, revoke).await?;
    Ok(data(StatusCode::OK, revoked))
}
