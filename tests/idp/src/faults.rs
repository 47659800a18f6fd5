//! The faults that a test can order, and the queue that they wait in.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use crate::calls::CallKind;

/// What goes wrong with a request.
///
/// Unless it says otherwise, a fault stands in the way of the request: nothing is carried out. Those that change an
/// answer ([`Fault::SameTokenAgain`] and what follows it) need one, so the request is carried out first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fault {
    /// None: lets requests pass, so that a later fault in the queue meets the one after them.
    Pass,
    /// This status, with a short text that is no JSON.
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    TooManyRequests {
        /// Seconds.
        retry_after: u64,
    },
    /// This status with this `Retry-After`, written as given: a date, or nonsense.
    RetryAfter {
        /// For example 503.
        status: u16,
        /// The header's value.
        value: String,
    },
    /// Never answers; the connection stays open.
    Hang,
    /// Resets the connection (RST).
    ResetBefore,
    /// Carries the request out, then resets the connection (RST).
    ResetAfter,
    /// Carries the request out, then closes the connection (FIN) without an answer.
    CloseAfter,
    /// Carries the request out, then closes the connection (FIN) in the middle of the answer's body.
    HalfAnswer,
    /// This status with this body: empty, cut off, JSON of other types, an answer that contradicts itself.
    Body {
        /// For example 200.
        status: u16,
        /// As it is sent, under `application/json`.
        body: String,
    },
    /// 200 `application/json`, but the body is binary junk.
    Garbage,
    /// 200 `text/html`: a login page, as a captive portal or a proxy would send it.
    Html,
    /// 200 with a JSON body that goes on for 100 MB.
    Huge,
    /// 200 with a JSON body that comes at one byte a second.
    Trickle,
    /// 302 to this URL.
    Redirect(String),
    /// This status with this OAuth `error`.
    OauthError {
        /// For example 400.
        status: u16,
        /// For example `invalid_grant`.
        error: String,
    },
    /// Carries the request out, after one wait and before another; the answer is the right one.
    Delay {
        /// Waits this long before it is carried out; milliseconds in JSON.
        #[serde(with = "milliseconds", default)]
        before: Duration,
        /// Waits this long after that, before the answer; milliseconds in JSON.
        #[serde(with = "milliseconds", default)]
        after: Duration,
    },
    /// Carries the request out, then does this: a gateway that answers 502 though the refresh happened.
    CarriedOut(Box<Fault>),
    /// A refresh gives the session's current access token and the same refresh token again.
    SameTokenAgain,
    /// The answer's `expires_in` is this value: 0, -5, "300", 1e12, null, "abc".
    ExpiresIn(Value),
    /// The answer has no `expires_in`.
    NoExpiresIn,
    /// 200 with the right answer and an `error` field too.
    OkWithError(String),
    /// The answer has no `access_token`.
    NoAccessToken,
    /// The answer's `token_type` is this.
    TokenType(String),
    /// The answer has no `refresh_token`, though the old one is spent.
    DropRefreshToken,
    /// This claim of the answer's id token has this value; `null` takes it out.
    IdTokenClaim {
        /// The claim's name.
        claim: String,
        /// Its value.
        value: Value,
    },
    /// This field of the answer has this value.
    Set {
        /// The field's name.
        field: String,
        /// Its value.
        value: Value,
    },
}

impl Fault {
    /// The same fault, after the request was carried out.
    #[must_use]
    pub fn carried_out(self) -> Self {
        Self::CarriedOut(Box::new(self))
    }

    /// Whether the request takes effect all the same.
    pub(crate) fn lets_through(&self) -> bool {
        !matches!(
            self,
            Self::Status(_)
                | Self::TooManyRequests { .. }
                | Self::RetryAfter { .. }
                | Self::Hang
                | Self::ResetBefore
                | Self::Body { .. }
                | Self::Garbage
                | Self::Html
                | Self::Huge
                | Self::Trickle
                | Self::Redirect(_)
                | Self::OauthError { .. }
        )
    }
}

/// How often a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// At the next so many requests of its kind.
    Next(u32),
    /// At each one, until it is cleared.
    UntilCleared,
}

/// The faults that are ordered, by kind, first come first served.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<CallKind, VecDeque<(Fault, Times)>>>);

impl Faults {
    pub(crate) fn order(&self, kind: CallKind, fault: Fault, times: Times) {
        self.lock().entry(kind).or_default().push_back((fault, times));
    }

    pub(crate) fn clear(&self, kind: CallKind) {
        self.lock().remove(&kind);
    }

    pub(crate) fn clear_all(&self) {
        self.lock().clear();
    }

    /// The fault for the request that is here now.
    pub(crate) fn take(&self, kind: CallKind) -> Fault {
        let mut faults = self.lock();
        let Some(queue) = faults.get_mut(&kind) else { return Fault::Pass };
        while let Some((fault, times)) = queue.front_mut() {
            match times {
                Times::UntilCleared => return fault.clone(),
                Times::Next(0) => drop(queue.pop_front()),
                Times::Next(left) => {
                    *left -= 1;
                    return fault.clone();
                }
            }
        }
        Fault::Pass
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallKind, VecDeque<(Fault, Times)>>> {
        self.0.lock().expect("no one panics while holding the faults")
    }
}

mod milliseconds {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn faults_strike_in_the_order_they_were_ordered() {
        let faults = Faults::default();
        faults.order(CallKind::Refresh, Fault::Pass, Times::Next(1));
        faults.order(CallKind::Refresh, Fault::Status(503), Times::Next(2));
        faults.order(CallKind::Refresh, Fault::Hang, Times::UntilCleared);
        assert_eq!(faults.take(CallKind::Password), Fault::Pass);
        let struck: Vec<_> = (0..5).map(|_| faults.take(CallKind::Refresh)).collect();
        assert_eq!(
            struck,
            [Fault::Pass, Fault::Status(503), Fault::Status(503), Fault::Hang, Fault::Hang]
        );
        faults.clear(CallKind::Refresh);
        assert_eq!(faults.take(CallKind::Refresh), Fault::Pass);
    }

    #[test]
    fn faults_are_written_like_this_in_json() {
        for (json, fault) in [
            (json!("hang"), Fault::Hang),
            (json!({"status": 503}), Fault::Status(503)),
            (json!({"expires-in": "abc"}), Fault::ExpiresIn(json!("abc"))),
            (json!({"carried-out": {"status": 502}}), Fault::Status(502).carried_out()),
            (
                json!({"delay": {"after": 1500}}),
                Fault::Delay { before: Duration::ZERO, after: Duration::from_millis(1500) },
            ),
            (
                json!({"oauth-error": {"status": 400, "error": "invalid_grant"}}),
                Fault::OauthError { status: 400, error: "invalid_grant".into() },
            ),
        ] {
            assert_eq!(serde_json::from_value::<Fault>(json.clone()).unwrap(), fault, "{json}");
        }
    }
}
