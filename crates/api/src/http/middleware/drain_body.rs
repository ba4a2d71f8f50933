//! An answer that comes before the body was read ends the connection.
//!
//! actix closes the connection after such an answer where the body's length was announced. A body in
//! chunks whose reader has gone it reads on for as long as chunks come, without an end or a deadline:
//! anybody could keep a connection busy, key or no key. So the reader does not go: it stays in the
//! answer's body until that was sent.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;

/// Keeps the request's body until the answer was sent.
pub(crate) async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let body = Shared(Rc::new(RefCell::new(request.take_payload())));
    let lent = Shared(Rc::clone(&body.0));
    request.set_payload(Payload::Stream {
        payload: Box::pin(lent),
    });
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, answer| Keeping {
        answer,
        _request: body,
    }))
}

struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// The answer's body and, with it, the request's.
struct Keeping {
    answer: BoxBody,
    _request: Shared,
}

impl MessageBody for Keeping {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
