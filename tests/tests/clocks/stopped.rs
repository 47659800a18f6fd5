//! A daemon that did not run for a while, with callers before its door.

use crate::page::{Found, STOPPED};
use crate::readers::Readers;
use crate::stage::Stage;
use bearerd_tests::daemon::{Daemon, Rig, eventually, query};
use rustix::process::Signal;

/// Callers that come while it is stopped.
const CALLERS: usize = 32;

#[test]
fn stopped_for_longer_than_a_life_it_serves_all_who_waited_from_one_refresh() {
    let stage = Stage::with_life(STOPPED.life);
    let (mut refreshes, mut next_read) = (0, String::new());
    let seen = Readers::read_during(&stage, |readers| {
        // From here on the next renewal is more than two seconds away.
        let before = stage.daemon.renew(Rig::PROFILE);
        let before_the_stop = stage.idp.refreshes_sent();
        stage.daemon.signal(Signal::STOP);
        until_stopped(&stage.daemon);
        let answers = std::thread::scope(|scope| {
            let client = || stage.daemon.client().token(&query(Rig::PROFILE));
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(client)).collect();
            stage.daemon.until_queued(CALLERS);
            eventually("the token has ended", || (!stage.idp.is_active(&before)).then_some(()));
            // What comes now lives long, so that each refresh from here on belongs to the end of the stop.
            stage.idp.configure(|settings| settings.access_token_seconds = 300);
            readers.stopped_until_now();
            stage.daemon.signal(Signal::CONT);
            callers.into_iter().map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
        });
        readers.between_reads(|seen| {
            let resumed = readers.stopped_until();
            answers.iter().for_each(|answer| seen.note(&stage.idp, resumed, answer));
            next_read = seen.answers();
            assert!(!seen.tokens.contains(&before));
        });
        readers.some_more();
        refreshes = stage.idp.refreshes_sent() - before_the_stop;
    });
    stage.still_the_first_session();
    STOPPED.comes_to(&Found {
        reads: seen.reads,
        expired: seen.expired.len(),
        refreshes: &format!("{refreshes} when it goes on"),
        next_read: &next_read,
    });
}

/// As the kernel says it (proc_pid_stat(5)): the state stands behind the name in brackets.
fn until_stopped(daemon: &Daemon) {
    eventually("the daemon is stopped", || {
        let stat = std::fs::read_to_string(daemon.proc("stat")).unwrap();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T')).then_some(())
    });
}
