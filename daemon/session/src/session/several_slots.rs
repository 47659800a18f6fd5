//! What reaches one slot of a session and what reaches all: slots are there from the first day, with one of them in use.

use super::Session;
use crate::callers::{Caller, Want};
use crate::grant::{Grant, Lost};
use crate::io::WaiterId;
use crate::outcome::{Cause, Failure, Granted, RequestKind, verdict};
use crate::record::Restored;
use crate::schedule::Jitter;
use crate::settings::{Binding, Kind, Pauses, Settings};
use crate::slot::{Held, Slot, SlotKey};
use crate::time::{Boot, Now, Wall};
use bearerd_proto::Secret;
use std::time::Duration;

const NOW: Now = Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_secs(1_764_000_000) };

fn other() -> SlotKey {
    SlotKey { scope: Some("other".to_owned()), audience: None }
}

fn granted() -> Granted {
    Granted {
        access_token: Secret::new("a"),
        lifetime: Some(Duration::from_secs(600)),
        refresh_token: Some(Secret::new("r")),
        refresh_lifetime: None,
        refresh_in: None,
        scope: None,
        user_id: None,
        user_email: None,
        idp_session: None,
        idp_time: None,
    }
}

/// A session with a good token in the profile's own slot, and none in another.
fn session() -> Session {
    let binding = Binding {
        auth_type: "sso".to_owned(),
        endpoint: "https://one.example".to_owned(),
        client_id: "sdk-client".to_owned(),
        user: None,
    };
    let settings = Settings {
        profile: "wallaroo".parse().unwrap(),
        binding,
        kind: Kind::Person,
        lifetime: None,
        exchanges: false,
        reuse_window: None,
        pauses: Pauses::default(),
    };
    let boot_id = "boot-a".to_owned();
    let mut session = Session::new(settings, boot_id, Restored::Nothing, NOW, Jitter::MIDDLE);
    session.grant = Grant::of_login(&granted(), NOW.boot);
    let held = Some(Held::of(&granted(), NOW.boot, false));
    session.slots.insert(SlotKey::default(), Slot { held, ..Slot::default() });
    session.slots.insert(other(), Slot { due: Some(NOW.boot), ..Slot::default() });
    session
}

fn wait(session: &mut Session, waiter: u64, slot: SlotKey) {
    let deadline = NOW.boot + Duration::from_secs(12);
    let (waiter, want) = (WaiterId(waiter), Want::Any);
    session.callers.add(Caller { waiter, slot, want, deadline, last_deadline: deadline });
}

#[test]
fn a_failure_of_one_slot_is_the_answer_of_its_callers_and_one_of_the_session_that_of_all() {
    for (cause, told) in
        [(Cause::Unusable { refresh_token: None }, vec![2]), (Cause::NotSent, vec![1, 2])]
    {
        let mut session = session();
        wait(&mut session, 1, SlotKey::default());
        wait(&mut session, 2, other());
        let verdict = verdict(RequestKind::Refresh, &cause);
        let failure = Failure { cause, message: String::new(), retry_after: None };
        session.note_failure(&other(), &failure, verdict, NOW, Jitter::MIDDLE);
        let answered: Vec<_> = session.answers.iter().map(|(waiter, _)| waiter.0).collect();
        assert_eq!(answered, told);
    }
}

#[test]
fn after_a_lost_answer_only_a_caller_without_a_token_lets_the_other_slot_be_fetched() {
    let mut session = session();
    if let Some(grant) = &mut session.grant {
        grant.lost = Some(Lost { asked: NOW.boot, repeated: true });
    }
    let due = |session: &Session| session.due(&other(), &session.slots[&other()], NOW.boot);
    let nearly_used_up = NOW.boot + Duration::from_secs(570);
    assert_eq!(due(&session), Some(nearly_used_up), "the token in hand is not put at risk");
    wait(&mut session, 1, SlotKey::default());
    assert_eq!(due(&session), Some(nearly_used_up), "that one has a token");
    wait(&mut session, 2, other());
    assert_eq!(due(&session), Some(NOW.boot));
}

#[test]
fn what_is_tried_beside_the_session_goes_first_where_that_has_failed_since() {
    let at = |second| Now { boot: NOW.boot + Duration::from_secs(second), ..NOW };
    for (session_failed, trial_failed, goes_first) in [
        (None, None, false),
        (Some(1), None, true),
        (Some(2), Some(1), true),
        (Some(1), Some(2), false),
        (Some(1), Some(1), false),
        (None, Some(1), false),
    ] {
        let failure = || Failure { cause: Cause::Later, message: String::new(), retry_after: None };
        let mut session = session();
        if let Some(second) = session_failed {
            let verdict = verdict(RequestKind::Refresh, &Cause::Later);
            let key = SlotKey::default();
            session.note_failure(&key, &failure(), verdict, at(second), Jitter::MIDDLE);
        }
        session.note_trial(Secret::new("r-file"));
        if let Some(second) = trial_failed {
            session.trial_failed(NOW.boot, &failure(), at(second), Jitter::MIDDLE);
        }
        assert!(!session.trial_goes_first(NOW.boot), "the file does not hold it");
        session.trial.iter_mut().for_each(|trial| trial.is_wanted = true);
        let case = (session_failed, trial_failed);
        assert_eq!(session.trial_goes_first(NOW.boot), goes_first, "{case:?}");
    }
}
