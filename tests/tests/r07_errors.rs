//! Requirement 7.1 to 7.3: nodes that fail in every way, side by side with healthy ones.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use pabawi_testkit::fleet::Fleet;
use pabawi_testkit::hostile::{HostileSsh, HostileSshKind};
use pabawi_tests::{Lab, finished_nodes, outcome_of, result_of};
use serde_json::Value;

/// An error has to name the node, its kind and the reason.
fn error_of(events: &[Value], node: &str) -> Value {
    let result = result_of(events, node).unwrap_or_else(|| panic!("{node} has not finished"));
    let error = result["error"].clone();
    assert_eq!(error["node"], node, "{result}");
    assert!(error["code"].as_str().is_some_and(|code| !code.is_empty()), "{result}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{result}");
    error
}

/// R7.1, R7.2, R7.3
#[test]
fn sick_nodes_fail_each_with_its_reason_and_healthy_ones_are_not_held_up() {
    // 1, 8: healthy. 2: off. 3: frozen. 4: another host key. 5: unknown host key. 6: refuses the login.
    // 7: refuses every channel.
    let lab = Lab::with(
        Fleet::builder().nodes(8).node_setting(5, "PubkeyAuthentication no").node_setting(6, "MaxSessions 0"),
    );
    let fleet = lab.fleet();
    fleet.stop_node(1).unwrap();
    fleet.freeze_node(2).unwrap();
    let own: Vec<String> = fleet.known_hosts_text().lines().map(str::to_owned).collect();
    let other = fleet.node(0).unwrap().host_keys[0].public.clone();
    let mut known = String::new();
    for (index, line) in own.iter().enumerate() {
        let (host, key) = line.split_once(' ').unwrap();
        match index {
            3 => known.push_str(&format!("{host} {other}\n")),
            4 => {}
            _ => known.push_str(&format!("{host} {key}\n")),
        }
    }
    std::fs::write(fleet.known_hosts(), known).unwrap();

    let ran = lab.run_events("web[01-08]", "echo healthy").args(["--connect-timeout", "5s"]).exits(1);
    let events = ran.events();
    for node in ["web01", "web08"] {
        assert_eq!(outcome_of(&events, node), "succeeded", "{ran}");
    }
    for (node, outcome, code) in [
        ("web02", "unreachable", "connection_refused"),
        ("web04", "hostKeyRejected", "host_key_changed"),
        ("web05", "hostKeyRejected", "host_key_unknown"),
        ("web06", "authFailed", "auth_failed"),
        ("web07", "unreachable", "channel_refused"),
    ] {
        let error = error_of(&events, node);
        assert_eq!(error["code"], code, "{node}: {error}");
        assert_eq!(outcome_of(&events, node), outcome, "{node}: {error}");
    }
    let frozen = result_of(&events, "web03").unwrap();
    assert!(
        frozen["outcome"] == "timedOut" && frozen["phase"] == "connect"
            || frozen["outcome"] == "unreachable" && frozen["error"]["code"] == "connect_timeout",
        "{frozen}"
    );
    assert_eq!(finished_nodes(&events).last().map(String::as_str), Some("web03"), "nobody waited for it");

    let summary = &events.last().unwrap()["summary"];
    assert_eq!(summary["status"], "partial");
    assert_eq!(
        (&summary["succeeded"], &summary["failed"], &summary["total"]),
        (&2.into(), &6.into(), &8.into())
    );
    fleet.thaw_node(2).unwrap();
}

/// R7.3
#[test]
fn a_changed_host_key_shows_both_fingerprints_and_nothing_is_sent() {
    let lab = Lab::new(2);
    let fleet = lab.fleet();
    let other = &fleet.node(0).unwrap().host_keys[0].public;
    let address = fleet.node(1).unwrap().address;
    std::fs::write(fleet.known_hosts(), format!("[{}]:{} {other}\n", address.ip(), address.port())).unwrap();
    let ran = lab.run("web02", "echo ran").ran();
    assert_ne!(ran.code(), Some(0), "{ran}");
    let said = ran.out() + &ran.err();
    assert_eq!(said.matches("SHA256:").count(), 2, "both fingerprints: {ran}");
    assert!(!said.contains("\nran"), "{ran}");
    let log = fleet.log(1).unwrap();
    assert!(!log.contains("Accepted") && !log.contains("Failed publickey"), "no login was tried: {log}");
    // Looking away is allowed, and is written down.
    let ran = lab.run_events("web02", "echo ran").args(["--host-keys", "off"]).succeeds();
    assert!(ran.events().iter().any(|event| event["type"] == "hostKeyException"), "{ran}");
}

/// R7.3
#[test]
fn an_unknown_host_key_is_learned_only_when_that_is_asked_for() {
    let lab = Lab::new(1);
    let fleet = lab.fleet();
    std::fs::write(fleet.known_hosts(), "").unwrap();
    let ran = lab.run("web01", "echo ran").ran();
    assert_ne!(ran.code(), Some(0), "{ran}");
    assert!((ran.out() + &ran.err()).contains("SHA256:"), "the fingerprint to compare: {ran}");
    assert_eq!(std::fs::read_to_string(fleet.known_hosts()).unwrap(), "", "nothing was learned");
    let _ = lab.run("web01", "echo ran").args(["--host-keys", "accept-new"]).succeeds();
    let learned = std::fs::read_to_string(fleet.known_hosts()).unwrap();
    assert!(learned.contains(fleet.node(0).unwrap().host_keys[0].public.as_str()), "{learned}");
    let _ = lab.run("web01", "echo ran").succeeds();
}

/// R7.2
#[test]
fn the_status_follows_from_the_nodes() {
    let lab = Lab::new(2);
    let first = lab.fleet().node(0).unwrap().address.ip();
    let status = |command: &str| {
        let ran = lab.run_events("web[01-02]", command).ran();
        (ran.code(), ran.events().last().unwrap()["summary"]["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(status("true"), (Some(0), "completed".to_owned()));
    let partly = format!("set -- $SSH_CONNECTION; [ $3 = {first} ]");
    assert_eq!(status(&partly), (Some(1), "partial".to_owned()));
    assert_eq!(status("false"), (Some(1), "failed".to_owned()));
}

/// R7.1, R7.3
#[test]
fn a_link_that_is_lost_is_unconfirmed_and_not_called_an_exit_status() {
    let lab = Lab::new(2);
    let number = pabawi_tests::unique();
    let first = lab.fleet().node(0).unwrap().address.ip();
    let command =
        format!("set -- $SSH_CONNECTION; if [ $3 = {first} ]; then sleep {number}; else echo fine; fi");
    let running = lab.run_events("web[01-02]", &command).spawn();
    lab.wait_for_processes(&format!("sleep {number}"), 1);
    lab.fleet().cut_links(0).unwrap();
    let ran = running.end();
    assert_eq!(ran.code(), Some(1), "{ran}");
    let events = ran.events();
    let result = result_of(&events, "web01").unwrap();
    assert_eq!(result["outcome"], "unreachable", "{ran}");
    assert_eq!(error_of(&events, "web01")["code"], "link_lost");
    // Somebody may have come back and looked; but nobody may say "confirmed" without that.
    let state = result["termination"]["state"].as_str().unwrap_or_else(|| panic!("{ran}"));
    assert!(["unconfirmed", "confirmed"].contains(&state), "{ran}");
    if state == "confirmed" {
        assert_eq!(lab.processes(&number), []);
    }
    assert_eq!(outcome_of(&events, "web02"), "succeeded");
    // The lifeline ends it on the node, although nobody was there to say so.
    lab.wait_for_processes(&format!("sleep {number}"), 0);
}

/// R7.1, R7.3
#[test]
fn hostile_servers_end_in_time_and_hurt_no_other_node() {
    let lab = Lab::new(1);
    let servers: Vec<HostileSsh> = HostileSshKind::ALL
        .iter()
        .map(|kind| HostileSsh::start(*kind).unwrap_or_else(|error| panic!("{kind:?}: {error}")))
        .collect();
    let mut config = String::new();
    for (index, server) in servers.iter().enumerate() {
        config.push_str(&format!(
            "Host bad{index}\n  HostName 127.0.0.1\n  Port {}\n",
            server.address().port()
        ));
        config.push_str(&format!("  UserKnownHostsFile {}\n", lab.path("known").display()));
    }
    config.push_str(&lab.fleet().ssh_config_text());
    let config = lab.write("ssh_config", config);
    lab.write("known", servers.iter().map(HostileSsh::known_hosts_line).collect::<String>());
    let ran = lab
        .pab(["run", "echo fine; exit 0", "--format", "ndjson"])
        .args(["--ssh-config".as_ref(), config.as_os_str()])
        .args(["--targets", "web01,bad*", "--connect-timeout", "5s", "--timeout", "5s"])
        .limit(std::time::Duration::from_secs(120))
        .exits(1);
    let events = ran.events();
    assert_eq!(outcome_of(&events, "web01"), "succeeded", "{ran}");
    assert_eq!(finished_nodes(&events).len(), 1 + servers.len(), "{ran}");
    for (index, (server, kind)) in servers.iter().zip(HostileSshKind::ALL).enumerate() {
        let node = format!("bad{index}");
        let result = result_of(&events, &node).unwrap();
        assert!(server.fired() > 0, "{kind:?} did not do its harm: {result}");
        assert_ne!(result["outcome"], "succeeded", "{kind:?}: {result}");
        match kind {
            // It said how the process ended before it misbehaved; yet no shell of a node said anything.
            HostileSshKind::ChannelNeverClosed => {
                let said = result["code"] == 7 || result["error"]["code"] == "no_shell";
                assert!(said, "{kind:?}: {result}");
            }
            HostileSshKind::NoExitStatus => {
                assert_eq!(error_of(&events, &node)["code"], "no_exit_status", "{kind:?}");
            }
            _ => {}
        }
    }
}
