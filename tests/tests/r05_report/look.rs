//! A page held against the export of the same execution.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use jiff::Timestamp;
use pabawi::NodeId;
use pabawi::inventory::fold;
use pabawi_tests::Page;
use serde_json::{Value, json};

/// The edges of each bar as parts of the line that it stands in, and the width of that line in pixels. All lines are laid out at
/// once for that, also those that are out of sight.
const BARS: &str = r##"document.styleSheets[0].insertRule("details { content-visibility: visible !important }"),
    [...document.querySelectorAll("#list details")].map(one => {
    const line = one.querySelector(".bar").getBoundingClientRect();
    const part = x => (x - line.left) / line.width;
    const bars = [...one.querySelectorAll(".bar i")].map(bar => bar.getBoundingClientRect());
    return { node: one.querySelector("summary span").textContent, outcome: one.dataset.o, width: line.width,
             bars: bars.map(bar => [part(bar.left), part(bar.right)]) };
})"##;

/// Every attempt of every node is a bar, and each bar begins and ends where its times are between the start and the end of the
/// execution, to a pixel. Returns how many bars there are.
pub(crate) fn timeline_is_right(document: &Value, page: &mut Page) -> usize {
    let at = |value: &Value| value.as_str().unwrap().parse::<Timestamp>().unwrap().as_nanosecond() as f64;
    let (start, end) = (at(&document["execution"]["startedAt"]), at(&document["execution"]["finishedAt"]));
    let mut attempts: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    for attempt in document["attempts"].as_array().unwrap() {
        let times = ["startedAt", "finishedAt"].map(|name| (at(&attempt[name]) - start) / (end - start));
        attempts.entry(attempt["node"].as_str().unwrap()).or_default().push(times);
    }
    let rows = page.evaluate(BARS);
    let (rows, targets) = (rows.as_array().unwrap(), document["targets"].as_array().unwrap());
    assert_eq!(rows.len(), targets.len());
    let mut drawn = 0;
    for (row, target) in rows.iter().zip(targets) {
        let node = row["node"].as_str().unwrap();
        assert_eq!(
            (&row["node"], &row["outcome"]),
            (&target["target"]["node"], &target["result"]["outcome"])
        );
        let (bars, times) = (row["bars"].as_array().unwrap(), &attempts[node]);
        assert_eq!(bars.len(), times.len(), "{row}");
        let width = row["width"].as_f64().unwrap();
        assert!(width > 200.0, "a line that can be read: {row}");
        for (bar, [from, to]) in bars.iter().zip(times) {
            let [left, right] = [0, 1].map(|edge| bar[edge].as_f64().unwrap() * width);
            // A node may begin in the moment in which the execution is recorded as begun. What is short can still be seen: a bar
            // has two pixels.
            let from = from.max(0.0) * width;
            let to = (to * width).max(from + 2.0);
            assert!(
                (left - from).abs() <= 1.0 && (right - to).abs() <= 1.0,
                "{node}: not {from} {to}: {row}"
            );
            drawn += 1;
        }
    }
    drawn
}

/// What did not succeed: each kind with its nodes, as the export has it.
pub(crate) fn failures_are_right(document: &Value, page: &mut Page) {
    let mut expected: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    for target in document["targets"].as_array().unwrap() {
        let result = &target["result"];
        let word = result["outcome"].as_str().unwrap();
        if word != "succeeded" {
            let code = result.get("code").map(|code| format!(" exit status {code}")).unwrap_or_default();
            let said = result["error"]["message"].as_str().map(|said| format!(" {said}")).unwrap_or_default();
            expected.entry(format!("{word}{code}{said}")).or_default().push(node(target));
        }
    }
    let expected: Vec<Value> =
        expected.iter().map(|(what, nodes)| json!([nodes.len().to_string(), what, fold(nodes)])).collect();
    let script = r##"[...document.querySelectorAll("#failures tbody tr")]
        .map(row => [...row.cells].map(cell => cell.textContent.trim()))"##;
    let mut shown = page.evaluate(script).as_array().cloned().unwrap();
    assert!(shown.is_sorted_by_key(|row| {
        let count: i64 = row[0].as_str().unwrap().parse().unwrap();
        -count
    }));
    shown.sort_by_key(|row| row[1].to_string());
    assert_eq!(shown, expected);
}

/// Nodes of equal output stand together, the largest group first, and are named.
pub(crate) fn groups_are_right(document: &Value, page: &mut Page, stream: &str) {
    let mut expected: BTreeMap<Option<&str>, (Vec<NodeId>, u64)> = BTreeMap::new();
    for target in document["targets"].as_array().unwrap() {
        let output = &target[stream];
        let group = expected.entry(output["hash"].as_str()).or_default();
        group.0.push(node(target));
        group.1 = output["totalBytes"].as_u64().unwrap_or_default();
    }
    let mut expected: Vec<Value> = expected
        .into_iter()
        .map(|(hash, (nodes, bytes))| {
            let many = format!("{} node{}", nodes.len(), if nodes.len() == 1 { "" } else { "s" });
            let told =
                if hash.is_some() { format!("{many}, {bytes} B") } else { format!("{many} printed nothing") };
            json!([told, fold(&nodes)])
        })
        .collect();
    let script = format!(
        r##"[...document.querySelectorAll("#{stream} h3")].map(h => [h.textContent, h.nextSibling.textContent])"##
    );
    let mut shown = page.evaluate(&script).as_array().cloned().unwrap();
    let sizes = |groups: &[Value]| -> Vec<u64> {
        let first = |group: &Value| group[0].as_str().unwrap().split(' ').next().unwrap().parse().unwrap();
        groups.iter().map(first).collect()
    };
    assert!(sizes(&shown).is_sorted_by(|a, b| a >= b), "{shown:?}");
    for groups in [&mut expected, &mut shown] {
        groups.sort_by_key(ToString::to_string);
    }
    assert_eq!(shown, expected);
}

/// The page has asked nobody for anything but itself, says that it may not, and points nowhere else.
pub(crate) fn stands_alone(page: &mut Page) {
    assert_eq!(page.requests().len(), 1, "{:?}", page.requests());
    assert!(page.requests()[0].starts_with("file:///"), "{:?}", page.requests());
    assert_eq!(page.evaluate(r#"performance.getEntriesByType("resource").length"#), 0);
    assert_eq!(page.faults(), [""; 0]);
    let elsewhere = r##"[...document.querySelectorAll("*")].flatMap(one => [...one.attributes])
        .filter(one => ["src", "href", "srcset", "action", "data", "poster", "background"].includes(one.name)
            && !(one.name === "href" && document.getElementById(one.value.replace(/^#/, ""))))
        .map(one => one.name + "=" + one.value)"##;
    assert_eq!(page.evaluate(elsewhere), json!([]));
    let policy =
        page.evaluate(r#"document.querySelector("meta[http-equiv=Content-Security-Policy]").content"#);
    assert!(policy.as_str().unwrap().contains("default-src 'none'"), "{policy}");
    assert!(
        !is_asked(page),
        "the policy is in force: what a page tries to load all the same is not asked for"
    );
}

/// Whether a server on this machine is asked when the page tries to load a picture from it.
pub(crate) fn is_asked(page: &mut Page) -> bool {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let script = format!(
        r#"new Promise(told => {{
            const picture = new Image();
            picture.onerror = () => told(true);
            setTimeout(told, 20000, true);
            picture.src = "http://{}/picture";
        }})"#,
        server.local_addr().unwrap()
    );
    // Whoever is asked hangs up, which ends the wait of the page.
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let asked = scope.spawn(move || {
            // Ends when the page has been told, however that is.
            loop {
                let is_asked = server.accept().is_ok();
                if is_asked
                    || is_done.recv_timeout(Duration::from_millis(10)) != Err(RecvTimeoutError::Timeout)
                {
                    return is_asked || server.accept().is_ok();
                }
            }
        });
        page.evaluate(&script);
        drop(done);
        asked.join().unwrap()
    })
}

/// What people read in a node's part once it is opened.
pub(crate) fn opened(page: &mut Page, node: &str) -> String {
    let script = format!(
        r##"(() => {{
            const one = [...document.querySelectorAll("#list details")]
                .find(one => one.querySelector("summary span").textContent === {});
            one.open = true;
            return one.querySelector(".about").innerText;
        }})()"##,
        json!(node)
    );
    page.evaluate(&script).as_str().unwrap().to_owned()
}

/// Writes into the field for names, chooses an outcome, and returns what is still shown.
pub(crate) fn filtered(page: &mut Page, name: &str, outcome: &str) -> (Vec<String>, String) {
    let script = format!(
        r##"(() => {{
            const set = (id, value, event) => {{
                const one = document.getElementById(id);
                one.value = value;
                one.dispatchEvent(new Event(event));
            }};
            set("name", {}, "input");
            set("outcome", {}, "change");
            return [[...document.querySelectorAll("#list details")].filter(one => one.checkVisibility())
                .map(one => one.querySelector("summary span").textContent),
                document.getElementById("count").textContent];
        }})()"##,
        json!(name),
        json!(outcome)
    );
    serde_json::from_value(page.evaluate(&script)).unwrap()
}

fn node(target: &Value) -> NodeId {
    NodeId::new(target["target"]["node"].as_str().unwrap()).unwrap()
}
