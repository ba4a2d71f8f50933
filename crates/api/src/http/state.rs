//! State that all handlers share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, web};
use devices_domain::{Actor, KeyRepository, RateLimiter, SessionRepository, Store, StoreHealth};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::http::event_waits::EventWaits;
use crate::http::limits::auth_throttle::AuthThrottle;
use crate::http::limits::concurrency::WorkspaceLimiter;
use crate::http::limits::request_rate_limiter::RequestRateLimiter;
use crate::http::limits::ttl_map::TtlMap;
use crate::http::respond::api_error::ApiError;
use crate::settings::{Limits, Settings};

/// Time for which the actor of a key is known after a look-up. The look-up also records the use of
/// the key, which has the precision of a minute.
const KNOWN_KEY_TTL: Duration = Duration::from_secs(60);

/// State that all handlers share.
pub struct State {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keys: Arc<dyn KeyRepository>,
    pub(crate) sessions: Arc<dyn SessionRepository>,
    pub(crate) health: Arc<dyn StoreHealth>,
    pub(crate) limits: Limits,
    pub(crate) client_address_header: Option<HeaderName>,
    /// `true` if the docs page is served.
    pub(crate) has_docs: bool,
    /// `true` if the web console is served.
    pub(crate) has_console: bool,
    pub(crate) auth_throttle: AuthThrottle,
    /// Actors of keys that were active up to a minute ago, by hash.
    known_keys: TtlMap<[u8; 32], Actor>,
    pub(crate) request_rate_limiter: RequestRateLimiter,
    pub(crate) large_bodies: Arc<WorkspaceLimiter>,
    /// Limits the large files that are arriving.
    pub(crate) uploads: Arc<WorkspaceLimiter>,
    /// Limits the files that are imported or validated. A file does not count while it arrives.
    pub(crate) imports: Arc<WorkspaceLimiter>,
    pub(crate) exports: Arc<WorkspaceLimiter>,
    /// Limits the requests in flight. A request does not count while its body arrives.
    pub(crate) in_flight: Arc<WorkspaceLimiter>,
    pub(crate) event_waits: Arc<EventWaits>,
    /// Limits the requests whose key is being looked up. They belong to no workspace yet.
    key_lookups: Semaphore,
    /// Set when the server begins to shut down.
    pub(crate) is_stopping: AtomicBool,
}

/// Ports that the handlers use.
pub struct Ports {
    /// Devices, users and enrolments of every workspace.
    pub store: Arc<dyn Store>,
    /// Resolves keys to actors.
    pub keys: Arc<dyn KeyRepository>,
    /// Sessions of the web console.
    pub sessions: Arc<dyn SessionRepository>,
    /// Token buckets of the keys and the workspaces.
    pub limiter: Arc<dyn RateLimiter>,
    /// Health check of the store.
    pub health: Arc<dyn StoreHealth>,
}

impl State {
    /// Creates the state over these ports, with the limits of `settings`.
    pub fn new(ports: Ports, settings: &Settings) -> Self {
        let Ports {
            store,
            keys,
            sessions,
            limiter,
            health,
        } = ports;
        let limits = settings.limits;
        let rate_limit = settings.rate_limit;
        Self {
            store,
            keys,
            sessions,
            health,
            limits,
            client_address_header: HeaderName::try_from(&settings.server.client_address_header)
                .ok(),
            has_docs: settings.server.docs_enabled,
            has_console: settings.web.enabled,
            auth_throttle: AuthThrottle::new(rate_limit.failed_authentications_per_minute),
            known_keys: TtlMap::default(),
            request_rate_limiter: RequestRateLimiter::new(limiter, &rate_limit),
            large_bodies: WorkspaceLimiter::new(
                limits.max_large_bodies,
                "the limit of large bodies, in total or of the workspace, is reached",
            ),
            uploads: WorkspaceLimiter::new(
                limits.max_uploads(),
                "the limit of concurrent uploads, in total or of the workspace, is reached",
            ),
            imports: WorkspaceLimiter::new(
                limits.max_concurrent_imports,
                "the limit of concurrent imports, in total or of the workspace, is reached",
            ),
            exports: WorkspaceLimiter::new(
                limits.max_concurrent_exports,
                "the limit of concurrent exports, in total or of the workspace, is reached",
            ),
            in_flight: WorkspaceLimiter::new(
                limits.max_requests_in_flight,
                "the limit of requests in flight, in total or of the workspace, is reached",
            ),
            event_waits: EventWaits::new(limits.max_waiting_requests),
            key_lookups: Semaphore::new(limits.max_requests_in_flight),
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Returns the requests that wait for events. Background jobs wake them.
    pub fn event_waits(&self) -> Arc<EventWaits> {
        Arc::clone(&self.event_waits)
    }

    /// Sets the gauges of the limited resources, and of their limits.
    pub(crate) fn record_usage(&self) {
        for (name, setting, limiter) in [
            (
                "devices_requests_in_flight",
                "max_requests_in_flight",
                &self.in_flight,
            ),
            (
                "devices_large_bodies",
                "max_large_bodies",
                &self.large_bodies,
            ),
            ("devices_uploads", "max_uploads", &self.uploads),
            ("devices_imports", "max_concurrent_imports", &self.imports),
            ("devices_exports", "max_concurrent_exports", &self.exports),
            (
                "devices_waiting_requests",
                "max_waiting_requests",
                self.event_waits.limiter(),
            ),
        ] {
            metrics::gauge!(name).set(limiter.in_use() as f64);
            metrics::gauge!("devices_limit", "setting" => setting).set(limiter.max() as f64);
        }
    }

    /// Returns the state of the application that received the request.
    pub(crate) fn of(request: &HttpRequest) -> Result<&web::Data<Self>, ApiError> {
        let state = request.app_data();
        state.ok_or_else(|| ApiError::Internal("the application has no state".into()))
    }

    /// Returns the actor of a key that was active up to a minute ago.
    pub(crate) fn known_actor(&self, key_hash: [u8; 32]) -> Option<Actor> {
        self.known_keys.get(&key_hash).map(|(actor, _)| actor)
    }

    /// Remembers the actor of a key that was found active.
    pub(crate) fn remember_key(&self, key_hash: [u8; 32], actor: Actor) {
        let known_keys = &self.known_keys;
        known_keys.upsert(key_hash, KNOWN_KEY_TTL, actor, |_| actor);
        self.auth_throttle.record_valid(key_hash);
    }

    /// Forgets a key that was found inactive.
    pub(crate) fn forget_key(&self, key_hash: [u8; 32]) {
        self.known_keys.remove(&key_hash);
        self.auth_throttle.record_invalid(key_hash);
    }

    /// Takes a permit for looking up a key.
    ///
    /// # Errors
    /// `Busy` if as many keys are being looked up as requests may be in flight.
    pub(crate) fn try_acquire_key_lookup(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let permit = self.key_lookups.try_acquire();
        permit.map_err(|_| ApiError::Busy("the limit of key look-ups is reached"))
    }
}
