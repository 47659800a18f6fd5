//! What must be true of any history, looked at after every event.

mod calls;
mod ledger;
mod login_required;
mod logins;
mod logout;
mod meaning;
mod moving;
mod obtained;
mod on_disk;
mod pace;
mod restored;
mod served;
mod trying;
mod unserved;

pub(crate) use ledger::Ledger;
pub use unserved::Rule;

/// An invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// Promise 7, and design of time.
    NoExpiredTokenServed,
    /// Promises 2 to 4.
    ValidTokenServed,
    /// One use at a time.
    OneUseInFlight,
    /// A spent token is never used when its successor is here.
    NoUseAfterSuccessor,
    /// What is used is the newest that this life has.
    NewestUsed,
    /// Promise 5.
    NothingLostFromDisk,
    /// Promise 5.
    NotOverwrittenByOlder,
    /// Promise 6: what is not saved is said.
    SavedIsOnDisk,
    /// Said only when it is so.
    LoginRequiredIsTrue,
    /// Spacing, pulls, backoff, polls.
    CallsBounded,
    /// A caller's patience.
    AnsweredInTime,
    /// A token goes to the provider that gave it.
    NothingSentElsewhere,
    /// Logged out is logged out.
    NothingAfterLogout,
    /// On disk before it is served.
    SavedBeforeServed,
    /// Who rejects a token gets another, or none.
    RejectedNotServedAgain,
    /// Going down starts nothing.
    NothingSentWhileDraining,
    /// A token is for what it was asked for.
    OfTheRightScope,
    /// Another person's token could be taken for one's own.
    UnderItsOwnersName,
    /// Nobody reads, nothing is fetched.
    UnreadNotRenewed,
    /// What is refused is refused there alone.
    RefusalStaysInItsSlot,
    /// No more tokens than a profile may hold.
    SlotsBounded,
    /// A wrong password locks an account.
    PasswordSentOnce,
    /// Forgotten at its time.
    OverAtItsEnd,
    /// It finds its way back.
    Heals,
    /// Each moment passes.
    NoCircles,
    /// No arithmetic overflows, nothing is indexed outside.
    NothingPanics,
}

/// An invariant that a history broke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub invariant: Invariant,
    /// When, in milliseconds from the start.
    pub at: u64,
    /// What was seen.
    pub what: String,
}

impl Invariant {
    /// What it says.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoExpiredTokenServed => "no expired token is served",
            Self::ValidTokenServed => "a valid token is served unless a rule says otherwise",
            Self::OneUseInFlight => "at most one use of a refresh token is in flight",
            Self::NoUseAfterSuccessor => {
                "no refresh token is used after its successor was received"
            }
            Self::NewestUsed => "the refresh token that is used is the newest that is known",
            Self::NothingLostFromDisk => "a rotated token that reached the disk is never lost",
            Self::NotOverwrittenByOlder => "a saved token is never overwritten by an older one",
            Self::SavedIsOnDisk => "what is said to be saved is on disk",
            Self::LoginRequiredIsTrue => "login-required is said only when it is so",
            Self::CallsBounded => "calls to the provider are bounded over every window",
            Self::AnsweredInTime => "every waiting caller is answered in time",
            Self::NothingSentElsewhere => {
                "nothing is sent to a place that the session is not bound to"
            }
            Self::NothingAfterLogout => "an answer after logout never comes to life",
            Self::SavedBeforeServed => "a rotated token is on disk before it is served",
            Self::RejectedNotServedAgain => "who rejects a token never gets it again",
            Self::NothingSentWhileDraining => "nothing new is asked for while going down",
            Self::UnderItsOwnersName => "a token is shown under the name of the person it is of",
            Self::OfTheRightScope => "a token of one scope is never served for another",
            Self::UnreadNotRenewed => "what nobody reads is not renewed",
            Self::RefusalStaysInItsSlot => "a refused scope is refused alone",
            Self::SlotsBounded => "a profile holds no more than 64 tokens beside its own",
            Self::PasswordSentOnce => {
                "a wrong password is sent once until it is mended or a person asks"
            }
            Self::OverAtItsEnd => "after the end of its lifetime nothing of a session is served",
            Self::Heals => "the session finds its way back when all is calm",
            Self::NoCircles => "the same moment does not come again and again",
            Self::NothingPanics => "nothing panics",
        }
    }
}
