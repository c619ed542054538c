//! Nothing that a node or a plugin says does anything on the page.

use pabawi_tests::Page;
use serde_json::json;

use crate::look::{is_asked, opened, stands_alone};
use crate::tool::Tool;

/// Ends what it may stand in, and then does something that can be seen.
const MARKUP: &str = "\"'></pre></textarea></script><script>window.owned=1</script><img src=x onerror=\"window.owned=1\">\
    <svg onload=window.owned=1><a href=\"javascript:window.owned=1\" autofocus onfocus=window.owned=1>&lt;b&gt;";

/// Says that in every place, with what terminals obey, characters that hide or turn text, and bytes that are no text.
const TELL: &str = r#"
import base64
def tell(node, place):
    bad = MARKUP + "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eturned\u2066\u200bhidden\ufeff"
    raw = bad.encode() + b"\x00\xff\xfe\xc5\n" + b"\r\nlast\n"
    said = {"base64": base64.b64encode(raw).decode()}
    event = {"eventType": "config_change", "action": bad, "summary": bad, "resultStatus": bad[:60], "details": {bad: bad, "list": [bad]}}
    note = {"eventType": "note", "action": "note", "summary": bad, "key": "note-" + node}
    said = [{"stdout": said}, {"stderr": said}]
    if place == 2:
        return said + [{"stdout": node}, {"exited": 0}]
    told = [{"event": event}, {"event": note}] + said
    if place == 0:
        return told + [{"failed": {"code": "unavailable", "message": bad + "\x00", "mayHaveStarted": False}}]
    return told + [{"stdout": node}, {"exited": 0}]
"#;

/// R5.3, R5.6, R5.9: output, errors, and the journal with notes are shown, and none of it is obeyed.
#[test]
fn a_page_obeys_nothing_that_was_said() {
    let tool = Tool::new(&format!("MARKUP = {}\n{TELL}", json!(MARKUP)));
    let _ = tool.run("node[1-3]").args(["--quiet"]).exits(1);
    let (document, mut page) = tool.reported();
    let entries = document["journal"].as_array().unwrap();
    let of_type = |word: &str| entries.iter().filter(|entry| entry["eventType"] == word).count();
    assert_eq!((of_type("config_change"), of_type("note")), (2, 2), "{entries:?}");
    let targets = document["targets"].as_array().unwrap();
    let failed = targets.iter().find(|target| target["result"]["outcome"] == "failed").unwrap();
    let failed = failed["target"]["node"].as_str().unwrap();

    assert_eq!(page.evaluate("typeof window.owned"), "undefined");
    let made = r#"document.querySelectorAll("img, svg, textarea, script:not(:last-of-type), [onerror], [onload]").length"#;
    assert_eq!(page.evaluate(made), 0);
    assert_eq!(page.evaluate("document.scripts.length"), 1);
    assert!(page.evaluate("document.title").as_str().unwrap().starts_with("renew on 3 nodes"));
    // Everything of it can be read where it belongs.
    let shown = format!(
        "{MARKUP}{}",
        r"\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}turned\u{2066}\u{200b}hidden\u{feff}"
    );
    for stream in ["stdout", "stderr"] {
        let text = page.evaluate(&format!(r##"document.querySelector("#{stream} pre").textContent"##));
        let expected = format!("{shown}{}\n\nlast\n", r"\x00\xff\xfe\xc5");
        assert!(text.as_str().unwrap().starts_with(&expected), "{text}\nnot\n{expected}");
    }
    let faults = page.evaluate(r##"document.querySelector("#failures").textContent"##);
    assert!(faults.as_str().unwrap().contains(&format!(r"{shown}\x00")), "{faults}");
    let about = opened(&mut page, failed);
    // The error that its own entry tells has a NUL, which the journal does not keep.
    assert!(about.contains(&format!("{shown}\u{fffd}")), "{about}");
    // Action, summary, the name of a detail and its value; the note.
    assert!(about.matches(&shown).count() >= 6, "{about}");
    assert!(about.contains("note told by fleet"), "{about}");
    // No character that acts on a terminal, hides or turns text is anywhere.
    let acting = r"(document.documentElement.outerHTML.match(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g) || []).length";
    assert_eq!(page.evaluate(acting), 0);
    stands_alone(&mut page);

    // The same on a page that does not take care: it would have acted, and this would have been seen.
    let careless = tool.path("careless.html");
    std::fs::write(&careless, format!("<!DOCTYPE html><pre>{MARKUP}</pre>")).unwrap();
    let mut page = Page::open(&careless);
    assert_eq!(page.evaluate("window.owned"), 1);
    assert_ne!(page.evaluate(made), 0);
    assert!(is_asked(&mut page), "what a page without a policy loads is asked for");
}
