//! One login's session and what the use of one of its refresh tokens means.

use std::time::Duration;

use crate::answer::OauthError;
use crate::settings::Rotation;

/// What one login has brought forth.
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) realm: String,
    pub(crate) client_id: String,
    pub(crate) username: String,
    pub(crate) scope: String,
    pub(crate) standing: Standing,
    /// The refresh token of the login, then each successor.
    pub(crate) refresh_tokens: Vec<RefreshToken>,
    /// The access token that was given last.
    pub(crate) access_token: Option<String>,
}

/// Whether a session is alive, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Live,
    /// Logged out, revoked.
    Ended,
    /// Ended because an old refresh token was used.
    Reused,
}

/// One refresh token of a session.
pub(crate) struct RefreshToken {
    pub(crate) value: String,
    /// When it was spent, on the boot-time clock.
    pub(crate) used_at: Option<Duration>,
    /// `None`: no known end.
    pub(crate) expires_at: Option<Duration>,
}

/// What the use of a refresh token means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is spent; a new one takes its place.
    Rotate,
    /// It was spent a moment ago: its successor is given once more.
    Successor,
    /// It stays good.
    Keep,
    Refuse(OauthError),
    /// An old one: the session ends.
    EndSession(OauthError),
}

impl Session {
    /// The index of the refresh token that is good now.
    pub(crate) fn newest(&self) -> usize {
        self.refresh_tokens.len().saturating_sub(1)
    }

    /// Judges the use of the refresh token at `index`.
    pub(crate) fn judge(
        &self,
        index: usize,
        now: Duration,
        rotation: Rotation,
        reuse_window: Duration,
    ) -> Verdict {
        match self.standing {
            Standing::Live => {}
            Standing::Ended => {
                return Verdict::Refuse(OauthError::invalid_grant("Session not active"));
            }
            Standing::Reused => {
                let description = "Session doesn't have required client";
                return Verdict::Refuse(OauthError::invalid_grant(description));
            }
        }
        let token = &self.refresh_tokens[index];
        if token.expires_at.is_some_and(|end| end <= now) {
            return Verdict::Refuse(OauthError::invalid_grant("Token is not active"));
        }
        if rotation != Rotation::Rotate {
            return Verdict::Keep;
        }
        if index == self.newest() {
            return Verdict::Rotate;
        }
        if index + 1 < self.newest() {
            return Verdict::EndSession(OauthError::invalid_grant("Stale token"));
        }
        let in_window =
            token.used_at.is_some_and(|used_at| now.saturating_sub(used_at) < reuse_window);
        if in_window {
            return Verdict::Successor;
        }
        let description = "Maximum allowed refresh token reuse exceeded";
        Verdict::EndSession(OauthError::invalid_grant(description))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);
    const WINDOW: Duration = Duration::from_secs(10);

    fn session() -> Session {
        let token = |used: Option<u64>| RefreshToken {
            value: String::new(),
            used_at: used.map(Duration::from_secs),
            expires_at: Some(Duration::from_secs(2000)),
        };
        Session {
            id: String::new(),
            realm: String::new(),
            client_id: String::new(),
            username: String::new(),
            scope: String::new(),
            standing: Standing::Live,
            refresh_tokens: vec![token(Some(980)), token(Some(995)), token(None)],
            access_token: None,
        }
    }

    #[test]
    fn the_newest_rotates_and_the_others_end_the_session() {
        let judge = |index, window| session().judge(index, NOW, Rotation::Rotate, window);
        assert_eq!(judge(2, Duration::ZERO), Verdict::Rotate);
        for (index, window) in [(1, Duration::ZERO), (0, WINDOW), (1, Duration::from_secs(5))] {
            let verdict = judge(index, window);
            assert!(matches!(verdict, Verdict::EndSession(_)), "{index} {window:?}: {verdict:?}");
        }
        assert_eq!(judge(1, WINDOW), Verdict::Successor);
    }

    #[test]
    fn without_rotation_each_one_stays_good() {
        for index in 0..3 {
            assert_eq!(session().judge(index, NOW, Rotation::Same, WINDOW), Verdict::Keep);
        }
    }

    #[test]
    fn an_expired_token_or_an_ended_session_is_refused_and_harms_nothing() {
        let late = Duration::from_secs(2000);
        let verdict = session().judge(2, late, Rotation::Rotate, WINDOW);
        assert_eq!(verdict, Verdict::Refuse(OauthError::invalid_grant("Token is not active")));
        let ended = Session { standing: Standing::Ended, ..session() };
        let verdict = ended.judge(2, NOW, Rotation::Rotate, WINDOW);
        assert_eq!(verdict, Verdict::Refuse(OauthError::invalid_grant("Session not active")));
    }
}
