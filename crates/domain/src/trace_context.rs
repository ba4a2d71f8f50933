//! Distributed traces: the trace that a request is part of.

use std::fmt;
use std::num::{NonZeroU64, NonZeroU128};

/// Trace of a request, and the caller's span in it, as the header `traceparent` names them.
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    is_sampled: bool,
}

/// Id of a trace. Displayed as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(NonZeroU128);

/// Id of a span. Displayed as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(NonZeroU64);

/// Target of the spans of sampled requests, by which exporters select them.
pub const SPAN_TARGET: &str = "fleet_devices::spans";

/// Length of `version-trace_id-span_id-flags`.
const LENGTH: usize = 55;

/// Bit of the flags that asks to record the trace.
const SAMPLED: u8 = 1;

impl TraceContext {
    /// Parses the value of a `traceparent` header. Returns `None` if it is invalid: the
    /// specification requires to ignore it then.
    ///
    /// A higher version than 00 may have more parts, which are ignored.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        // Below, a part ends at its fixed position.
        let (known, rest) = header.split_at_checked(LENGTH)?;
        let mut parts = known.split('-');
        let (version, trace_id) = (parts.next()?, parts.next()?);
        let (span_id, flags) = (parts.next()?, parts.next()?);
        let version = hexadecimal(version, 2)?;
        let is_known_length = rest.is_empty() || (version > 0 && rest.starts_with('-'));
        if version == 0xff || !is_known_length || parts.next().is_some() {
            return None;
        }
        let span_id = u64::try_from(hexadecimal(span_id, 16)?).ok()?;
        let flags = u8::try_from(hexadecimal(flags, 2)?).ok()?;
        Some(Self {
            trace_id: TraceId(NonZeroU128::new(hexadecimal(trace_id, 32)?)?),
            span_id: SpanId(NonZeroU64::new(span_id)?),
            is_sampled: flags & SAMPLED != 0,
        })
    }

    /// Returns the id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// Returns the id of the caller's span.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Returns whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }
}

impl TraceId {
    /// Returns the bytes, most significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.get().to_be_bytes()
    }
}

impl SpanId {
    /// Returns the bytes, most significant first.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 8] {
        self.0.get().to_be_bytes()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Parses this number of hexadecimal digits. The specification allows only lower-case ones.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let is_valid = text.len() == digits && text.bytes().all(is_digit);
    is_valid.then(|| u128::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const VALID: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    #[test]
    fn valid_header_is_read() {
        let trace = TraceContext::parse(VALID).unwrap();
        assert_eq!(
            trace.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(trace.span_id().to_string(), "00f067aa0ba902b7");
        assert!(trace.is_sampled());
    }

    #[rstest]
    #[case("00", false)]
    #[case("01", true)]
    #[case("02", false)]
    #[case("ff", true)]
    fn first_bit_of_flags_is_sampled(#[case] flags: &str, #[case] is_sampled: bool) {
        let header = format!("{}{flags}", &VALID[..53]);
        let trace = TraceContext::parse(&header).unwrap();
        assert_eq!(trace.is_sampled(), is_sampled);
    }

    #[test]
    fn later_version_may_have_more_parts() {
        let later = VALID.replacen("00", "cc", 1);
        assert!(TraceContext::parse(&later).is_some());
        assert!(TraceContext::parse(&format!("{later}-what-comes-later")).is_some());
        assert_eq!(TraceContext::parse(&format!("{later}.01")), None);
    }

    #[rstest]
    #[case("")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-0")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-00")]
    #[case("00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00F067AA0BA902B7-01")]
    #[case("00-00000000000000000000000000000000-00f067aa0ba902b7-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")]
    #[case("ff-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")]
    #[case("0g-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319x-00f067aa0ba902b7-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-0x")]
    #[case("00-0af7651916cd43dd8448eb211c80319c00f067aa0ba902b7-0-01")]
    #[case("00_0af7651916cd43dd8448eb211c80319c_00f067aa0ba902b7_01")]
    #[case("00-+af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")]
    #[case(" 00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01")]
    #[case("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-\u{e9}")]
    fn invalid_header_is_ignored(#[case] header: &str) {
        assert_eq!(TraceContext::parse(header), None);
    }
}
