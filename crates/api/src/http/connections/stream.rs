//! The socket of a connection, with deadlines.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::connection::Connection;
use super::registry::Registry;
use super::write_allowance::WriteAllowance;

/// Response to an incomplete head, before the connection is closed.
const REQUEST_TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{\"error\":\"REQUEST_TIMEOUT\"}";

/// Socket of a client. Reading and writing fail when the client is too slow, which ends the task of
/// the connection.
///
/// actix ends each poll of the connection with a flush, even if nothing was written, or with a
/// blocked write. Both check the deadlines, and the timer wakes up the task at the next one.
#[derive(Debug)]
pub(super) struct ConnectionStream {
    socket: TcpStream,
    registry: Arc<Registry>,
    connection: Arc<Connection>,
    allowance: WriteAllowance,
    /// Fires at the next deadline or before. It is reset only when it fires or when a deadline is
    /// earlier, so most requests do not touch the timer wheel.
    timer: Pin<Box<Sleep>>,
}

impl ConnectionStream {
    pub(super) fn new(socket: TcpStream, registry: Arc<Registry>) -> Self {
        let limits = &registry.limits;
        set_options(&socket, limits.response_stall);
        let client = socket.peer_addr().ok().map(|client| client.ip());
        Self {
            connection: registry.add(client),
            allowance: WriteAllowance::new(limits.response_stall, limits.response_bytes_per_second),
            timer: Box::pin(sleep_until(Instant::now() + limits.head_timeout)),
            socket,
            registry,
        }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Checks the deadlines, and sets the timer to the next one.
    fn check_deadlines(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        self.connection.waker.register(context.waker());
        if self.connection.is_evicted() {
            return Err(self.abort("evicted"));
        }
        let head_deadline = self.connection.head_deadline(&self.registry.limits);
        let deadlines = [head_deadline, self.allowance.deadline()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else {
            return Ok(());
        };
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if deadline <= Instant::now() {
                return Err(self.close());
            }
            self.timer.as_mut().reset(deadline);
        }
        Ok(())
    }

    /// Closes the connection at a deadline.
    fn close(&mut self) -> io::Error {
        if self.allowance.deadline().is_some() {
            return self.abort("response_stalled");
        }
        if !self.connection.awaits_head() {
            return self.count_closed("idle");
        }
        // Writing is not blocked, so this small response fits into the buffer of the socket. If it
        // does not, the client sees a closed connection.
        drop(self.socket.try_write(REQUEST_TIMEOUT));
        self.count_closed("head_timeout")
    }

    /// Resets the connection: the kernel would keep unsent bytes, and the client could take a
    /// truncated response for a complete one.
    fn abort(&mut self, reason: &'static str) -> io::Error {
        if self.allowance.deadline().is_some() {
            let reset = SockRef::from(&self.socket).set_linger(Some(Duration::ZERO));
            // Fails only for a socket that is closed already.
            drop(reset);
        }
        self.count_closed(reason)
    }

    fn count_closed(&self, reason: &'static str) -> io::Error {
        self.registry.count_closed(reason);
        io::Error::new(io::ErrorKind::TimedOut, reason)
    }

    /// Records that all bytes were written.
    fn unblock(&self) {
        // The usual case: writing was not blocked.
        if self.connection.unsent_bytes.load(Relaxed) > 0 {
            self.connection.stalled_since.clear();
            self.registry.set_unsent_bytes(&self.connection, 0);
        }
    }

    /// Records that writing is blocked, with this number of bytes left.
    fn block(&mut self, bytes: usize) {
        self.allowance.block();
        if let Some(since) = self.allowance.stalled_since() {
            self.connection.stalled_since.set(since);
        }
        self.registry.set_unsent_bytes(&self.connection, bytes);
    }
}

impl AsyncRead for ConnectionStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut this.socket).poll_read(context, buffer));
        if buffer.filled().len() > before {
            this.connection.receive_bytes();
        } else if read.is_err() || buffer.remaining() > 0 {
            this.connection.close_read();
        }
        read?;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ConnectionStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.socket).poll_write(context, bytes) {
            Poll::Ready(written) => {
                let written = written?;
                this.allowance.add_written(written);
                if written == bytes.len() {
                    this.unblock();
                }
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                this.block(bytes.len());
                this.check_deadlines(context)?;
                Poll::Pending
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_deadlines(context)?;
        Pin::new(&mut this.socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

impl Drop for ConnectionStream {
    fn drop(&mut self) {
        self.registry.remove(&self.connection);
    }
}

/// Time after which the kernel probes an idle connection, and between probes.
const KEEPALIVE_PROBE: Duration = Duration::from_secs(30);

/// Makes the kernel close connections whose peer has vanished, also after the process has closed
/// them with responses still unread.
#[cfg_attr(
    not(target_os = "linux"),
    expect(unused_variables, reason = "only Linux has the user timeout")
)]
fn set_options(socket: &TcpStream, user_timeout: Duration) {
    let socket = SockRef::from(socket);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(KEEPALIVE_PROBE)
        .with_interval(KEEPALIVE_PROBE);
    // All fail only for a socket that the client has closed already.
    drop(socket.set_tcp_keepalive(&keepalive));
    #[cfg(target_os = "linux")]
    {
        /// Maximum number of bytes that the kernel accepts before it can send them. By default, it
        /// accepts megabytes for a client that reads nothing, and reports progress only when much
        /// of that has been sent, so the rate of the client cannot be measured.
        const MAX_QUEUED_BYTES: u32 = 128 * 1024;
        drop(socket.set_tcp_user_timeout(Some(user_timeout)));
        drop(socket.set_tcp_notsent_lowat(MAX_QUEUED_BYTES));
    }
}
