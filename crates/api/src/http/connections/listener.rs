//! Listening sockets, and the services on their connections.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Protocol, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_factory, fn_service};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{AppConfig, Server, Service, ServiceFactory, ServiceResponse};
use tokio::net::TcpStream;

use super::ConnectionLimits;
use super::connection::Connection;
use super::registry::Registry;
use super::stream::ConnectionStream;
use crate::http::respond::guarded_body::GuardedBody;

/// Time for which the rest of a body is discarded after an early response, so that the client reads
/// the response before the connection is closed. The default of actix-web.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Sockets that listen, and the limits of their connections.
pub(crate) struct Listener {
    name: &'static str,
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    limits: ConnectionLimits,
}

impl Listener {
    /// Binds to all addresses of the host that can be bound. `name` is a label of the metrics.
    ///
    /// # Errors
    /// The error of the last address, if none can be bound.
    pub(crate) fn bind(
        name: &'static str,
        host: &str,
        port: u16,
        limits: ConnectionLimits,
    ) -> io::Result<Self> {
        let mut error = io::ErrorKind::AddrNotAvailable.into();
        let mut sockets = Vec::new();
        for address in (host, port).to_socket_addrs()? {
            match TcpListener::bind(address) {
                Ok(socket) => sockets.push(socket),
                Err(cause) => error = cause,
            }
        }
        if sockets.is_empty() {
            return Err(error);
        }
        let addresses = sockets.iter().map(TcpListener::local_addr);
        Ok(Self {
            name,
            addresses: addresses.collect::<Result<_, _>>()?,
            sockets,
            limits,
        })
    }

    /// Returns the addresses that it is bound to.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.addresses.clone()
    }

    /// Serves the application with at most this number of workers. Requests in progress get
    /// `shutdown_seconds` to finish when the server stops.
    ///
    /// Does what [`actix_web::HttpServer`] does, which supports only the sockets of tokio.
    pub(crate) fn serve<F, I, S, B>(
        self,
        max_workers: usize,
        shutdown_seconds: u64,
        app: F,
    ) -> io::Result<Server>
    where
        F: Fn() -> I + Send + Clone + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<
                Request,
                Config = AppConfig,
                Response = ServiceResponse<B>,
                Error = actix_web::Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let max_connections = self.limits.max_connections;
        let cores = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        let workers = cores.min(max_workers).min(max_connections);
        let registry = Registry::new(self.name, self.limits);
        let mut builder = Server::build()
            .workers(workers)
            // actix stops accepting at this number. The registry closes connections before.
            .max_concurrent_connections(max_connections.div_ceil(workers))
            .shutdown_timeout(shutdown_seconds)
            .disable_signals();
        let shutdown = builder.graceful_shutdown_signal();
        for socket in self.sockets {
            let (app, registry, shutdown) = (app.clone(), Arc::clone(&registry), shutdown.clone());
            builder = builder.listen(self.name, socket, move || {
                let shutdown = shutdown.clone();
                let http = HttpService::build()
                    .graceful_shutdown_signal(move || {
                        let shutdown = shutdown.clone();
                        async move { shutdown.notified().await }
                    })
                    // `ConnectionStream` has the deadlines of idle connections and of heads.
                    .keep_alive(KeepAlive::Os)
                    .client_request_timeout(Duration::ZERO)
                    .client_disconnect_timeout(DISCONNECT_TIMEOUT)
                    .on_connect_ext(|stream: &ConnectionStream, extensions| {
                        extensions.insert(Arc::clone(stream.connection()));
                    })
                    .finish(track_requests(app().into_factory()));
                let registry = Arc::clone(&registry);
                fn_service(move |socket: TcpStream| {
                    let client = socket.peer_addr().ok();
                    // A compressed response is several small writes. Nagle's algorithm would hold
                    // the second one back until the client acknowledges the first, 40 ms later.
                    if let Err(error) = socket.set_nodelay(true) {
                        tracing::debug!(%error, "Nagle's algorithm stays on");
                    }
                    let stream = ConnectionStream::new(socket, Arc::clone(&registry));
                    async move { Ok::<_, DispatchError>((stream, Protocol::Http1, client)) }
                })
                .and_then(http)
            })?;
        }
        Ok(builder.run())
    }
}

/// Wraps the application, so that connections know when their requests begin and end.
fn track_requests<S, B>(
    app: S,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<BoxBody>,
    Error = actix_web::Error,
    InitError = (),
    Service = impl Service<Request, Future = impl Future + 'static>,
>
where
    S: ServiceFactory<
            Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = actix_web::Error,
            InitError = (),
        > + 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let service = app.new_service(AppConfig::default());
        async move {
            let service = Rc::new(service.await?);
            Ok(fn_service(move |request: Request| {
                let connection = request.conn_data::<Arc<Connection>>();
                let guard = connection.map(Connection::begin_request);
                let response = service.call(request);
                async move {
                    let response: Response<BoxBody> = match response.await {
                        Ok(response) => Response::from(response).map_body(|_, body| body.boxed()),
                        Err(error) => error.error_response().into(),
                    };
                    // The request ends with its guard.
                    Ok(response.map_body(|_, body| BoxBody::new(GuardedBody::new(body, guard))))
                }
            }))
        }
    })
}
