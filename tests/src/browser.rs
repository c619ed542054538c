//! Pages in a real browser, Chromium of Debian: [`Page`]. It is spoken to by the Chrome DevTools Protocol over two pipes
//! (`--remote-debugging-pipe`), so that a page can be asked what it shows without a script of its own for that.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Chromium reads from descriptor 3 and writes to 4. After two minutes it is killed, and whoever waits for it sees its end.
const START: &str = "exec timeout --signal=KILL 120 chromium --headless --no-sandbox --disable-gpu \
    --disable-dev-shm-usage --no-first-run --remote-debugging-pipe \"--user-data-dir=$0\" \
    3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null";

/// A file that a browser has loaded. The browser ends with it.
#[derive(Debug)]
pub struct Page {
    browser: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    session: Option<String>,
    calls: u64,
    requests: Vec<String>,
    faults: Vec<String>,
    _profile: TempDir,
}

impl Page {
    /// Loads the file in a window of 1280 by 2000 pixels; its scripts have run then.
    ///
    /// # Panics
    /// When the browser cannot be run, or ends before that.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", START]).arg(profile.path()).process_group(0);
        let mut browser = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (browser.stdin.take(), BufReader::new(browser.stdout.take().unwrap()));
        let (requests, faults) = (Vec::new(), Vec::new());
        let mut page =
            Self { browser, to, from, session: None, calls: 0, requests, faults, _profile: profile };
        let target = page.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached = page.call(
            "Target.attachToTarget",
            &json!({ "targetId": target["targetId"].clone(), "flatten": true }),
        );
        page.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Network", "Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        let window = json!({ "width": 1280, "height": 2000, "deviceScaleFactor": 1, "mobile": false });
        page.call("Emulation.setDeviceMetricsOverride", &window);
        let went = page.call("Page.navigate", &json!({ "url": format!("file://{}", path.display()) }));
        assert!(went.get("errorText").is_none(), "{went}");
        // Ends with the page, or with the browser.
        while page.next()["method"] != "Page.loadEventFired" {}
        page
    }

    /// The value of an expression of JavaScript in the page. What it returns is waited for and must be JSON.
    ///
    /// # Panics
    /// When it throws.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let how = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut told = self.call("Runtime.evaluate", &how);
        assert!(told.get("exceptionDetails").is_none(), "{expression}: {told}");
        told["result"]["value"].take()
    }

    /// The document as it is now.
    pub fn document(&mut self) -> String {
        self.evaluate("document.documentElement.outerHTML").as_str().unwrap().to_owned()
    }

    /// What people see of the page.
    pub fn text(&mut self) -> String {
        self.evaluate("document.body.innerText").as_str().unwrap().to_owned()
    }

    /// The addresses of everything that the browser has asked anybody for, the page itself among them.
    #[must_use]
    pub fn requests(&self) -> &[String] {
        &self.requests
    }

    /// What the browser complained of, such as a script that it did not run, and dialogs that the page opened.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            call["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&call).unwrap();
        bytes.push(0);
        self.to.as_mut().unwrap().write_all(&bytes).unwrap();
        // Ends with the answer, or with the browser.
        loop {
            let mut told = self.next();
            if told["id"] == self.calls {
                assert!(told.get("error").is_none(), "{method}: {told}");
                return told["result"].take();
            }
        }
    }

    /// The next thing that the browser says.
    fn next(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.from.read_until(0, &mut bytes).unwrap();
        assert_eq!(bytes.pop(), Some(0), "the browser has ended: {:?}", self.browser.try_wait());
        let told: Value = serde_json::from_slice(&bytes).unwrap();
        match told["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.requests.push(told["params"]["request"]["url"].as_str().unwrap().to_owned());
            }
            Some("Log.entryAdded" | "Runtime.exceptionThrown" | "Page.javascriptDialogOpening") => {
                self.faults.push(told["params"].to_string());
            }
            _ => {}
        }
        told
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // A browser whose pipe is closed ends.
        self.to = None;
        let _ = self.browser.wait();
    }
}

/// The document of a page as the browser holds it once its scripts have run.
///
/// # Panics
/// When the browser cannot be run or does not end.
#[must_use]
pub fn rendered(page: &Path) -> String {
    Page::open(page).document()
}
