//! The error of binding to an address.

/// Error of binding to an address, with advice on what to change. The message omits the host: the
/// value of a setting may be a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port}: {cause}. {advice}")]
pub struct BindError {
    port: u16,
    cause: std::io::Error,
    advice: String,
}

impl BindError {
    /// Creates the error. `section` is the prefix of the environment variables of the address.
    pub(crate) fn new(port: u16, cause: std::io::Error, section: &str) -> Self {
        let advice = match cause.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "Stop the program that listens there, or choose another port with {section}__PORT."
            ),
            _ => format!("Choose another address with {section}__HOST and {section}__PORT."),
        };
        Self {
            port,
            cause,
            advice,
        }
    }
}
