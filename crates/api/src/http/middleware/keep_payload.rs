//! Closes the connection after a response that is sent before the request's body has been read.
//!
//! actix does so by itself if the request has a `Content-Length`. If the reader of a chunked body
//! is dropped, actix reads on for as long as chunks arrive, without a limit or a deadline: any
//! client, even without a key, could keep a connection busy. So the reader stays alive, inside the
//! response's body, until the response has been sent.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage};
use futures_util::Stream;

use crate::http::connections::Connection;
use crate::http::respond::guarded_body::GuardedBody;

/// Keeps the request's payload alive until the response has been sent.
pub(crate) async fn middleware(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let payload = SharedPayload {
        payload: Rc::new(RefCell::new(request.take_payload())),
        connection: request.conn_data::<Arc<Connection>>().cloned(),
    };
    let handler_payload = payload.clone();
    request.set_payload(Payload::Stream {
        payload: Box::pin(handler_payload),
    });
    let response = next.call(request).await?.map_into_boxed_body();
    Ok(response.map_body(|_, body| GuardedBody::new(body, payload)))
}

#[derive(Clone)]
struct SharedPayload {
    payload: Rc<RefCell<Payload>>,
    /// Connection whose deadlines depend on the waits of the handler. `None` in unit tests.
    connection: Option<Arc<Connection>>,
}

impl Stream for SharedPayload {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = Pin::new(&mut *self.payload.borrow_mut()).poll_next(context);
        if let Some(connection) = &self.connection {
            if next.is_pending() {
                connection.await_body();
            } else {
                connection.end_body_wait();
            }
        }
        next
    }
}
