//! Pages in a real browser: [`rendered`].

use std::path::Path;
use std::process::Command;

/// The document of a page as Chromium holds it once its scripts have run and it has been laid out, in at most a minute.
///
/// # Panics
/// When the browser cannot be run or does not end.
pub fn rendered(page: &Path) -> String {
    let profile = tempfile::tempdir().unwrap();
    let out = Command::new("timeout")
        .args(["--signal=KILL", "60", "chromium", "--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--disable-dev-shm-usage", "--no-first-run", "--window-size=1280,2000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(out.status.success(), "{:?}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}
