//! Signals are heard whatever a disk holds up: the state folder, or the configuration at the start and at a reload.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test crate")]

mod task_support;

use bearerd::clock::TestClock;
use bearerd::config::Config;
use bearerd::signals::Signal;
use bearerd::steering::{Broken, Loaded, Readings, SLOW, steer, unless_stopped};
use bearerd::tasks::Tasks;
use futures_util::FutureExt;
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use task_support::{World, at_this_moment, settle, sso, until};
use tokio::sync::{mpsc, oneshot};
use tokio::time::advance;

/// Readings that come when the test says so, each one through the next sender.
#[derive(Debug, Clone, Default)]
struct Disk(Arc<Mutex<Vec<oneshot::Sender<Loaded>>>>);

impl Disk {
    fn readings(&self, clock: &TestClock) -> Readings {
        let begun = Arc::clone(&self.0);
        let load = move || {
            let (sender, loaded) = oneshot::channel();
            begun.lock().unwrap().push(sender);
            loaded.map(Result::unwrap).boxed()
        };
        Readings::new(load, clock.clock())
    }

    fn begun(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn give(&self, loaded: Loaded) {
        self.0.lock().unwrap().remove(0).send(loaded).unwrap();
    }
}

fn config(text: &str) -> Config {
    Config::parse(text, Path::new("/nowhere/config.toml")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_state_folder_that_hangs_at_the_start_is_left_behind_on_a_stop() {
    let clock = TestClock::default();
    let tasks = Tasks::new();
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let taking = tasks.spawn_blocking("state", move || gate.recv());
    let (signals, mut heard) = mpsc::unbounded_channel();
    let next = async || heard.recv().await.unwrap();
    let clock = clock.clock();
    let mut waiting = Box::pin(unless_stopped("the state folder", taking, next, &clock));
    signals.send(Signal::Reload).unwrap();
    assert!((&mut waiting).now_or_never().is_none());
    signals.send(Signal::Stop).unwrap();
    assert!(at_this_moment("the stop", waiting).await.is_none());
    drop(open);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_the_configuration_is_read_again() {
    let world = World::logged_in(&["a"]).await;
    let disk = Disk::default();
    let (signals, mut heard) = mpsc::unbounded_channel();
    let next = async || heard.recv().await.unwrap();
    let readings = disk.readings(&world.clock);
    let clock = world.clock.clock();
    let steering = steer(next, readings, &world.registry, &world.tasks, &clock, &world.stop);
    let mut steering = Box::pin(steering);
    signals.send(Signal::Reload).unwrap();
    assert!((&mut steering).now_or_never().is_none());
    assert_eq!(disk.begun(), 1);
    assert_eq!(world.read("a").await.token(), "a-access-0");
    signals.send(Signal::Stop).unwrap();
    assert_eq!(at_this_moment("the end", steering).await, Ok(()));
    assert!(*world.stop.borrow());
}

#[tokio::test(start_paused = true)]
async fn a_reload_during_a_reload_reads_the_file_once_more() {
    let world = World::logged_in(&["a"]).await;
    let disk = Disk::default();
    let (signals, mut heard) = mpsc::unbounded_channel();
    let next = async || heard.recv().await.unwrap();
    let readings = disk.readings(&world.clock);
    let clock = world.clock.clock();
    let steering = steer(next, readings, &world.registry, &world.tasks, &clock, &world.stop);
    let mut steering = Box::pin(steering);
    for _ in 0..3 {
        signals.send(Signal::Reload).unwrap();
    }
    assert!((&mut steering).now_or_never().is_none());
    assert_eq!(disk.begun(), 1, "never two at once");
    disk.give(Ok(config(&sso(&["a", "b"]))));
    assert!((&mut steering).now_or_never().is_none());
    assert_eq!(world.registry.served().entries.len(), 2);
    assert_eq!(disk.begun(), 1);
    disk.give(Err("the reason".to_owned()));
    assert!((&mut steering).now_or_never().is_none());
    assert_eq!(world.registry.served().entries.len(), 2, "the good one stays");
    assert_eq!(world.get("/v1/status").await.body["config_error"], "the reason");
    assert_eq!(disk.begun(), 0, "what was asked for is done");
}

#[tokio::test(start_paused = true)]
async fn a_first_reading_that_takes_long_is_waited_for_while_serving() {
    let world = World::unread();
    let disk = Disk::default();
    let mut readings = disk.readings(&world.clock);
    let mut first = Box::pin(readings.first());
    assert!((&mut first).now_or_never().is_none());
    advance(SLOW).await;
    assert!(at_this_moment("the patience's end", first).await.is_none());
    let refused = world.read("a").await;
    assert_eq!(refused.code(), "misconfigured");
    let message = refused.body["message"].as_str().unwrap();
    assert!(message.contains("still being read") && !message.contains("mend"), "{message}");

    let (_signals, mut heard) = mpsc::unbounded_channel::<Signal>();
    let next = async || heard.recv().await.unwrap();
    let clock = world.clock.clock();
    let steering = steer(next, readings, &world.registry, &world.tasks, &clock, &world.stop);
    let mut steering = Box::pin(steering);
    assert!((&mut steering).now_or_never().is_none());
    disk.give(Ok(config("[profile.a]\nauth_type = 'test_auth'\n")));
    assert!((&mut steering).now_or_never().is_none());
    settle().await;
    assert_eq!(world.read("a").await.token(), "definitely_a_bearer_token_str");
    assert_eq!(world.get("/v1/status").await.body.get("config_error"), None);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_breaks_ends_it() {
    let world = World::logged_in(&["a"]).await;
    let clock = world.clock.clock();
    let readings = Disk::default().readings(&world.clock);
    let never = async || std::future::pending().await;
    let steering = steer(never, readings, &world.registry, &world.tasks, &clock, &world.stop);
    world.tasks.spawn("broken", async { panic!("on purpose") });
    let ended = tokio::time::timeout(Duration::from_secs(1), steering).await.unwrap();
    assert_eq!(ended, Err(Broken("broken")));
}

#[tokio::test(start_paused = true)]
async fn a_reload_while_stopping_hurries_nothing_and_a_second_stop_does() {
    let world = World::logged_in(&["a"]).await;
    let rejected =
        world.post("/v1/token/reject", &json!({ "profile": "a", "token": "a-access-0" }));
    let mut rejected = Box::pin(rejected);
    assert!((&mut rejected).now_or_never().is_none());
    let call = world.idp("a").call().await;
    let (signals, mut heard) = mpsc::unbounded_channel();
    let next = async || heard.recv().await.unwrap();
    let clock = world.clock.clock();
    let readings = Disk::default().readings(&world.clock);
    let steering = steer(next, readings, &world.registry, &world.tasks, &clock, &world.stop);
    let mut steering = Box::pin(steering);
    signals.send(Signal::Stop).unwrap();
    signals.send(Signal::Reload).unwrap();
    assert!((&mut steering).now_or_never().is_none(), "a refresh is under way");
    assert!(!*world.stop.borrow());
    signals.send(Signal::Stop).unwrap();
    assert_eq!(at_this_moment("the end", steering).await, Ok(()));
    // The process still lives for a moment: what comes now is saved.
    let spent = call.refresh_token().to_owned();
    call.grant(Duration::from_secs(300));
    until("the newer token is on disk", || {
        world.disk.refresh_token("a").is_some_and(|saved| saved != spent)
    })
    .await;
    assert_eq!(rejected.await.code(), "shutting-down");
}
