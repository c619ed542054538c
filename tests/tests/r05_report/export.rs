//! Everything that is remembered comes back, outputs as far as they are kept.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pabawi::ExportPart;
use pabawi_tests::{Lab, parse_lines, sha256};
use serde_json::{Value, json};

/// R5.3, R5.5: everything comes back, each output once.
#[test]
fn an_execution_can_be_exported_whole() {
    let lab = Lab::new(3);
    let script = r"echo same; printf 'raw\377' >&2";
    let _ = lab.run("web[01-03]", script).succeeds();
    let document = lab.pab(["executions", "export", "last"]).succeeds().json();
    assert_eq!(document["version"], 1);
    assert_eq!(document["execution"]["status"], "completed", "{document}");
    assert_eq!(document["targets"].as_array().unwrap().len(), 3);
    assert_eq!(document["attempts"].as_array().unwrap().len(), 3);
    let events = document["events"].as_array().unwrap();
    assert_eq!(events.first().unwrap()["type"], "queued");
    assert_eq!(events.last().unwrap()["type"], "finished");
    let outputs = document["outputs"].as_array().unwrap();
    assert_eq!(outputs.len(), 2, "equal outputs stand there once: {outputs:?}");
    let datas: Vec<&Value> = outputs.iter().map(|output| &output["data"]).collect();
    assert!(datas.contains(&&json!("same\n")), "{datas:?}");
    assert!(
        datas.contains(&&json!({ "base64": "cmF3/w==" })),
        "bytes that are no text stay whole: {datas:?}"
    );
    assert_eq!(document["leftOut"], json!([]));

    let lines = lab.pab(["executions", "export", "last", "--format", "ndjson"]).succeeds().out();
    let parts = parse_lines(&lines);
    assert_eq!(parts[0]["part"], "execution");
    let count = |kind: &str| parts.iter().filter(|part| part["part"] == kind).count();
    assert_eq!((count("target"), count("attempt"), count("output"), count("journal")), (3, 3, 2, 3));
    assert_eq!(count("event"), events.len());
    // What was written can be read again by a program of the framework.
    for part in parts {
        let _: ExportPart = serde_json::from_value(part).unwrap();
    }
    let _ = lab.pab(["executions", "export", "no-such"]).exits(2);
    let refused = lab.pab(["executions", "export", "last", "-o", "/no/such/folder/x"]).exits(2);
    assert!(refused.err().contains("--output /no/such/folder/x"), "{refused}");
}

/// R5.3, R5.9: what the journal says of the execution, of each node, and of no other execution.
#[test]
fn an_export_has_the_journal_of_its_execution() {
    let lab = Lab::new(3);
    let _ = lab.run("web[01-03]", "echo another").succeeds();
    let odd = lab.fleet().node(1).unwrap().address.ip();
    let command = format!("set -- $SSH_CONNECTION; test $3 != {odd} || exit 7");
    let _ = lab.run("web[01-03]", &command).exits(1);
    let document = lab.pab(["executions", "export", "last"]).succeeds().json();
    let entries = document["journal"].as_array().unwrap();
    assert_eq!(entries.len(), 3, "{entries:?}");
    let times: Vec<&str> = entries.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "the newest first: {times:?}");
    let by_node: BTreeMap<&str, &Value> =
        entries.iter().map(|entry| (entry["node"].as_str().unwrap(), entry)).collect();
    assert_eq!(by_node.keys().copied().collect::<Vec<_>>(), ["web01", "web02", "web03"]);
    for target in document["targets"].as_array().unwrap() {
        let node = target["target"]["node"].as_str().unwrap();
        let entry = by_node[node];
        let (word, end) =
            if node == "web02" { ("exited", "exit status 7") } else { ("succeeded", "succeeded") };
        assert_eq!(target["result"]["outcome"], word);
        assert_eq!(entry["eventType"], "command_execution");
        assert_eq!(entry["resultStatus"], word);
        assert_eq!(entry["executionId"], document["execution"]["id"]);
        assert_eq!(entry["user"], document["execution"]["caller"]["user"]);
        assert_eq!(entry["source"], "ssh");
        assert_eq!(entry["action"], command);
        let summary = entry["summary"].as_str().unwrap();
        assert!(summary.starts_with("Command: set --") && summary.ends_with(end), "{summary}");
        assert_eq!(entry["details"]["kind"], "command");
        assert_eq!(entry["details"]["attempt"], 1);
        assert!(entry["seq"].is_u64() && entry["hash"].is_string(), "{entry}");
    }
}

/// All pieces of the one output of an export, and the first of them.
fn output(document: &Value) -> (Vec<u8>, Value) {
    let pieces = document["outputs"].as_array().unwrap();
    let mut whole = Vec::new();
    for piece in pieces {
        assert_eq!(piece["hash"], pieces[0]["hash"], "one output");
        assert_eq!(piece["offset"], whole.len(), "piece after piece");
        match piece["data"].as_str() {
            Some(text) => whole.extend_from_slice(text.as_bytes()),
            None => whole.extend(BASE64.decode(piece["data"]["base64"].as_str().unwrap()).unwrap()),
        }
    }
    assert_eq!(pieces[0]["keptBytes"], whole.len());
    (whole, pieces[0].clone())
}

/// R5.10, R5.11: of a long output the export has all that is kept, and says where something is missing.
#[test]
fn an_export_has_the_whole_of_what_is_kept() {
    let lab = Lab::new(1);
    // More than one piece of the export. No two lines are equal, and no two outputs: those are stored once.
    let numbers = |first: u32| (first..=200_000).map(|number| format!("{number}\n")).collect::<String>();
    let call = |first: u32| lab.run("web01", &format!("seq {first} 200000")).args(["--quiet"]);
    let all = numbers(1);
    let _ = call(1).args(["--debug"]).succeeds();
    let (whole, told) = output(&lab.pab(["executions", "export", "last"]).succeeds().json());
    assert!(whole.len() > 1024 * 1024 && whole == all.as_bytes(), "{} bytes", whole.len());
    assert_eq!(told["hash"], sha256(all.as_bytes()));
    assert_eq!((&told["totalBytes"], told.get("omission")), (&json!(all.len()), None));

    let all = numbers(2);
    let _ = call(2).succeeds();
    let (ends, told) = output(&lab.pab(["executions", "export", "last"]).succeeds().json());
    let (head, tail) = ends.split_at(told["omission"]["at"].as_u64().unwrap().try_into().unwrap());
    assert_eq!((head.len(), tail.len()), (64 * 1024, 64 * 1024));
    assert!(all.as_bytes().starts_with(head) && all.as_bytes().ends_with(tail));
    assert_eq!(told["omission"]["bytes"], all.len() - ends.len());
    assert_eq!((&told["totalBytes"], &told["hash"]), (&json!(all.len()), &json!(sha256(all.as_bytes()))));
}
