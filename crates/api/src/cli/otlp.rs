//! Exporter of the spans of sampled requests: OTLP over HTTP, to the collector that the standard
//! variables name. <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::sync::OnceLock;

use devices_domain::SPAN_TARGET;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::{Layer, Registry};

use super::log;
use crate::build;

static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
];

/// Returns the layer that exports spans, if a variable names a collector.
pub(super) fn layer() -> Option<impl Layer<Registry> + Send + Sync> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !ENDPOINTS.into_iter().any(is_set) {
        return None;
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .build();
    let Ok(exporter) = exporter else {
        // The error may contain a header with a secret.
        log::print_error("cannot export traces: check the variables OTEL_EXPORTER_OTLP_*");
        return None;
    };
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource())
        .build();
    let tracer = provider.tracer("devices-api");
    PROVIDER.get_or_init(|| provider);
    let spans = Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target(SPAN_TARGET, Level::INFO);
    let layer = tracing_opentelemetry::layer().with_tracer(tracer);
    Some(layer.with_filter(spans))
}

/// Returns the attributes of this server: those of `OTEL_RESOURCE_ATTRIBUTES`, its name, unless
/// `OTEL_SERVICE_NAME` is set, and its version.
fn resource() -> Resource {
    let version = opentelemetry::KeyValue::new("service.version", build::VERSION);
    let resource = Resource::builder().with_attribute(version);
    if std::env::var_os("OTEL_SERVICE_NAME").is_some() {
        resource.build()
    } else {
        resource.with_service_name("fleet-devices").build()
    }
}

/// Sends the spans that wait to be exported. Takes up to five seconds.
pub(super) fn shut_down() {
    if let Some(provider) = PROVIDER.get()
        && let Err(error) = provider.shutdown()
    {
        tracing::warn!(%error, "cannot export the last spans");
    }
}
