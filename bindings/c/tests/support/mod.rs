//! Programs in C that use the library as it was built with these tests: [`Program`], compiled and run, also under valgrind and with
//! the sanitizers of the compiler; and the nodes that they use.

#![allow(dead_code, reason = "each test program of cargo uses a part of it")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pabawi_testkit::fleet::Fleet;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a program may take that should take a moment.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// How a program is built and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum With {
    /// As it is.
    Nothing,
    /// Under valgrind, which reports memory that is used wrongly or left behind.
    Valgrind,
    /// With AddressSanitizer (and its LeakSanitizer) and UndefinedBehaviorSanitizer in the program.
    Sanitizers,
}

/// The folder of this crate.
#[must_use]
pub(crate) fn place() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with the library under the names by which programs find it.
#[must_use]
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<TempDir> = OnceLock::new();
    let made = || {
        let folder = tempfile::tempdir().expect("a folder");
        let own = std::env::current_exe().expect("a test has a path");
        // Cargo builds it with the tests of this crate, beside them.
        let built = own.with_file_name("libpabawi_c.so");
        assert!(built.is_file(), "{} was not built", built.display());
        for name in ["libpabawi.so", "libpabawi.so.1"] {
            std::os::unix::fs::symlink(&built, folder.path().join(name)).expect("a link");
        }
        folder
    };
    LIBRARY.get_or_init(made).path()
}

/// The static library.
#[must_use]
pub(crate) fn archive() -> PathBuf {
    std::env::current_exe().expect("a test has a path").with_file_name("libpabawi_c.a")
}

/// A compiled program.
pub(crate) struct Program {
    folder: TempDir,
    with: With,
}

impl Program {
    /// Compiles `programs/NAME.c`.
    #[must_use]
    pub(crate) fn new(name: &str, with: With) -> Self {
        Self::of(&place().join("tests/programs").join(format!("{name}.c")), with)
    }

    /// Compiles a file in C or C++.
    #[must_use]
    pub(crate) fn of(source: &Path, with: With) -> Self {
        let is_c = source.extension() == Some(OsStr::new("c"));
        let folder = tempfile::tempdir().expect("a folder");
        let (compiler, standard) = if is_c { ("gcc", "-std=c99") } else { ("g++", "-std=c++17") };
        let mut compile = Command::new(compiler);
        compile.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1", "-pthread"]);
        if with == With::Sanitizers {
            compile.args([
                "-fsanitize=address,undefined",
                "-fno-sanitize-recover=all",
                "-fno-omit-frame-pointer",
            ]);
        }
        compile
            .arg("-I")
            .arg(place().join("include"))
            .arg(source)
            .arg("-o")
            .arg(folder.path().join("program"));
        compile.arg("-L").arg(library()).arg("-lpabawi");
        compile.arg(format!("-Wl,-rpath,{}", library().display()));
        good(&mut compile, "the compiler");
        Self { folder, with }
    }

    /// A call of it.
    #[must_use]
    pub(crate) fn command<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> Command {
        let program = self.folder.path().join("program");
        let mut command = match self.with {
            With::Valgrind => {
                let mut valgrind = Command::new("valgrind");
                let leaks = ["--leak-check=full", "--show-leak-kinds=definite,indirect,possible"];
                valgrind.args(leaks).args(["--errors-for-leak-kinds=definite,indirect,possible"]);
                valgrind.args(["--error-exitcode=99", "--num-callers=30", "--quiet", "--fair-sched=yes"]);
                valgrind.arg(format!("--suppressions={}", place().join("tests/valgrind.supp").display()));
                valgrind.arg(program);
                valgrind
            }
            With::Nothing | With::Sanitizers => Command::new(program),
        };
        command.args(arguments).env("ASAN_OPTIONS", "detect_leaks=1").stdin(Stdio::null());
        if self.with == With::Valgrind {
            // OpenSSL without instructions for AES and carry-less multiplication (OPENSSL_ia32cap(3)): what its assembly does
            // with them, valgrind takes for the use of memory that was never written.
            command.env("OPENSSL_ia32cap", "~0x200000200000000");
        }
        command
    }

    /// Runs it to its end, which has to be a good one with nothing reported, and tells what it printed.
    pub(crate) fn runs<I: IntoIterator<Item: AsRef<OsStr>>>(&self, arguments: I) -> String {
        let mut limited = Command::new("timeout");
        limited.arg(LIMIT.as_secs().to_string());
        let command = self.command(arguments);
        limited.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                limited.env(name, value);
            }
        }
        let ran = good(limited.stdin(Stdio::null()), "the program");
        // Valgrind and the sanitizers report there.
        let reported = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(without_remarks(&reported), "", "{:?}", self.with);
        String::from_utf8(ran.stdout).expect("a text")
    }
}

/// What is reported about the program. Valgrind says in lines of another kind which system calls it does not know: pidfd_open(2),
/// which is asked for where the kernel may have it, and whose absence is lived with.
fn without_remarks(reported: &str) -> String {
    reported.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n")
}

/// Runs a command, which has to end well.
pub(crate) fn good(command: &mut Command, what: &str) -> Output {
    let ran = command.output().unwrap_or_else(|error| panic!("{what} does not start: {error}: {command:?}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{what}: {}\n{out}\n{err}\n{command:?}", ran.status);
    ran
}

/// Real nodes, and a folder for a database.
pub(crate) struct Lab {
    pub(crate) fleet: Fleet,
    folder: TempDir,
}

impl Lab {
    /// `web01` and so on.
    #[must_use]
    pub(crate) fn new(nodes: usize) -> Self {
        let fleet = Fleet::builder().nodes(nodes).start().expect("the fleet starts");
        Self { fleet, folder: tempfile::tempdir().expect("a folder") }
    }

    /// A path in the folder.
    #[must_use]
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the program `execute` is called with.
    #[must_use]
    pub(crate) fn of_execute(&self) -> [String; 2] {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let unused = self.path(&format!("made-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        [self.options().to_string(), unused.display().to_string()]
    }

    /// Options of an engine on these nodes.
    #[must_use]
    pub(crate) fn options(&self) -> Value {
        json!({
            "database": self.path("pabawi.db"),
            "ssh": {"config": self.fleet.ssh_config()},
            "authorizer": "allowAll",
            "workerThreads": 2,
        })
    }
}

/// The program of README.md, with nodes and a database of its own.
#[must_use]
pub(crate) fn program_of_readme(lab: &Lab) -> String {
    let readme = std::fs::read_to_string(place().join("README.md")).expect("README.md");
    let program = readme.split("```c\n").nth(1).and_then(|rest| rest.split("```").next());
    let program = program.expect("a program in README.md");
    let options = r#""{\"authorizer\": \"allowAll\"}""#;
    assert!(program.contains(options), "{program}");
    program.replace(options, &format!("{:?}", lab.options().to_string()))
}
