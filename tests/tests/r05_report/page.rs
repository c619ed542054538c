//! What a page says of a run, of its journal and of the ends of its outputs.

use std::os::unix::fs::PermissionsExt;

use pabawi_tests::{Lab, Page};
use serde_json::Value;

use crate::look::{failures_are_right, groups_are_right, opened, stands_alone, timeline_is_right};
use crate::tool::Tool;

/// The last execution as JSON and as a page in a browser.
fn reported(lab: &Lab) -> (Value, Page) {
    let page = lab.path("page.html");
    let document = lab.pab(["executions", "export", "last"]).succeeds().json();
    let report = lab.pab(["executions", "report", "last", "--html", "-o"]);
    let _ = report.args([page.as_os_str()]).succeeds();
    assert_eq!(std::fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    (document, Page::open(&page))
}

/// R5.3, R5.6, R5.9: what failed and why, who printed what, when each node ran and what its journal says of it.
#[test]
fn a_page_tells_what_happened() {
    let lab = Lab::new(4);
    // Each node ends at a time of its own, so that no bar is like another one.
    let odd = lab.fleet().node(1).unwrap().address.ip();
    let command = format!(
        "echo common; set -- $SSH_CONNECTION; sleep 0.$(( ${{3##*.}} % 9 )); test $3 != {odd} || exit 7"
    );
    let _ = lab.run("web[01-04]", &command).args(["--concurrency", "2"]).exits(1);
    let (document, mut page) = reported(&lab);
    assert_eq!(timeline_is_right(&document, &mut page), 4);
    failures_are_right(&document, &mut page);
    groups_are_right(&document, &mut page, "stdout");
    let text = page.text();
    assert!(text.contains("What did not succeed") && text.contains("exit status 7"), "{text}");
    assert!(text.contains("4 of 4"), "the script of the page ran: {text}");
    let about = opened(&mut page, "web02");
    let user = document["execution"]["caller"]["user"].as_str().unwrap();
    for part in
        ["exit status 7", "stdout, 7 B", "command_execution", &format!("by {user} told by ssh"), "attempt: 1"]
    {
        assert!(about.contains(part), "no {part}: {about}");
    }
    // The link goes to what the node printed.
    let linked =
        r##"document.querySelector(document.querySelector("#list a").getAttribute("href")).textContent"##;
    assert_eq!(page.evaluate(linked), "4 nodes, 7 B");
    stands_alone(&mut page);
    let _ = lab.pab(["executions", "report", "last"]).exits(2);
}

/// R5.3, R5.6, R5.11: of a long output the page has the beginning and the end, where a run that failed says why, and between
/// them how much is left out and where it is.
#[test]
fn a_page_has_the_head_and_the_tail_of_a_long_output() {
    let lab = Lab::new(1);
    let shown_whole = 64 * 1024;
    // Outputs that are equal are stored once, so these are not.
    for (arguments, first, kept_whole) in [(&["--quiet", "--debug"][..], 1, true), (&["--quiet"], 2, false)] {
        let numbers = (first..=60_000).map(|number| format!("{number}\n"));
        let whole: String = numbers.chain(["the disk is full\n".to_owned()]).collect();
        let kept = if kept_whole { whole.len() } else { 128 * 1024 };
        let command = format!("seq {first} 60000; echo 'the disk is full'; exit 1");
        let _ = lab.run("web01", &command).args(arguments).exits(1);
        let (_, mut page) = reported(&lab);
        let shown = page.evaluate(r##"document.querySelector("#stdout pre").textContent"##);
        let shown = shown.as_str().unwrap();
        let (head, rest) = shown.split_once("[... ").unwrap();
        let (left_out, tail) = rest.split_once(" bytes left out ...]\n").unwrap();
        assert_eq!(left_out.parse::<usize>().unwrap(), whole.len() - shown_whole);
        // The cut goes through a line, whose end is the mark.
        assert!(whole.starts_with(head.trim_end()) && whole.ends_with(tail), "{head}\n{tail}");
        assert!((32 * 1024..32 * 1024 + 2).contains(&head.len()) && tail.len() == 32 * 1024);
        assert!(tail.ends_with("the disk is full\n"));
        let told = page.evaluate(r##"document.querySelector("#stdout pre + .left").textContent"##);
        let kib = |bytes: usize| format!("{:.1} KiB", bytes as f64 / 1024.0);
        let only = format!("{} are in the export only", kib(kept - shown_whole));
        let expected = match whole.len() - kept {
            0 => only,
            lost => format!("{} were not kept, {only}", kib(lost)),
        };
        assert_eq!(told, expected);
    }
}

/// R5.3: each attempt is a bar of its own.
#[test]
fn a_page_shows_every_attempt() {
    let tool = Tool::new(
        r#"
def tell(node, place):
    first = not os.path.exists(os.path.join(seen, node))
    open(os.path.join(seen, node), "w").close()
    time.sleep(0.05)
    if first:
        return [{"failed": {"code": "connection_refused", "message": "not yet", "mayHaveStarted": False}}]
    return [{"stdout": "done\n", "exited": 0}]
"#,
    );
    let _ = tool.run("node[1-3]").args(["--quiet", "--retries", "1", "--retry-wait", "100ms"]).exits(0);
    let (document, mut page) = tool.reported();
    assert_eq!(timeline_is_right(&document, &mut page), 6);
    let colours = r##"new Set([...document.querySelectorAll(".bar i")].map(bar => getComputedStyle(bar).backgroundColor)).size"##;
    assert_eq!(page.evaluate(colours), 2, "what failed looks another way than what succeeded");
}
