//! When the saved session is read: at the start, at a reload, and again and again while it can't be opened.

use bearerd_session::Restored;
use bearerd_session::time::Boot;
use std::time::Duration;

/// Whether a load is under way, and when the next one is due. A load may hang: it is not begun a second time beside
/// itself.
#[derive(Debug)]
pub(super) struct Loading {
    under_way: bool,
    /// What is under way may find what is older than the last reload.
    again: bool,
    /// When it is read by itself; what stands against it may be mended by then, or a disk be back.
    due: Option<Boot>,
    pause: Duration,
    /// Why it could not be opened the last time.
    reason: Option<String>,
}

impl Loading {
    /// After the first load, or while that is under way; the profile goes on with `restored`.
    pub(super) fn new(under_way: bool, restored: &Restored) -> Self {
        let reason = reason_of(restored).map(str::to_owned);
        Self { under_way, again: false, due: None, pause: PAUSE_MIN, reason }
    }

    /// Whether a load is to begin now; where one is under way, another follows it.
    pub(super) fn begin(&mut self) -> bool {
        self.again = self.under_way;
        !std::mem::replace(&mut self.under_way, true)
    }

    /// A load has ended: whether it found what is not known yet.
    pub(super) fn ended(&mut self, restored: &Restored) -> bool {
        self.under_way = false;
        let reason = reason_of(restored);
        let is_news = reason.is_none() || reason != self.reason.as_deref();
        self.reason = reason.map(str::to_owned);
        is_news
    }

    /// Whether another load was to follow that one.
    pub(super) fn take_again(&mut self) -> bool {
        std::mem::take(&mut self.again)
    }

    /// When the saved session is to be read by itself, where it is `wanted`.
    pub(super) fn due(&mut self, wanted: bool, now: Boot) -> Option<Boot> {
        if !wanted {
            self.pause = PAUSE_MIN;
            self.due = None;
        }
        if !wanted || self.under_way {
            return None;
        }
        Some(*self.due.get_or_insert(now + self.pause))
    }

    /// That moment has come.
    pub(super) fn came_due(&mut self) {
        self.due = None;
        self.pause = PAUSE_MAX.min(2 * self.pause);
    }
}

fn reason_of(restored: &Restored) -> Option<&str> {
    match restored {
        Restored::Unreadable(reason) => Some(reason),
        Restored::Nothing | Restored::Session(_) => None,
    }
}

/// The first pause; each further one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_to_a_minute_and_starts_anew() {
        let mut loading = Loading::new(false, &Restored::Unreadable("x".to_owned()));
        let mut now = Boot::from_millis(0);
        let mut pauses = Vec::new();
        for _ in 0..5 {
            let due = loading.due(true, now).unwrap();
            assert_eq!(loading.due(true, now + Duration::from_secs(1)), Some(due), "it stays");
            pauses.push(due.since(now).as_secs());
            now = due;
            loading.came_due();
            assert!(loading.begin());
            assert_eq!(loading.due(true, now), None, "one is under way");
            assert!(!loading.ended(&Restored::Unreadable("x".to_owned())));
        }
        assert_eq!(pauses, [10, 20, 40, 60, 60]);
        assert_eq!(loading.due(false, now), None);
        assert_eq!(loading.due(true, now), Some(now + PAUSE_MIN));
        assert!(loading.ended(&Restored::Unreadable("y".to_owned())), "another reason");
        assert!(loading.ended(&Restored::Nothing));
    }
}
