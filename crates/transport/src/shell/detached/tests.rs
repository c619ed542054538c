//! The shell programs of detached commands on this machine's shells.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::lifeline::{Program, Wrapped, interpreter_of};
use super::*;

/// The shells that stand in for `/bin/sh`.
const SHELLS: [&str; 2] = ["/bin/dash", "/bin/bash"];
const LIMIT: Duration = Duration::from_secs(30);

/// A spool of this test, removed at the end.
struct Spool {
    name: String,
    shell: &'static str,
}

impl Spool {
    fn new(what: &str, shell: &'static str) -> Self {
        Self {
            name: format!("unit-{}-{what}-{}", std::process::id(), shell.rsplit('/').next().unwrap()),
            shell,
        }
    }

    fn directory(&self) -> PathBuf {
        use std::os::unix::fs::MetadataExt as _;
        let uid = std::fs::metadata("/proc/self").unwrap().uid();
        PathBuf::from(format!("/var/tmp/pabawi-{uid}/{}", self.name))
    }

    fn spec<'a>(&'a self, program: Program<'a>) -> StartSpec<'a> {
        StartSpec {
            nonce: "n0nce",
            name: &self.name,
            program,
            size: 0,
            env: &[],
            cwd: None,
            umask: None,
            limit: 1024 * 1024,
            days: 7,
        }
    }

    fn start(&self, spec: &StartSpec<'_>, script: &[u8]) -> String {
        self.give(&start(spec), script)
    }

    /// Starts it as sshd does: the shell leads a session of its own.
    fn give(&self, wrapped: &Wrapped, script: &[u8]) -> String {
        let words = wrapped.shell_words.replace("/bin/sh", self.shell);
        let preamble = String::from_utf8(wrapped.preamble.clone()).unwrap();
        // The script's own line is left as it is.
        let preamble = preamble.replace("/bin/sh -c", &format!("{} -c", self.shell));
        let preamble = preamble.replace(r#"\" /bin/sh \""#, &format!(r#"\" {} \""#, self.shell));
        let mut child = Command::new("setsid")
            .args(["-w", "/bin/sh", "-c", &format!("exec {} {words}", self.shell)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(preamble.as_bytes()).unwrap();
        stdin.write_all(script).unwrap();
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }

    fn ask(&self, text: &str) -> Vec<u8> {
        Command::new(self.shell).args(["-c", text]).output().unwrap().stdout
    }

    /// What the follower sends to its end.
    fn follow(&self, out: u64, err: u64) -> String {
        String::from_utf8_lossy(&self.ask(&follow(&self.name, "W", out, err))).replace(".\n", "")
    }

    fn wait_for(&self, file: &str) {
        let limit = Instant::now() + LIMIT;
        while !self.directory().join(file).exists() {
            assert!(Instant::now() < limit, "{file} does not come");
            std::thread::yield_now();
        }
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = self.ask(&remove(&self.name));
    }
}

fn command(text: &str) -> Program<'_> {
    Program::CommandLine(text)
}

#[test]
fn output_and_end_come_from_the_spool_from_any_offset() {
    for shell in SHELLS {
        let spool = Spool::new("output", shell);
        let text = "printf 'a\\0b\\n'; printf one >&2; printf two >/dev/stderr; exit 7";
        let said = spool.start(&spool.spec(command(text)), b"");
        assert!(said.contains("PABAWI-n0nce D new\n"), "{said}");
        let all = spool.follow(0, 0);
        assert!(all.starts_with("W H\n"), "{all}");
        assert!(all.ends_with("F X 7 0 0\n"), "{all}");
        assert!(all.contains("onetwo"), "what opens /dev/stderr anew must not empty it: {all}");
        assert!(all.contains("a\0b\nK\n"), "{all:?}");
        assert_eq!(spool.follow(4, 6), "W H\nF X 7 0 0\n");
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(spool.directory()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(spool.ask(&remove(&spool.name)), b"P removed\n");
        assert!(!spool.directory().exists());
        assert_eq!(spool.follow(0, 0), "W N\n");
    }
}

#[test]
fn an_exit_status_is_told_from_a_signal() {
    for shell in SHELLS {
        for (text, end) in [
            ("exit 0", "F X 0 0 0\n"),
            ("exit 137", "F X 137 0 0\n"),
            ("kill -9 $$", "F S KILL 0 0\n"),
            ("kill -TERM $$", "F S TERM 0 0\n"),
            // Not INT, which a shell ignores that was itself started in the background of another one.
            ("kill -USR1 $$", "F S USR1 0 0\n"),
        ] {
            let spool = Spool::new(&format!("end{}", text.len()), shell);
            spool.start(&spool.spec(command(text)), b"");
            assert!(spool.follow(0, 0).ends_with(end), "{shell}: {text}");
        }
    }
}

/// awk(1) is what tells them apart; without it an exit status over 128 passes for a signal.
#[test]
fn a_node_without_a_good_awk_can_be_used() {
    let directory = tempfile::tempdir().unwrap();
    let old = directory.path().join("old-awk");
    // Old ones of busybox tell nothing of a signal.
    std::fs::write(&old, "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::set_permissions(&old, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for awk in ["", old.to_str().unwrap()] {
        let spool = Spool::new(&format!("awk{}", awk.len()), SHELLS[0]);
        let mut wrapped = start(&spool.spec(command("printf out; printf err >&2; kill -9 $$")));
        let text = String::from_utf8(wrapped.preamble.clone()).unwrap();
        let changed = text.replace("pb_A=$3 ", &format!("pb_A={awk} "));
        assert_ne!(changed, text);
        wrapped.preamble = changed.into_bytes();
        spool.give(&wrapped, b"");
        let all = spool.follow(0, 0);
        assert!(all.contains("out") && all.contains("err") && all.ends_with("F S KILL 0 0\n"), "{all}");
    }
}

#[test]
fn a_name_is_started_once() {
    for shell in SHELLS {
        let spool = Spool::new("once", shell);
        let text = format!("echo ran >>{}/counter; sleep 60", spool.directory().display());
        let spec = spool.spec(command(&text));
        assert!(spool.start(&spec, b"").contains("D new"));
        spool.wait_for("counter");
        for _ in 0..3 {
            assert!(spool.start(&spec, b"").contains("D old"));
        }
        let counter = std::fs::read_to_string(spool.directory().join("counter")).unwrap();
        assert_eq!(counter, "ran\n");
        let answer = String::from_utf8(spool.ask(&find(&spool.name))).unwrap();
        let pid: i32 = answer.trim().strip_prefix("P ").unwrap().parse().unwrap();
        let killed = Command::new("kill").args(["-9", "--", &format!("-{pid}")]).status().unwrap();
        assert!(killed.success());
        assert!(spool.follow(0, 0).ends_with("F S KILL 0 0\n"));
        assert_eq!(spool.ask(&find(&spool.name)), b"P gone\n");
    }
}

/// The link may be lost at any moment: what has its name is started then.
#[test]
fn a_start_that_nobody_hears_of_is_a_start() {
    for shell in SHELLS {
        let spool = Spool::new("deaf", shell);
        let wrapped = start(&spool.spec(command("echo ran; exit 6")));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = Command::new("setsid")
            .args(["-w", "/bin/sh", "-c", &format!("exec {shell} {}", wrapped.shell_words)])
            .stdin(Stdio::piped())
            .stdout(writer)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&wrapped.preamble).unwrap();
        child.wait().unwrap();
        assert_eq!(spool.follow(0, 0), "W H\nO 0 4\nran\nK\nF X 6 0 0\n");
    }
}

#[test]
fn what_is_called_off_before_its_start_never_starts() {
    let spool = Spool::new("void", SHELLS[0]);
    assert_eq!(spool.ask(&find(&spool.name)), b"P void\n");
    assert!(spool.start(&spool.spec(command("echo ran")), b"").contains("D old"));
    assert!(spool.follow(0, 0).contains("F V 0"));
}

#[test]
fn the_spool_is_bounded_and_who_writes_more_is_ended() {
    for shell in SHELLS {
        let spool = Spool::new("limit", shell);
        spool.start(&spool.spec(command("yes & yes; sleep 60")), b"");
        let all = spool.ask(&follow(&spool.name, "W", 0, 0));
        let tail = String::from_utf8_lossy(&all[all.len() - 40..]).into_owned();
        assert!(tail.contains(" 153 "), "{tail}");
        // Not called sh, bash counts in blocks of 1 KiB.
        let size = std::fs::metadata(spool.directory().join("out")).unwrap().len();
        assert!([1024 * 1024, 2 * 1024 * 1024].contains(&size), "{size}");
    }
}

#[test]
fn environment_directory_mask_and_script_arrive() {
    for shell in SHELLS {
        let spool = Spool::new("script", shell);
        let script = b"#!/bin/sh\nprintf '%s|' \"$VALUE\" \"$1\" \"$s$pb_s\"; pwd; umask\n";
        let interpreter = interpreter_of(script);
        let arguments = vec!["a b'".to_owned()];
        let value = b"quote ' @MARK@ \\ line\n!".as_slice();
        let spec = StartSpec {
            size: script.len(),
            env: &[("VALUE", value)],
            cwd: Some("/usr"),
            umask: Some(0o027),
            ..spool.spec(Program::Script {
                size: script.len(),
                interpreter: &interpreter,
                arguments: &arguments,
            })
        };
        let said = spool.start(&spec, script);
        let all = spool.follow(0, 0);
        let wanted = format!("{}|a b'||/usr\n0027\n", String::from_utf8_lossy(value));
        assert!(all.contains(&wanted), "{all}\n{said}");
        let files =
            ["run", "sup", "pid", "status"].map(|file| std::fs::read(spool.directory().join(file)).unwrap());
        assert!(
            !files.concat().windows(8).any(|window| window == b"@MARK@ \\"),
            "a value must not be on disk"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_entered_leaves_no_spool() {
    let spool = Spool::new("cwd", SHELLS[0]);
    let said = spool.start(&StartSpec { cwd: Some("/no/such"), ..spool.spec(command("echo ran")) }, b"");
    assert!(said.contains("PABAWI-n0nce E cwd"), "{said}");
    assert!(!spool.directory().exists());
}

#[test]
fn an_end_that_nobody_wrote_is_told_and_an_old_spool_is_removed_unless_it_runs() {
    for shell in SHELLS {
        let dead = Spool::new("dead", shell);
        dead.start(&dead.spec(command("sleep 60")), b"");
        dead.wait_for("pid");
        let alive = Spool::new("alive", shell);
        alive.start(&alive.spec(command("sleep 60")), b"");
        alive.wait_for("pid");
        // Both processes go at once, as with the power.
        let id = |file: &str| {
            let text = std::fs::read_to_string(dead.directory().join(file)).unwrap();
            text.split(' ').next().unwrap().to_owned()
        };
        dead.wait_for("sup");
        let targets = [format!("-{}", id("sup")), format!("-{}", id("pid"))];
        Command::new("kill").args(["-9", "--"]).args(targets).status().unwrap();
        let all = dead.follow(0, 0);
        assert!(all.contains("F L 0"), "{all}");
        for spool in [&dead, &alive] {
            let touched =
                Command::new("touch").args(["-d", "8 days ago"]).arg(spool.directory()).status().unwrap();
            assert!(touched.success());
        }
        let other = Spool::new("other", shell);
        other.start(&other.spec(command("true")), b"");
        assert!(!dead.directory().exists() && alive.directory().exists());
        let answer = String::from_utf8(alive.ask(&find(&alive.name))).unwrap();
        let pid = answer.trim().strip_prefix("P ").unwrap().to_owned();
        Command::new("kill").args(["-9", "--", &format!("-{pid}")]).status().unwrap();
    }
}

#[test]
fn a_process_id_that_is_another_process_now_is_not_the_command() {
    let spool = Spool::new("reused", SHELLS[0]);
    spool.start(&spool.spec(command("exit 0")), b"");
    spool.follow(0, 0);
    let pid = spool.directory().join("pid");
    let text = std::fs::read_to_string(&pid).unwrap();
    let (_, born) = text.split_once(' ').unwrap();
    std::fs::write(&pid, format!("{} {born}", std::process::id())).unwrap();
    assert_eq!(spool.ask(&find(&spool.name)), b"P gone\n");
}
