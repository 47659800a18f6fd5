//! The HTTP clients: one for each distinct set of trusted certificates and proxy.

/// Makes and shares the HTTP clients.
#[derive(Debug, Default)]
pub struct HttpClients {}

impl HttpClients {
    /// No client is built before the first request.
    pub fn new() -> Self {
        Self {}
    }
}
