//! What readers see of a profile: immutable, its answer's bytes made but for the seconds left.

use crate::wiped::Wiped;
use bearerd_proto::{ProfileName, Secret, TokenType};
use bearerd_session::time::{Boot, Now};
use bearerd_session::{Report, Session, SlotKey, View};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One profile as its task last published it.
#[derive(Debug)]
pub struct Snapshot {
    /// How the session is, for `status`.
    pub report: Report,
    token: Option<TokenBytes>,
    /// Tokens for other scopes and audiences than the profile's own.
    others: BTreeMap<SlotKey, Other>,
}

/// The token of another slot, and when a reader last took it: milliseconds on the boot-time clock.
#[derive(Debug)]
struct Other {
    token: TokenBytes,
    last_read: Arc<AtomicU64>,
}

/// The answer of `GET /v1/token`, in pieces around the seconds left.
struct TokenBytes {
    /// From the token to `"expires_in":`, or to the end where it has no known end.
    head: Wiped,
    /// From behind the first number to `"refresh_in":`.
    middle: Vec<u8>,
    /// From behind the last number to `"degraded":`.
    tail: Vec<u8>,
    expires: Option<Boot>,
    refresh: Option<Boot>,
    degraded: bool,
    asleep: bool,
}

impl Snapshot {
    /// What `session` shows now. Who has read a slot is known from the snapshot `before`, whose readers still write there.
    pub fn of(
        session: &Session,
        profile: &ProfileName,
        before: Option<&Snapshot>,
        now: Now,
    ) -> Self {
        let token = session.view(now).and_then(|view| TokenBytes::of(&view, profile, now));
        let others = session.other_views(now).filter_map(|(key, view)| {
            let known = before.and_then(|before| before.others.get(key));
            let last_read = known.map(|known| Arc::clone(&known.last_read)).unwrap_or_default();
            Some((key.clone(), Other { token: TokenBytes::of(&view, profile, now)?, last_read }))
        });
        Self { report: session.report(now), token, others: others.collect() }
    }

    /// The answer's body at `now`, where there is a valid token of `slot` that lives `min_ttl` on; never an expired one.
    /// `unmet` marks it degraded because a wish went unmet.
    pub fn answer(
        &self,
        slot: &SlotKey,
        now: Boot,
        min_ttl: Option<Duration>,
        unmet: bool,
    ) -> Option<Vec<u8>> {
        let token = self.token_of(slot)?;
        if let Some(expires) = token.expires
            && (now >= expires || min_ttl.is_some_and(|min_ttl| expires.since(now) < min_ttl))
        {
            return None;
        }
        Some(token.render(now, unmet))
    }

    /// Whether a reader of `slot` is to wake the session's task.
    pub fn is_asleep(&self, slot: &SlotKey) -> bool {
        self.token_of(slot).is_some_and(|token| token.asleep)
    }

    /// A reader of `slot` was served.
    pub fn note_read(&self, slot: &SlotKey, now: Boot) {
        if let Some(other) = self.others.get(slot) {
            other.last_read.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// When readers were last served from here, by slot; the profile's own aside.
    pub fn slot_reads(&self) -> Vec<(SlotKey, Boot)> {
        let read = |other: &Other| Boot::from_millis(other.last_read.load(Ordering::Relaxed));
        self.others.iter().map(|(key, other)| (key.clone(), read(other))).collect()
    }

    fn token_of(&self, slot: &SlotKey) -> Option<&TokenBytes> {
        if *slot == SlotKey::default() {
            return self.token.as_ref();
        }
        self.others.get(slot).map(|other| &other.token)
    }
}

impl TokenBytes {
    fn of(view: &View<'_>, profile: &ProfileName, now: Now) -> Option<Self> {
        let wall = |at: Boot| now.wall_at(at).as_secs();
        let token_type = if view.token.is_some() { TokenType::Bearer } else { TokenType::None };
        let head = Head { token: view.token, token_type, expires_at: view.expires.map(wall) };
        let tail =
            Tail { profile, scope: view.scope, user_id: view.user_id, user_email: view.user_email };
        let mut head = Wiped::json(&head).ok()?;
        head.pop();
        if view.expires.is_some() {
            head.push(b",\"expires_in\":");
        }
        let middle = match view.refresh {
            Some(refresh) if view.expires.is_some() => {
                format!(",\"refresh_at\":{},\"refresh_in\":", wall(refresh)).into_bytes()
            }
            _ => Vec::new(),
        };
        // The opening brace becomes the comma behind the last number.
        let mut tail = serde_json::to_vec(&tail).ok()?;
        if let Some(first) = tail.first_mut() {
            *first = b',';
        }
        tail.pop();
        tail.extend_from_slice(b",\"degraded\":");
        Some(Self {
            head,
            middle,
            tail,
            expires: view.expires,
            refresh: view.refresh,
            degraded: view.degraded,
            asleep: view.asleep,
        })
    }

    fn render(&self, now: Boot, unmet: bool) -> Vec<u8> {
        let mut body =
            Vec::with_capacity(self.head.len() + self.middle.len() + self.tail.len() + 48);
        body.extend_from_slice(self.head.as_ref());
        if let Some(expires) = self.expires {
            push_number(&mut body, expires.since(now).as_secs());
            if let Some(refresh) = self.refresh {
                body.extend_from_slice(&self.middle);
                push_number(&mut body, refresh.since(now).as_secs());
            }
        }
        body.extend_from_slice(&self.tail);
        body.extend_from_slice(if self.degraded || unmet { b"true}" } else { b"false}" });
        body
    }
}

impl std::fmt::Debug for TokenBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("REDACTED")
    }
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a Secret>,
    token_type: TokenType,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
}

#[derive(Serialize)]
struct Tail<'a> {
    profile: &'a ProfileName,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<&'a str>,
}

fn push_number(body: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    body.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bearerd_proto::TokenAnswer;
    use bearerd_session::time::Wall;

    const NOW: Now =
        Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_secs(1_764_000_000) };

    fn token(expires: Option<u64>, refresh: Option<u64>) -> TokenBytes {
        let secret = Secret::new("a.b\"c");
        let at = |secs: u64| NOW.boot + Duration::from_secs(secs);
        let view = View {
            token: Some(&secret),
            expires: expires.map(at),
            refresh: refresh.map(at),
            scope: Some("openid email"),
            user_id: Some("99"),
            user_email: None,
            degraded: false,
            asleep: false,
        };
        TokenBytes::of(&view, &"wallaroo".parse().unwrap(), NOW).unwrap()
    }

    fn read(body: &[u8]) -> TokenAnswer {
        serde_json::from_slice(body).unwrap()
    }

    #[test]
    fn the_pieces_make_the_answer_of_the_protocol() {
        let later = NOW.boot + Duration::from_millis(20_300);
        let answer = read(&token(Some(60), Some(30)).render(later, false));
        assert_eq!(answer.token.unwrap().expose(), "a.b\"c");
        assert_eq!((answer.expires_at, answer.expires_in), (Some(1_764_000_060), Some(39)));
        assert_eq!((answer.refresh_at, answer.refresh_in), (Some(1_764_000_030), Some(9)));
        assert_eq!(answer.scope.as_deref(), Some("openid email"));
        assert_eq!((answer.user_id.as_deref(), answer.user_email), (Some("99"), None));
        assert!(!answer.degraded);
    }

    #[test]
    fn without_a_known_end_all_four_times_are_absent() {
        let answer = read(&token(None, None).render(NOW.boot, true));
        assert_eq!((answer.expires_at, answer.expires_in), (None, None));
        assert_eq!((answer.refresh_at, answer.refresh_in), (None, None));
        assert!(answer.degraded, "an unmet wish degrades");
    }

    #[test]
    fn a_token_that_is_not_renewed_has_an_end_and_no_refresh() {
        let answer = read(&token(Some(60), None).render(NOW.boot, false));
        assert_eq!((answer.expires_in, answer.refresh_in), (Some(60), None));
    }

    #[test]
    fn numbers_are_written_whole() {
        for number in [0, 7, 10, 60, 1_764_000_000, u64::MAX] {
            let mut body = Vec::new();
            push_number(&mut body, number);
            assert_eq!(String::from_utf8(body).unwrap(), number.to_string());
        }
    }
}
