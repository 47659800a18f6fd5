//! Signals, in a process of their own: whoever listens to them once takes Ctrl-C away from the whole process.

use bearerd::signals::{Signal, Signals};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::raise;
use std::time::Duration;

#[tokio::test]
async fn each_signal_has_its_meaning() {
    let mut signals = Signals::install().unwrap();
    for (signal, meaning) in [
        (SIGHUP, Signal::Reload),
        (SIGTERM, Signal::Stop),
        (SIGHUP, Signal::Reload),
        (SIGINT, Signal::Stop),
    ] {
        raise(signal).unwrap();
        let next = tokio::time::timeout(Duration::from_secs(30), signals.next());
        assert_eq!(next.await.unwrap(), meaning);
    }
}
