//! Finds `pab` where the tests themselves were built, after having it built. It runs cargo, nothing else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The top of the workspace.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package stands in the workspace").to_owned()
}

/// The folder of the profile in which this test was built: `target/debug` or `target/release`.
fn profile_directory() -> PathBuf {
    let own = std::env::current_exe().expect("a test has a path");
    // target/<profile>/deps/<test>-<hash>
    own.ancestors().nth(2).expect("a test lies in target/<profile>/deps").to_owned()
}

/// The target folder in which this test was built.
#[must_use]
pub fn target_directory() -> PathBuf {
    profile_directory().parent().expect("a profile lies in target").to_owned()
}

/// The program under test. It is built once per test process, into the same target folder and profile as the
/// test, so that it is never older than the sources.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn pab_path() -> &'static Path {
    static PAB: OnceLock<PathBuf> = OnceLock::new();
    PAB.get_or_init(|| {
        let profile = profile_directory();
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.current_dir(workspace()).args(["build", "--quiet", "--locked"]);
        // By itself it has other features of its libraries than among the whole workspace's tests, so nearly all would be compiled
        // once more where those are built anyway.
        if std::env::var_os("PABAWI_WORKSPACE_BUILT").is_some_and(|told| told == "1") {
            build.args(["--workspace", "--lib", "--bins", "--examples"]);
        } else {
            build.args(["-p", "pabawi-cli", "--bin", "pab"]);
        }
        build.arg("--target-dir").arg(target_directory());
        match profile.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => {}
            Some(other) => {
                build.args(["--profile", other]);
            }
        }
        let output = build.output().expect("cargo starts");
        assert!(output.status.success(), "building pab:\n{}", String::from_utf8_lossy(&output.stderr));
        let pab = profile.join("pab");
        assert!(pab.is_file(), "{} was not built", pab.display());
        pab
    })
}

/// The folder of the program under test, to be put first on `PATH`.
#[must_use]
pub fn pab_directory() -> &'static Path {
    pab_path().parent().expect("a program lies in a folder")
}
