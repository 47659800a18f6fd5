//! An OAuth identity provider for tests and the demo, shaped like Keycloak, with faults on demand.
//!
//! ```no_run
//! # async fn test() {
//! use bearerd_test_idp::{CallKind, Fault, Settings, TestIdp, Times};
//!
//! let idp = TestIdp::start(Settings { access_token_seconds: 4, ..Settings::default() });
//! idp.approve_next("jane");
//! idp.fault(CallKind::Refresh, Fault::Status(503), Times::Next(2));
//! let gate = idp.hold(CallKind::DevicePoll);
//! // … point a client at `idp.base_url()` …
//! gate.waiting(1).await;
//! gate.release();
//! assert_eq!(idp.refreshes_sent(), 0);
//! # }
//! ```
//!
//! It knows every realm (`master` is the usual one), the public client `sdk-client`, the confidential one
//! `service-client` (`service-secret`), the users `jane` and `bob` (`jane-pw`, `bob-pw`), and whom [`Settings`] and
//! [`TestIdp::register`] add. It has the grants of device code, refresh, password, client credentials and token
//! exchange, every way of client authentication but TLS, and both documents of discovery. Its signatures are random
//! bytes, those of clients it checks. It listens on loopback alone. One request goes this way: it is noted in the call log, takes the next fault of its kind, stands at the gates
//! *before*, is carried out, stands at the gates *after*, is answered.
//!
//! # Control API
//! The same over HTTP, for the provider as a process (`bearerd-test-idp`): on the main port and, so that it can be
//! reached in an outage, on a port of its own, which `GET /control` names. JSON in, JSON out; kinds, faults and other
//! choices are written in kebab case (`"device-poll"`, `{"oauth-error": {"status": 400, "error": "invalid_grant"}}`).
//! It never shows a token.
//!
//! | route | body or query | does |
//! |---|---|---|
//! | `GET /control` | | `base_url`, `control_url` |
//! | `GET /control/devices` | | the device logins: `user_code`, `state` |
//! | `POST /control/approve` | `{user_code?, user?}` | approves; without a code the oldest that waits or the next to start; `user` is `jane` unless said |
//! | `POST /control/deny` | `{user_code?}` | denies likewise |
//! | `POST /control/expire` | `{user_code}` | ends the code's time |
//! | `POST /control/faults` | `{kind, fault, times?}` | orders a [`Fault`]; `times` is `{"next": N}` or `"until-cleared"` (the default) |
//! | `DELETE /control/faults` | `?kind=` | takes back the faults of one kind, or all |
//! | `POST /control/gates` | `{kind, when?}` | closes a gate `before` (the default) or `after`; gives its number as `gate` |
//! | `GET /control/gates/{gate}` | `?waiting=N` | waits until N stand there, 20 s at most; gives `standing` |
//! | `DELETE /control/gates/{gate}` | | opens it |
//! | `GET /control/calls` | `?kind=` | the call log |
//! | `DELETE /control/calls` | | forgets the calls |
//! | `GET /control/counts` | | how many calls, by kind |
//! | `POST /control/outage` | `{mode, seconds?}` | `refuse`: the port refuses; `silent`: nothing is answered; `off`; it ends by itself after `seconds` |
//! | `GET`, `PATCH /control/settings` | some fields of [`Settings`] | shows, changes how the provider behaves |
//! | `GET /control/sessions` | | the sessions |
//! | `DELETE /control/sessions/{id}` | | ends one |
//! | `POST /control/users/{name}/{action}` | | `log-out`, `disable`, `enable` |
//! | `POST /control/clients/{id}/{action}` | | `disable`, `enable` |

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness: it fails loudly, and its tasks end with the test's runtime"
)]

mod clients;
mod idp;
mod keys;
mod settings;

mod admin;
mod control;
mod control_gates;
mod endpoints;
mod pages;

mod incoming;
mod pipeline;
mod wire;

mod calls;
mod faults;
mod gate;

mod answer;
mod authentication;
mod device;
mod discovery;
mod exchange;
mod grants;
mod id_token;
mod inspection;
mod issuing;
mod provider;
mod scopes;
mod session;
mod token;

mod clock;
mod der;
mod patience;
mod server;
mod shared;

pub use admin::{IssuedTokens, SessionInfo};
pub use calls::{Call, CallKind, Outcome};
pub use clients::{Authentication, Client, User};
pub use faults::{Fault, Times};
pub use gate::{Gate, When};
pub use idp::TestIdp;
pub use keys::{KeyPair, PublicKey, SigningAlgorithm, sign_with_secret};
pub use settings::{AccessTokenFormat, Documents, EarlyPoll, Rotation, Settings, WiderScope};
