//! Bounds every wait of a test, so that a promise that is broken fails instead of hanging.

use std::future::Future;
use std::time::Duration;

/// Far above what a loaded machine needs, far below a test runner's own limit.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for `future`, and panics with what it was waiting for when patience ends.
pub(crate) async fn within<F: Future>(future: F, awaited: impl FnOnce() -> String) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {}", awaited()),
    }
}
