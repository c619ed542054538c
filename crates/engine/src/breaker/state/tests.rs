//! One breaker: when it opens and closes, and what it takes over from others.

use pabawi_domain::breaker::RecentRequests;
use proptest::prelude::*;

use super::*;

const POLICY: BreakerPolicy =
    BreakerPolicy { failures: 3, rate: None, window_ms: 10_000, open_ms: 5_000, probes: 1 };

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
}

fn fail(breaker: &mut Breaker, ms: i64) -> bool {
    let pass = pass(breaker, ms).unwrap();
    breaker.learn(pass, Verdict::Fails, None, at(ms))
}

fn pass(breaker: &mut Breaker, ms: i64) -> Result<Pass, Timestamp> {
    match breaker.refuses(at(ms)) {
        Some(next) => Err(next),
        None => Ok(breaker.pass(at(ms))),
    }
}

fn recent(breaker: &Breaker, ms: i64) -> Vec<RecentRequests> {
    breaker.record(record(breaker.state(), Vec::new()).status, at(ms)).recent
}

/// R7.7
#[test]
fn it_opens_after_enough_failures_within_the_window_and_closes_after_a_good_probe() {
    let mut breaker = Breaker::new(POLICY, at(0));
    assert!(!fail(&mut breaker, 0) && !fail(&mut breaker, 1));
    // The first two are forgotten by then.
    assert!(!fail(&mut breaker, 12_000) && !fail(&mut breaker, 13_000));
    assert!(fail(&mut breaker, 14_000));
    assert_eq!((breaker.state(), breaker.failures(at(14_000))), (BreakerState::Open, 3));
    assert_eq!(pass(&mut breaker, 18_999), Err(at(19_000)));
    assert_eq!(pass(&mut breaker, 19_000), Ok(Pass::Probe));
    assert_eq!(pass(&mut breaker, 19_001), Err(at(19_001)), "one probe at a time");
    assert!(breaker.learn(Pass::Probe, Verdict::Fails, None, at(19_500)));
    assert_eq!(pass(&mut breaker, 24_499), Err(at(24_500)));
    assert_eq!(pass(&mut breaker, 24_500), Ok(Pass::Probe));
    assert!(!breaker.learn(Pass::Probe, Verdict::Unknown, None, at(24_501)), "nobody was asked");
    assert_eq!(pass(&mut breaker, 24_502), Ok(Pass::Probe));
    assert!(breaker.learn(Pass::Probe, Verdict::Works, None, at(24_503)));
    assert_eq!((breaker.state(), breaker.failures(at(24_503))), (BreakerState::Closed, 0));
}

/// R7.7
#[test]
fn with_a_rate_a_busy_component_may_fail_now_and_then() {
    let policy = BreakerPolicy { rate: Some(0.5), ..POLICY };
    let mut breaker = Breaker::new(policy, at(0));
    for _ in 0..4 {
        assert!(!breaker.learn(Pass::Free, Verdict::Works, None, at(0)));
    }
    assert!(!fail(&mut breaker, 1) && !fail(&mut breaker, 2) && !fail(&mut breaker, 3));
    assert!(fail(&mut breaker, 4), "4 of 8");
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    let mut breaker = Breaker::restored(POLICY, &record(BreakerState::Open, Vec::new()));
    assert_eq!(pass(&mut breaker, 0), Err(at(5_000)));
    assert_eq!(pass(&mut breaker, 3_000), Err(at(5_000)));
    assert_eq!(pass(&mut breaker, 5_000), Ok(Pass::Probe));
}

fn record(state: BreakerState, recent: Vec<RecentRequests>) -> BreakerRecord {
    let component = "node:a".parse().unwrap();
    let next_probe_at = (state != BreakerState::Closed).then(|| at(1_000_000));
    let status = BreakerStatus { component, state, since: at(0), failures: 3, next_probe_at };
    BreakerRecord { status, recent }
}

/// R7.7: failures before a restart count.
#[test]
fn what_the_window_holds_is_kept() {
    let mut breaker = Breaker::new(POLICY, at(0));
    assert!(!fail(&mut breaker, 100) && !fail(&mut breaker, 3_100));
    let kept = recent(&breaker, 3_200);
    assert_eq!(kept.len(), 2);
    let mut restored = Breaker::restored(POLICY, &record(BreakerState::Closed, kept));
    assert_eq!(restored.failures(at(3_200)), 2);
    assert_eq!(restored.failures(at(11_000)), 1, "the older one is forgotten");
    assert!(fail(&mut restored, 4_000));
    assert_eq!(recent(&restored, 4_000), []);
}

/// R7.7: of several probes one that succeeds is enough, and one that fails does not speak for the others.
#[test]
fn it_opens_again_when_all_probes_have_failed() {
    let mut breaker = Breaker::new(BreakerPolicy { probes: 2, ..POLICY }, at(0));
    assert!(!fail(&mut breaker, 0) && !fail(&mut breaker, 1) && fail(&mut breaker, 2));
    assert!(!fail(&mut breaker, 6_000), "the first probe");
    assert_eq!(pass(&mut breaker, 6_001), Ok(Pass::Probe));
    assert_eq!(pass(&mut breaker, 6_002), Err(at(6_002)), "no third one, not even after the first has ended");
    assert!(breaker.learn(Pass::Probe, Verdict::Fails, None, at(6_003)));
    assert_eq!(pass(&mut breaker, 6_004), Err(at(11_003)));
    assert!(!fail(&mut breaker, 11_003));
    assert_eq!(pass(&mut breaker, 11_004), Ok(Pass::Probe));
    assert!(breaker.learn(Pass::Probe, Verdict::Works, None, at(11_005)));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

fn fails_at(breaker: &mut Breaker, member: &str, ms: i64) -> bool {
    breaker.learn(Pass::Free, Verdict::Fails, Some(&NodeId::new(member).unwrap()), at(ms))
}

/// R7.7: one node that is down does not speak for its group.
#[test]
fn a_member_counts_once_within_the_window() {
    let mut breaker = Breaker::new(POLICY, at(0));
    for ms in 0..9 {
        assert!(!fails_at(&mut breaker, "a", ms));
    }
    assert!(!fails_at(&mut breaker, "b", 5_000));
    assert_eq!(breaker.failures(at(5_000)), 2);
    // Stored and read again, it still knows them.
    let mut restored = Breaker::restored(POLICY, &record(BreakerState::Closed, recent(&breaker, 5_000)));
    assert!(!fails_at(&mut restored, "b", 5_001) && !fails_at(&mut restored, "a", 5_002));
    assert!(fails_at(&mut restored, "c", 5_003));
    // What is forgotten counts again.
    assert!(!fails_at(&mut breaker, "a", 12_000));
    assert_eq!(breaker.failures(at(12_000)), 2);
}

fn adopted(breaker: &mut Breaker, state: BreakerState, since: i64, recent: Vec<RecentRequests>) -> bool {
    let mut record = record(state, recent);
    record.status.since = at(since);
    record.status.failures = record.recent.iter().map(|part| part.failures).sum();
    breaker.adopt(&record)
}

/// R7.8: what another process says later stands, and what is counted here is not lost by it.
#[test]
fn what_happened_last_stands() {
    let mut breaker = Breaker::new(POLICY, at(100_000));
    assert!(!fail(&mut breaker, 100_000));
    assert!(!adopted(&mut breaker, BreakerState::Open, 80_000, vec![]), "opened before the window");
    assert!(adopted(&mut breaker, BreakerState::Open, 99_999, vec![]), "opened just before the failure here");
    assert!(!adopted(&mut breaker, BreakerState::HalfOpen, 100_001, vec![]), "its probe is not ours");
    assert_eq!(breaker.state(), BreakerState::Open);
    assert!(!adopted(&mut breaker, BreakerState::Closed, 99_998, vec![]));
    assert!(adopted(&mut breaker, BreakerState::Closed, 100_002, vec![]), "somebody has reset it");
    assert_eq!(breaker.failures(at(100_003)), 0);
    assert!(!fail(&mut breaker, 100_003) && !fail(&mut breaker, 100_004));
    let theirs = vec![RecentRequests { at: at(100_000), requests: 1, failures: 1, nodes: vec![] }];
    assert!(!adopted(&mut breaker, BreakerState::Closed, 99_000, theirs.clone()));
    assert!(!adopted(&mut breaker, BreakerState::Closed, 100_005, theirs));
    assert_eq!(breaker.failures(at(100_006)), 2, "they may be the same");
    assert!(fail(&mut breaker, 100_007));
    // A clock that was set back does not make an earlier change of it.
    let opened = breaker.since();
    breaker.close(at(50_000));
    assert!(breaker.since() > opened && breaker.state() == BreakerState::Closed);
}

/// R7.7
#[test]
fn failed_members_of_two_processes_are_added_up() {
    let (mut here, mut there) = (Breaker::new(POLICY, at(0)), Breaker::new(POLICY, at(0)));
    assert!(!fails_at(&mut here, "a", 1) && !fails_at(&mut here, "b", 2));
    assert!(!fails_at(&mut there, "b", 3));
    assert!(!adopted(&mut there, BreakerState::Closed, -10_000, recent(&here, 4)));
    assert_eq!(there.failures(at(4)), 2);
    assert!(fails_at(&mut there, "c", 5));
}

proptest! {
    /// Never more probes than allowed, and never a request past an open breaker.
    #[test]
    fn probes_are_limited(steps in proptest::collection::vec((0_i64..3_000, 0_u8..3), 1..200), probes in 1_u32..4) {
        let mut breaker = Breaker::new(BreakerPolicy { probes, ..POLICY }, at(0));
        let (mut now, mut under_way) = (0, Vec::new());
        for (wait, what) in steps {
            now += wait;
            let before = breaker.state();
            match pass(&mut breaker, now) {
                Ok(pass) => under_way.push(pass),
                Err(next) => prop_assert!(before != BreakerState::Closed && next >= at(now)),
            }
            if breaker.state() == BreakerState::HalfOpen {
                let count = under_way.iter().filter(|pass| **pass == Pass::Probe).count();
                prop_assert!(count <= probes as usize);
            }
            if what < 2 && let Some(pass) = under_way.pop() {
                let verdict = if what == 0 { Verdict::Fails } else { Verdict::Works };
                if breaker.learn(pass, verdict, None, at(now)) {
                    // Whoever was sent before learns nothing that counts.
                    under_way.clear();
                }
            }
        }
    }
}
