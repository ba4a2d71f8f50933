//! Reads the response of a server that rejects a request before it has read its body.
//!
//! Such a server responds and closes the connection, so that writing the rest of the body fails.
//! ureq then returns the error of the write, and nobody learns of the 401 or the 413. Here, a
//! failed write counts as success, and the response, or the end of the connection, is read
//! afterwards, as RFC 9110 (section 7.5) expects.

use std::io::ErrorKind;

use ureq::Error;
use ureq::unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport};

/// Wraps the transport of the connectors before it.
#[derive(Debug)]
pub(crate) struct EarlyResponseConnector;

impl<In: Transport> Connector<In> for EarlyResponseConnector {
    type Out = EarlyResponseTransport<In>;

    fn connect(
        &self,
        _details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| EarlyResponseTransport {
            inner,
            is_closed: false,
        }))
    }
}

/// A transport whose peer may close it while it is written to.
#[derive(Debug)]
pub(crate) struct EarlyResponseTransport<In> {
    inner: In,
    /// A write has failed. What is written after that is dropped.
    is_closed: bool,
}

impl<In: Transport> Transport for EarlyResponseTransport<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_closed {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed_by_peer(error.kind()) => {
                self.is_closed = true;
                Ok(())
            }
            result => result,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.is_closed && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn is_closed_by_peer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted
    )
}
