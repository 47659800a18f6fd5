//! The disk does as disks do; and the daemon's saves on it lose nothing, wherever they are cut.

use super::*;
use bearerd_proto::Secret;
use bearerd_session::time::{Boot, Wall};
use bearerd_session::{Aside, Binding, Moment, Record, SavedGrant, SavedSlot};
use std::collections::BTreeSet;

const NOW: Now = Now { boot: Boot::from_millis(1), wall: Wall::from_secs(1_800_000_000) };

/// Seeds of every property: each takes another way through the faults and the power losses.
const SEEDS: u64 = 100;

/// Steps of a change at most: one that moves a session aside or makes the key.
const MOST_STEPS: usize = 13;

/// A session as it is saved: with an access token of a usual size.
fn record(refresh_token: &str) -> Box<Record> {
    let moment = Moment { boot_id: "boot".to_owned(), boot: NOW.boot, wall: NOW.wall };
    Box::new(Record {
        binding: Binding {
            auth_type: "sso".to_owned(),
            endpoint: "https://idp.test".to_owned(),
            client_id: "sdk-client".to_owned(),
            user: None,
        },
        saved: moment.clone(),
        ends: None,
        source: None,
        grant: Some(SavedGrant {
            refresh_token: Secret::new(refresh_token),
            expires: None,
            known_not_to_rotate: false,
            over: None,
            lost: false,
            lost_since: None,
            idp_session: Some("sid-1".to_owned()),
            source: None,
        }),
        user_id: Some("jane".to_owned()),
        user_email: Some("jane@ex.co".to_owned()),
        slots: vec![SavedSlot {
            scope: None,
            audience: None,
            token: Secret::new("x".repeat(1200)),
            asked: moment,
            lifetime: Some(3_600_000),
            ends: None,
            granted_scope: None,
        }],
    })
}

fn save(refresh_token: &str) -> StoreOp {
    StoreOp::Save { record: record(refresh_token), aside: None }
}

/// `Ok` with the token, or with none where nothing is saved; what is wrong where it can't be opened.
fn token(found: &Restored) -> Result<Option<&str>, &str> {
    match found {
        Restored::Unreadable(message) => Err(message),
        found => Ok(saved_token(found)),
    }
}

/// Does the whole change.
fn perform(disk: &mut Disk, saver: &mut Saver, op: StoreOp) -> Result<(), StoreFailure> {
    let change = disk.begin(saver, op, NOW);
    for step in &change.steps {
        disk.apply(step);
    }
    change.result
}

/// A disk with the session `r-0` saved on it.
fn with_saved(seed: u64) -> Disk {
    let mut disk = Disk::new(seed);
    perform(&mut disk, &mut Saver::default(), save("r-0")).unwrap();
    disk
}

#[test]
fn what_is_saved_survives_every_power_loss() {
    for seed in 0..SEEDS {
        let mut disk = with_saved(seed);
        assert!(disk.keeps("r-0"));
        disk.lose_power();
        assert_eq!(token(&disk.load()), Ok(Some("r-0")), "seed {seed}");
        assert_eq!(disk.names(), ["key", "simulated.session"]);
    }
}

#[test]
fn a_killed_daemon_loses_no_step_that_was_done() {
    let mut disk = with_saved(1);
    let change = disk.begin(&mut Saver::default(), save("r-1"), NOW);
    assert_eq!(token(&disk.visible()), Ok(Some("r-0")), "nothing is done before its time");
    // All but the sync of the folder.
    let (_last, done) = change.steps.split_last().unwrap();
    for step in done {
        disk.apply(step);
    }
    disk.start();
    assert_eq!(token(&disk.load()), Ok(Some("r-1")));
    assert!(!disk.keeps("r-1") && !disk.keeps("r-0"), "the power decides");
}

/// The save's steps without those that `spare` picks, then a power loss; over all seeds, what was found.
fn outcomes(spare: fn(&Effect) -> bool) -> BTreeSet<String> {
    let outcome = |seed| {
        let mut disk = with_saved(seed);
        let change = disk.begin(&mut Saver::default(), save("r-1"), NOW);
        for step in change.steps.iter().filter(|step| !spare(&step.effect)) {
            disk.apply(step);
        }
        disk.lose_power();
        match token(&disk.load()) {
            Ok(token) => token.unwrap_or("nothing").to_owned(),
            Err(_) => "torn".to_owned(),
        }
    };
    (0..SEEDS).map(outcome).collect()
}

#[test]
fn without_a_sync_of_the_file_it_can_be_torn() {
    let found = outcomes(|effect| matches!(effect, Effect::SyncFile { .. }));
    assert_eq!(found, BTreeSet::from(["r-1".to_owned(), "torn".to_owned()]));
}

#[test]
fn without_a_sync_of_the_folder_the_old_name_may_stand() {
    let found = outcomes(|effect| matches!(effect, Effect::SyncNames));
    assert_eq!(found, BTreeSet::from(["r-0".to_owned(), "r-1".to_owned()]));
}

/// Promise 5: whatever step of a save, a logout or a setting aside the power cuts, and whatever of it the disk keeps.
#[test]
fn a_power_loss_at_any_step_keeps_the_session_or_the_one_before() {
    let aside = |aside| StoreOp::Save { record: record("r-1"), aside };
    let ops =
        [aside(None), aside(Some(Aside::Parked)), aside(Some(Aside::Unreadable)), StoreOp::Forget];
    for seed in 0..SEEDS {
        for op in &ops {
            for old in [None, Some("r-0")] {
                for cut in 0..=MOST_STEPS {
                    let mut disk = if old.is_none() { Disk::new(seed) } else { with_saved(seed) };
                    let steps = disk.begin(&mut Saver::default(), op.clone(), NOW).steps;
                    assert!(steps.len() <= MOST_STEPS);
                    steps.iter().take(cut).for_each(|step| disk.apply(step));
                    cut_here(disk, old, op, cut >= steps.len(), seed);
                }
            }
        }
    }
}

/// The power goes now, while `op` replaces `old`, or after it.
fn cut_here(mut disk: Disk, old: Option<&str>, op: &StoreOp, is_done: bool, seed: u64) {
    let (new, moves) = match op {
        StoreOp::Save { aside, .. } => (Some("r-1"), aside.is_some()),
        StoreOp::Forget => (None, false),
    };
    let demand = |found: &Restored| {
        let case = format!("seed {seed}, {op:?}, done: {is_done}");
        let found = token(found).unwrap_or_else(|message| panic!("{case}: {message}"));
        let kept = !is_done && (found == old || (moves && found.is_none()));
        assert!(found == new || kept, "{case}: {found:?}");
    };
    disk.durable().iter().for_each(demand);
    disk.lose_power();
    disk.start();
    demand(&disk.load());
    // And the life that follows saves on.
    perform(&mut disk, &mut Saver::default(), save("r-2")).unwrap();
    assert!(disk.keeps("r-2"), "seed {seed}, {op:?}");
}

#[test]
fn on_a_bad_disk_the_newest_confirmed_session_outlives_any_power_loss() {
    let weathers = [
        Weather::Slow,
        Weather::Hanging,
        Weather::Full,
        Weather::ReadOnly,
        Weather::Denied,
        Weather::Failing,
        Weather::Flaky(50),
        Weather::Flaky(300),
    ];
    for seed in 0..SEEDS {
        let mut dice = Dice::new(!seed);
        let mut disk = with_saved(seed);
        let mut saver = Saver::default();
        // The newest that a save confirmed, and what was tried since: a failed save may be in place.
        let mut confirmed = "r-0".to_owned();
        let mut tried = Vec::new();
        for round in 1..30 {
            disk.set_weather(weathers[dice.cut(weathers.len() - 1)]);
            let newest = format!("r-{round}");
            let change = disk.begin(&mut saver, save(&newest), NOW);
            let cut =
                if dice.throw(3) == 0 { dice.cut(change.steps.len()) } else { change.steps.len() };
            for step in &change.steps[..cut] {
                disk.apply(step);
            }
            tried.push(newest.clone());
            if cut == change.steps.len() && change.result.is_ok() {
                confirmed = newest;
                tried.clear();
            }
            if dice.throw(3) == 0 {
                disk.lose_power();
                saver = Saver::default();
            } else if cut < change.steps.len() {
                saver = Saver::default();
            }
            let known =
                |found: &str| found == confirmed || tried.iter().any(|tried| tried == found);
            for found in disk.durable().into_iter().chain([disk.visible()]) {
                let found =
                    token(&found).unwrap_or_else(|message| panic!("seed {seed}: {message}"));
                assert!(found.is_some_and(known), "seed {seed}, round {round}: {found:?}");
            }
        }
    }
}

#[test]
fn bad_weather_is_told_and_passes() {
    for seed in 0..SEEDS {
        for (weather, words) in [
            (Weather::Full, "the disk is full"),
            (Weather::ReadOnly, "mounted read-only"),
            (Weather::Denied, "may not write there"),
            (Weather::Failing, "did not give access"),
        ] {
            let mut disk = with_saved(seed);
            let mut saver = Saver::default();
            disk.set_weather(weather);
            let failure = perform(&mut disk, &mut saver, save("r-1")).unwrap_err();
            assert!(failure.message.contains(words), "{}", failure.message);
            assert!(!failure.unopenable && disk.keeps("r-0"), "{weather:?}");
            assert_eq!(token(&disk.load()).is_err(), weather == Weather::Failing);
            disk.set_weather(Weather::Well);
            perform(&mut disk, &mut saver, save("r-1")).unwrap();
            assert!(disk.keeps("r-1"));
        }
    }
}

#[test]
fn the_same_seed_takes_the_same_way() {
    let way = |seed| {
        let mut disk = with_saved(seed);
        disk.set_weather(Weather::Flaky(200));
        let changes: Vec<_> =
            (0..20).map(|_| disk.begin(&mut Saver::default(), save("r-1"), NOW)).collect();
        format!("{changes:?}")
    };
    assert_eq!(way(7), way(7));
    assert_ne!(way(7), way(8));
}
