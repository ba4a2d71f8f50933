//! Metrics for Prometheus, on a port of their own. Labels have few and known values: never a
//! workspace, a key or customer data.

mod descriptions;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, web};
use devices_domain::ErrorReport;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

use crate::http::bind::BindError;
use crate::http::connections::{ConnectionLimits, Listener};
use crate::http::middleware::security_headers;

/// Buckets of durations, in seconds. A batch of one device takes about two milliseconds, one of
/// 1,000 devices about twenty.
const DURATION_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Buckets of batch sizes, in devices. Files have up to 20,000 by default.
const BATCH_SIZE_BUCKETS: [f64; 9] = [
    1.0, 10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 5000.0, 20_000.0,
];

/// Sets the gauges whose values are read when Prometheus scrapes.
pub type UpdateGauges = Arc<dyn Fn() + Send + Sync>;

/// Records the metrics of this process.
#[derive(Clone)]
pub struct MetricsRecorder {
    recorder: PrometheusHandle,
    process: Collector,
    update_gauges: UpdateGauges,
}

impl MetricsRecorder {
    /// Installs the recorder and describes the metrics.
    ///
    /// # Errors
    /// If the process has a recorder already.
    pub fn install(update_gauges: UpdateGauges) -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &DURATION_BUCKETS)?
            .set_buckets_for_metric(
                Matcher::Full("devices_batch_rows".to_owned()),
                &BATCH_SIZE_BUCKETS,
            )?
            .install_recorder()?;
        let process = Collector::default();
        process.describe();
        descriptions::describe();
        descriptions::create_series();
        Ok(Self {
            recorder,
            process,
            update_gauges,
        })
    }

    /// Renders all metrics in Prometheus' text format.
    fn render(&self) -> String {
        self.process.collect();
        (self.update_gauges)();
        self.recorder.render()
    }

    /// Aggregates the recorded values every five seconds. Without it, the recorder would keep every
    /// single value in memory until the next scrape.
    async fn run_upkeep(self) {
        loop {
            self.recorder.run_upkeep();
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    }
}

/// Returns the method, or `other` for a method that no route has. Clients can invent methods of any
/// length, and each value of a label is a time series.
pub(crate) fn method_label(method: &Method) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    let known = known.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("other")
}

/// Records a request that has ended.
pub(crate) fn record_request(
    method: &Method,
    route: &str,
    status: StatusCode,
    duration: Duration,
    devices: Option<usize>,
) {
    let route = route.to_owned();
    metrics::counter!("devices_http_requests_total",
        "method" => method_label(method), "route" => route.clone(), "status" => status.as_str().to_owned())
    .increment(1);
    metrics::histogram!("devices_http_request_duration_seconds", "route" => route).record(duration);
    if let Some(devices) = devices {
        metrics::histogram!("devices_batch_rows").record(devices as f64);
    }
}

/// Counts the errors of a rejected body by code.
pub(crate) fn count_row_errors(report: &ErrorReport) {
    let mut counts = BTreeMap::new();
    for entry in report.entries() {
        *counts.entry(entry.error.code.as_str()).or_insert(0) += 1;
    }
    for (code, count) in counts {
        metrics::counter!("devices_rows_refused_total", "code" => code).increment(count);
    }
}

/// Limits of the connections for metrics. A scrape is small, and few programs scrape.
const LIMITS: ConnectionLimits = ConnectionLimits {
    max_connections: 64,
    head_timeout: Duration::from_secs(10),
    keep_alive: Duration::from_secs(75),
    response_stall: Duration::from_secs(20),
    response_bytes_per_second: 16 * 1024,
    max_unsent_bytes: 1 << 24,
};

/// Seconds in which scrapes may finish when the process stops.
const SHUTDOWN_SECONDS: u64 = 1;

/// An HTTP server for the metrics.
pub struct MetricsServer {
    recorder: MetricsRecorder,
    running: actix_web::dev::Server,
    addresses: Vec<SocketAddr>,
}

impl MetricsServer {
    /// Binds to the address.
    ///
    /// # Errors
    /// If the address is in use, not local, or not permitted.
    pub fn bind(recorder: MetricsRecorder, host: &str, port: u16) -> Result<Self, BindError> {
        let app_recorder = recorder.clone();
        let app = move || {
            let recorder = app_recorder.clone();
            let scrape = move || {
                let recorder = recorder.clone();
                async move {
                    HttpResponse::Ok()
                        .content_type("text/plain; version=0.0.4; charset=utf-8")
                        .body(recorder.render())
                }
            };
            App::new()
                .wrap(from_fn(security_headers::middleware))
                .route("/metrics", web::get().to(scrape))
        };
        let bind = || {
            let listener = Listener::bind("metrics", host, port, LIMITS)?;
            let addresses = listener.addresses();
            Ok((listener.serve(1, SHUTDOWN_SECONDS, app)?, addresses))
        };
        let (running, addresses) =
            bind().map_err(|cause| BindError::new(port, cause, "DEVICES__METRICS"))?;
        Ok(Self {
            recorder,
            running,
            addresses,
        })
    }

    /// Returns the addresses that it is bound to.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves in the background until the process ends.
    pub fn start(self) {
        actix_web::rt::spawn(self.recorder.run_upkeep());
        actix_web::rt::spawn(self.running);
    }
}
