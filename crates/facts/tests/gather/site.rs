//! Facts of the site: files and programs in a directory of the node.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shell::{Shell, collected};

fn put(directory: &Path, name: &str, content: &str, mode: u32) {
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// R4.5: facts of the site come beside those that are gathered; what is broken is told and costs nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_and_programs_of_the_site_give_facts() {
    let site = tempfile::tempdir().unwrap();
    put(
        site.path(),
        "role.json",
        "{\"role\": \"web\",\n\"lines\": \"a\\nb\", \"os\": {\"name\": \"Own\"}}",
        0o644,
    );
    put(site.path(), "rack", "#!/bin/sh\necho rack=7\necho 'empty='\nprintf 'last=no newline'", 0o755);
    put(site.path(), "deep", "#!/bin/sh\necho '{\"deep\": {\"er\": [1, 2]}}'", 0o755);
    put(site.path(), "with blank", "#!/bin/sh\necho '@end'\necho ' @kernel=x'", 0o755);
    put(site.path(), "broken.json", "{", 0o644);
    put(site.path(), "fails", "#!/bin/sh\necho lost=1; exit 3", 0o755);
    put(site.path(), "readme.txt", "not for us", 0o644);
    for words in ["dash", "busybox sh"] {
        let facts = collected(&Shell::new(words).provider(site.path())).await;
        let found = Value::Object(facts.facts);
        assert_eq!((&found["role"], &found["lines"]), (&json!("web"), &json!("a\nb")));
        assert_eq!(
            (&found["rack"], &found["empty"], &found["last"]),
            (&json!("7"), &json!(""), &json!("no newline"))
        );
        assert_eq!(found["deep"]["er"], json!([1, 2]));
        assert_eq!(found["os"]["name"], "Own", "the site has the last word");
        assert!(found["os"]["hardware"].is_string(), "about its own keys only");
        assert_eq!(found["@kernel"], "x", "what a program prints is no section of ours");
        assert_eq!(found.get("lost"), None);
        let parts = [
            "broken.json: it is not valid JSON",
            "fails: it ended with exit status 3",
            "readme.txt: it is neither",
            "with blank: line 1 is not of the form key=value",
        ];
        assert_eq!(facts.warnings.len(), parts.len(), "{words}: {:#?}", facts.warnings);
        for (warning, part) in facts.warnings.iter().zip(parts) {
            assert!(warning.contains(part), "{warning}");
        }
    }
}

/// A program that hangs, with children that hold its output open, is ended with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_hangs_is_ended_with_its_children() {
    let site = tempfile::tempdir().unwrap();
    // A number that no other process waits for.
    let seconds = 100_000 + std::process::id();
    put(site.path(), "hangs", &format!("#!/bin/sh\nsleep {seconds} & sleep {seconds}"), 0o755);
    put(site.path(), "z.json", "{\"after\": true}", 0o644);
    for words in ["dash", "busybox sh", "bash --posix"] {
        let begun = Instant::now();
        let provider = Shell::new(words).provider(site.path()).custom_fact_timeout(Duration::from_secs(1));
        let facts = collected(&provider).await;
        assert!(begun.elapsed() < Duration::from_secs(60), "{words}");
        assert_eq!(facts.warnings, ["custom fact hangs: it did not end in time and was ended"], "{words}");
        assert_eq!(facts.facts["after"], true);
        let mut left = pabawi_testkit::process::all();
        left.retain(|one| !one.is_zombie() && one.command_line.contains(&format!("sleep {seconds}")));
        assert!(left.is_empty(), "{words}: {left:?}");
    }
}
