//! Admission of requests: the key is active, and the rate limits allow the request.

use std::sync::OnceLock;

use crate::access::Actor;
use crate::ports::{RateLimitDecision, RateLimits};
use crate::trace_context::TraceContext;

/// Admission of one request. The store decides it together with its first work for the request, on
/// the same connection, unless it was decided before.
#[derive(Debug)]
pub struct Admission {
    actor: Actor,
    secret_sha256: [u8; 32],
    limits: RateLimits,
    trace: Option<TraceContext>,
    decision: OnceLock<AdmissionDecision>,
}

/// Decision on an admission.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AdmissionDecision {
    /// The secret does not, or no longer, belong to an active key of the actor. No token was taken.
    KeyInactive,
    /// The key is active. The request is admitted if the rate limits allow it.
    KeyActive(RateLimitDecision),
}

impl Admission {
    /// Creates the admission of a request whose secret belonged to an active key of `actor` when it
    /// was last looked up. It is yet to be decided.
    #[must_use]
    pub fn new(actor: Actor, secret_sha256: [u8; 32], limits: RateLimits) -> Self {
        Self {
            actor,
            secret_sha256,
            limits,
            trace: None,
            decision: OnceLock::new(),
        }
    }

    /// Sets the trace of the request.
    #[must_use]
    pub fn with_trace(self, trace: Option<TraceContext>) -> Self {
        Self { trace, ..self }
    }

    /// Returns the trace of the request, if its caller records it.
    #[must_use]
    pub fn sampled_trace(&self) -> Option<TraceContext> {
        self.trace.filter(TraceContext::is_sampled)
    }

    /// Returns the actor of the request.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Returns the SHA-256 of the secret in the request.
    #[must_use]
    pub fn secret_sha256(&self) -> [u8; 32] {
        self.secret_sha256
    }

    /// Returns the rate limits that apply to the request.
    #[must_use]
    pub fn limits(&self) -> RateLimits {
        self.limits
    }

    /// Decides the admission. A second decision has no effect.
    pub fn decide(&self, decision: AdmissionDecision) {
        self.decision.get_or_init(|| decision);
    }

    /// Returns the decision, `None` before it is made.
    #[must_use]
    pub fn decision(&self) -> Option<AdmissionDecision> {
        self.decision.get().copied()
    }

    /// Returns whether the request was admitted.
    #[must_use]
    pub fn is_admitted(&self) -> bool {
        match self.decision() {
            Some(AdmissionDecision::KeyActive(limits)) => limits.is_allowed(),
            Some(AdmissionDecision::KeyInactive) | None => false,
        }
    }
}
