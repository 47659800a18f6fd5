//! What the daemon tells its service manager, where it has one; without one every call does nothing.
//!
//! A message that does not get through is logged and no more: serving tokens matters more than telling of it.

use sd_notify::NotifyState;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// The daemon serves: at the start, and again after [`reloading`].
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))]);
}

/// The configuration is being read again; [`ready`] has to follow, whether or not the new one was taken.
///
/// The moment goes with it, as `Type=notify-reload` demands to tell this reload from the one before (sd_notify(3)).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(moment) => tell(&[NotifyState::Reloading, moment]),
        Err(error) => tracing::warn!(%error, "failed to read the clock for the service manager"),
    }
}

/// The daemon has begun to end.
pub fn stopping(status: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(&one_line(status))]);
}

/// One line for people, shown by `systemctl status`.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(&one_line(text))]);
}

/// The pings of `WatchdogSec=`: a daemon that sends none is taken for hung and started anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watchdog {
    every: Duration,
}

impl Watchdog {
    /// The pings that the service manager wants from this process; none where it asked for none.
    pub fn wanted() -> Option<Self> {
        Self::within(sd_notify::watchdog_enabled()?)
    }

    /// Two pings in each period, as sd_watchdog_enabled(3) advises. A period of nothing cannot be met.
    fn within(period: Duration) -> Option<Self> {
        let every = period / 2;
        (!every.is_zero()).then_some(Self { every })
    }

    /// Pings for as long as the runtime turns; it never ends by itself.
    ///
    /// It has to run as a task of the runtime that serves, not on a thread of its own: then a runtime that is stuck
    /// sends no pings. It follows the monotonic clock, by which the service manager counts too.
    pub async fn run(self) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            tell(&[NotifyState::Watchdog]);
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "failed to tell the service manager");
    }
}

/// A line break would begin another assignment of the message.
fn one_line(text: &str) -> String {
    text.replace(|letter: char| letter.is_control(), " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::{Command, Stdio};

    /// Marks the process in which the test below plays the daemon.
    const CHILD: &str = "BEARERD_TEST_PLAYS_THE_SERVICE";
    const PATIENCE: Duration = Duration::from_secs(30);

    #[allow(
        clippy::disallowed_methods,
        reason = "only a process of its own may have another environment"
    )]
    fn is_child() -> bool {
        std::env::var_os(CHILD).is_some()
    }

    #[test]
    fn messages_and_pings_reach_the_socket_of_the_service_manager() {
        if is_child() {
            return play_the_service();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let name = "systemd::tests::messages_and_pings_reach_the_socket_of_the_service_manager";
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, "1")
            .env("NOTIFY_SOCKET", &path)
            .env("WATCHDOG_USEC", "20000")
            .env_remove("WATCHDOG_PID")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut receive = || {
            let mut buffer = [0; 512];
            let length = socket.recv(&mut buffer).unwrap();
            String::from_utf8(buffer[..length].to_vec()).unwrap()
        };
        let messages: Vec<String> = std::iter::repeat_with(&mut receive).take(7).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(messages[0], "READY=1\nSTATUS=serving\n");
        let moment = messages[1].strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
        assert!(moment.trim_end().parse::<u64>().unwrap() > 0);
        assert_eq!(messages[2], "STATUS=two lines READY=1\n");
        assert_eq!(messages[3], "STOPPING=1\nSTATUS=draining\n");
        assert_eq!(messages[4..], ["WATCHDOG=1\n"; 3]);
    }

    fn play_the_service() {
        ready("serving");
        reloading();
        status("two lines\nREADY=1");
        stopping("draining");
        let watchdog = Watchdog::wanted().unwrap();
        assert_eq!(watchdog, Watchdog { every: Duration::from_millis(10) });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(watchdog.run());
    }

    #[test]
    fn a_period_of_nothing_asks_for_no_pings() {
        assert_eq!(Watchdog::within(Duration::ZERO), None);
        assert_eq!(
            Watchdog::within(Duration::from_secs(30)),
            Some(Watchdog { every: Duration::from_secs(15) })
        );
    }
}
