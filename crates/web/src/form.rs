//! Forms that a page sent.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};

use crate::error::ConsoleError;
use crate::host::Permit;
use crate::query::Pairs;
use crate::session::console;

/// Size from which a form is parsed on a blocking thread.
const LARGE_FORM_BYTES: usize = 64 * 1024;

/// The values of a form, without a file.
pub(crate) struct Form {
    pub(crate) values: Pairs,
    /// Held until the form has been processed.
    _permit: Option<Permit>,
}

impl FromRequest for Form {
    type Error = ConsoleError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ConsoleError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let host = &console(&request)?.0;
            let (body, permit) = host.read_form(&request, payload).await?;
            Ok(Self {
                values: parse(body).await?,
                _permit: permit,
            })
        })
    }
}

async fn parse(body: Vec<u8>) -> Result<Pairs, ConsoleError> {
    if body.len() < LARGE_FORM_BYTES {
        return Pairs::parse(&body);
    }
    let parsed = web::block(move || Pairs::parse(&body)).await;
    parsed.unwrap_or_else(|_| Err(ConsoleError::Internal("parsing the form panicked".into())))
}
