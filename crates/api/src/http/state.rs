//! What the handlers work with.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use actix_web::http::header::HeaderName;
use devices_domain::{KeyRepository, RateLimiter, Store, StoreHealth};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::limits::auth_throttle::AuthThrottle;
use crate::http::limits::concurrency::WorkspaceLimiter;
use crate::http::limits::key_rate_limit::Exhausted;
use crate::http::respond::api_error::ApiError;
use crate::settings::{Limits, RateLimit, Settings};

/// What the handlers work with.
pub struct State {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<dyn KeyRepository>,
    pub(crate) limiter: Arc<dyn RateLimiter>,
    pub(crate) health: Arc<dyn StoreHealth>,
    pub(crate) limits: Limits,
    pub(crate) rate_limit: RateLimit,
    pub(crate) client_address_header: Option<HeaderName>,
    pub(crate) failures: AuthThrottle,
    pub(crate) exhausted: Exhausted,
    /// When the store last answered.
    pub(crate) answered: tokio::sync::Mutex<Option<Instant>>,
    pub(crate) large_bodies: Arc<WorkspaceLimiter>,
    pub(crate) exports: Arc<WorkspaceLimiter>,
    /// As many permits as requests may be worked on at once.
    in_flight: Arc<Semaphore>,
    /// Whether the server was told to stop.
    pub(crate) stopping: AtomicBool,
}

/// The ports that the handlers use.
pub struct Ports {
    /// Devices, users and enrolments of every workspace.
    pub store: Arc<dyn Store>,
    /// Whose keys open what.
    pub keys: Arc<dyn KeyRepository>,
    /// How much each key may ask for.
    pub limiter: Arc<dyn RateLimiter>,
    /// Whether the store can be used.
    pub health: Arc<dyn StoreHealth>,
}

impl State {
    /// Over these ports, with the limits of these settings.
    pub fn new(ports: Ports, settings: &Settings) -> Self {
        let Ports {
            store,
            keys,
            limiter,
            health,
        } = ports;
        let limits = settings.limits;
        let rate_limit = settings.rate_limit;
        Self {
            store,
            keys,
            limiter,
            health,
            limits,
            rate_limit,
            client_address_header: HeaderName::try_from(&settings.server.client_address_header)
                .ok(),
            failures: AuthThrottle::new(rate_limit.failed_authentications_per_minute),
            exhausted: Exhausted::default(),
            answered: tokio::sync::Mutex::default(),
            large_bodies: WorkspaceLimiter::new(
                limits.large_bodies,
                "the most large bodies, of all or of the workspace, are held already",
            ),
            exports: WorkspaceLimiter::new(
                limits.exports,
                "the most exports, of all or of the workspace, are running already",
            ),
            in_flight: Arc::new(Semaphore::new(limits.requests_in_flight)),
            stopping: AtomicBool::new(false),
        }
    }

    /// A place among the requests that are worked on.
    pub(crate) fn admit(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let free = Arc::clone(&self.in_flight).try_acquire_owned();
        free.map_err(|_| ApiError::Busy("the most requests are in flight already"))
    }
}
