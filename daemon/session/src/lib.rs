//! The heart of bearerd: state × event × now → state, actions. No runtime, no clock, no I/O.
//!
//! [`Session`] takes an [`Event`] and the time as a value, and gives [`Action`]s: fetch, save, publish, tell, answer.
//! Whoever drives it does what they say and asks [`Session::deadline`] when to come again; the daemon's `task.rs` does
//! so on real sockets, a test in a loop. What a failure means is one table, [`verdict`]; when things happen is
//! `schedule`; the words are those of RFC 6749 and RFC 8628.

pub mod time;
mod trial;

mod settings;

mod io;
mod session;

mod outcome;
mod schedule;

mod callers;
mod grant;
mod login;
mod problem;
mod slot;
mod storage;

mod record;

pub use io::{
    Action, Answer, Event, FetchId, Given, Means, Reads, Request, StoreFailure, StoreOp, WaiterId,
};
pub use outcome::{
    Cause, DeviceAuthorization, Failure, Granted, Next, OAuthError, Outcome, Reach, RequestKind,
    Verdict, verdict,
};
pub use record::{Aside, Moment, Record, Restored, SavedGrant, SavedSlot};
pub use schedule::Jitter;
pub use session::{Report, Session, View};
pub use settings::{Binding, Constant, Kind, Own, Pauses, Settings};
pub use slot::{Held, SlotKey};
