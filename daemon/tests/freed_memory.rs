//! What the daemon prepares with a token in it leaves nothing in the memory that it gives back, also where it grew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]
#![allow(
    unsafe_code,
    reason = "an allocator that looks at what is freed can be written in no other way"
)]

mod task_support;

use bearerd::snapshot::Snapshot;
use bearerd_proto::Secret;
use bearerd_session::time::{Boot, Now, Wall};
use bearerd_session::{
    Jitter, Kind, Moment, Pauses, Record, Restored, SavedSlot, Session, Settings, SlotKey,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use task_support::{BOOT_ID, LIFETIME, World, settle, sso};

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The refresh token that a profile `a` gets first of all.
static SAVED: Watch = Watch::of(b"a-refresh-1");
static SHOWN: Watch = Watch::of(b"the-access-token-that-a-snapshot-shows");
static TRIED: Watch = Watch::of(b"a text that is freed unwiped");

/// Counts blocks that are freed with a text in them.
#[derive(Debug)]
struct Watch {
    text: &'static [u8],
    is_on: AtomicBool,
    freed: AtomicUsize,
}

impl Watch {
    const fn of(text: &'static [u8]) -> Self {
        Self { text, is_on: AtomicBool::new(false), freed: AtomicUsize::new(0) }
    }

    fn start(&self) {
        self.is_on.store(true, Ordering::SeqCst);
    }

    fn look(&self, block: &[u8]) {
        if self.is_on.load(Ordering::SeqCst)
            && block.windows(self.text.len()).any(|window| window == self.text)
        {
            self.freed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn end(&self) -> usize {
        self.is_on.store(false, Ordering::SeqCst);
        self.freed.load(Ordering::SeqCst)
    }
}

/// The system's allocator; a block that grows always moves, as it may with any allocator.
#[derive(Debug)]
struct Watching;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that every byte of a block has a value when it is looked at.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let content = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        for watch in [&SAVED, &SHOWN, &TRIED] {
            watch.look(content);
        }
        unsafe { System.dealloc(block, layout) }
    }
}

#[test]
fn what_is_freed_is_seen() {
    let text = std::str::from_utf8(TRIED.text).unwrap().to_owned();
    TRIED.start();
    drop(text);
    assert_eq!(TRIED.end(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_save_leaves_no_refresh_token_behind() {
    let world = World::new(&sso(&["a"]));
    settle().await;
    let call = world.idp("a").call().await;
    let saves = world.disk.saves();
    SAVED.start();
    call.grant(LIFETIME);
    settle().await;
    let freed = SAVED.end();
    assert_eq!(world.disk.saves(), saves + 1);
    assert_eq!(world.disk.refresh_token("a").as_deref(), Some("a-refresh-1"));
    assert_eq!(freed, 0);
}

#[test]
fn a_snapshot_leaves_no_access_token_behind() {
    let profile = "a".parse().unwrap();
    let now = Now { boot: Boot::from_millis(1_000_000), wall: Wall::from_secs(1_764_000_000) };
    let moment = Moment { boot_id: BOOT_ID.to_owned(), boot: now.boot, wall: now.wall };
    let config = task_support::parsed(&sso(&["a"]));
    let binding = config.profiles()[&profile].binding();
    let text = std::str::from_utf8(SHOWN.text).unwrap();
    let slot = SavedSlot {
        scope: None,
        audience: None,
        token: Secret::new(text.repeat(100)),
        asked: moment.clone(),
        lifetime: Some(600_000),
        ends: None,
        granted_scope: None,
    };
    let record = Record {
        binding: binding.clone(),
        saved: moment,
        ends: None,
        source: None,
        grant: None,
        user_id: None,
        user_email: None,
        slots: vec![slot],
    };
    let settings = Settings {
        profile: profile.clone(),
        binding,
        kind: Kind::Person,
        lifetime: None,
        exchanges: false,
        reuse_window: None,
        pauses: Pauses::default(),
    };
    let restored = Restored::Session(Box::new(record));
    let session = Session::new(settings, BOOT_ID.to_owned(), restored, now, Jitter(0));
    SHOWN.start();
    let own = SlotKey::default();
    let snapshot = Snapshot::of(&session, &profile, None, now);
    assert!(!snapshot.is_asleep(&own));
    drop(snapshot);
    assert_eq!(SHOWN.end(), 0);
    let shown = Snapshot::of(&session, &profile, None, now).answer(
        &own,
        now.boot + Duration::ZERO,
        None,
        false,
    );
    assert!(String::from_utf8(shown.unwrap()).unwrap().contains(text), "it was in there");
}
