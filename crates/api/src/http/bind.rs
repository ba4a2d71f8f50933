//! The error of binding to an address.

/// Error of binding to an address, with advice on what to change.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {cause}. {advice}")]
pub struct BindError {
    address: String,
    cause: std::io::Error,
    advice: String,
}

impl BindError {
    /// Creates the error. `section` is the prefix of the environment variables of the address.
    pub(crate) fn new(host: &str, port: u16, cause: std::io::Error, section: &str) -> Self {
        let advice = match cause.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "Stop the program that listens there, or choose another port with {section}__PORT."
            ),
            _ => format!("Choose another address with {section}__HOST and {section}__PORT."),
        };
        Self {
            address: format!("{host}:{port}"),
            cause,
            advice,
        }
    }
}
