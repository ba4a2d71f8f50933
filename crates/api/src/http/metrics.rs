//! MetricsRecorder for Prometheus, on a port of their own. Their labels are few and known: no workspace, no
//! key, no value of a customer's.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::{App, HttpResponse, HttpServer, web};
use devices_domain::ErrorReport;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::http::bind::BindError;

/// Seconds. A batch of one takes about two milliseconds, one of 1,000 about twenty.
const SECONDS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Devices.
const BATCH_SIZES: [f64; 7] = [1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0];

/// How many connections to the database there are, and how many of them are idle.
pub type Connections = Arc<dyn Fn() -> (u32, u32) + Send + Sync>;

/// Everything that is counted in this process.
#[derive(Clone)]
pub struct MetricsRecorder {
    recorder: PrometheusHandle,
    connections: Connections,
}

impl MetricsRecorder {
    /// Begins to count, and says what each figure is. To be called once.
    ///
    /// # Errors
    /// Where something in this process counts already.
    pub fn record(connections: Connections) -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
            .set_buckets_for_metric(Matcher::Full("devices_batch_rows".to_owned()), &BATCH_SIZES)?
            .install_recorder()?;
        describe();
        Ok(Self {
            recorder,
            connections,
        })
    }

    fn text(&self) -> String {
        let (all, idle) = (self.connections)();
        for (state, count) in [("idle", idle), ("in_use", all.saturating_sub(idle))] {
            metrics::gauge!("devices_pool_connections", "state" => state).set(count);
        }
        self.recorder.render()
    }

    /// Sums up what was recorded, now and then, also where nobody asks: until then every single value
    /// is held.
    async fn keep_up(self) {
        loop {
            self.recorder.run_upkeep();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};

    describe_counter!(
        "devices_http_requests_total",
        "Requests by method, route and status"
    );
    describe_histogram!(
        "devices_http_request_duration_seconds",
        "Time from a request's head to its answer, by route"
    );
    describe_histogram!("devices_batch_rows", "Devices in each batch that was read");
    describe_counter!(
        "devices_rows_refused_total",
        "Row errors by code; a report counts 1,000 at most"
    );
    describe_gauge!(
        "devices_pool_connections",
        "Connections to the database, by state"
    );
    describe_histogram!(
        "devices_pool_wait_seconds",
        "Time that work waited for a connection to the database"
    );
    describe_counter!(
        "devices_idempotent_replays_total",
        "Batches that were answered from memory and not stored again"
    );
    describe_counter!(
        "devices_rate_limit_decisions_total",
        "Requests that passed the limiter or did not, by decision"
    );
}

/// Counts a request that has ended.
pub(crate) fn record_request(
    method: &Method,
    route: &str,
    status: StatusCode,
    duration: Duration,
    devices: Option<usize>,
) {
    // A client can make up any method.
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
        Method::OPTIONS,
    ];
    let method = match methods.iter().find(|known| *known == method) {
        Some(known) => known.as_str().to_owned(),
        None => "other".to_owned(),
    };
    let route = route.to_owned();
    metrics::counter!("devices_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.as_str().to_owned())
    .increment(1);
    metrics::histogram!("devices_http_request_duration_seconds", "route" => route).record(duration);
    if let Some(devices) = devices {
        metrics::histogram!("devices_batch_rows").record(devices as f64);
    }
}

/// Counts what was wrong with a batch.
pub(crate) fn count_row_errors(report: &ErrorReport) {
    let mut counts = BTreeMap::new();
    for entry in report.entries() {
        *counts.entry(entry.error.code.as_str()).or_insert(0) += 1;
    }
    for (code, count) in counts {
        metrics::counter!("devices_rows_refused_total", "code" => code).increment(count);
    }
}

/// A server for the figures alone.
pub struct MetricsServer {
    figures: MetricsRecorder,
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
}

impl MetricsServer {
    /// Listens there.
    ///
    /// # Errors
    /// Where the address is taken, not this machine's, or not allowed.
    pub fn bind(figures: MetricsRecorder, host: &str, port: u16) -> Result<Self, BindError> {
        let upkeep = figures.clone();
        let app = move || {
            let figures = figures.clone();
            let text = move || {
                let figures = figures.clone();
                async move {
                    HttpResponse::Ok()
                        .content_type("text/plain; version=0.0.4; charset=utf-8")
                        .body(figures.text())
                }
            };
            App::new().route("/metrics", web::get().to(text))
        };
        let server = HttpServer::new(app)
            .disable_signals()
            .workers(1)
            .bind((host, port))
            .map_err(|cause| BindError::new(host, port, cause, "DEVICES__METRICS"))?;
        Ok(Self {
            addresses: server.addrs(),
            running: server.run(),
            figures: upkeep,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until the process ends.
    pub fn start(self) {
        actix_web::rt::spawn(self.figures.keep_up());
        actix_web::rt::spawn(self.running);
    }
}
