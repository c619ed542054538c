//! What is installed under a prefix: found by pkg-config and CMake, used by the examples in C, C++ and Python.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Lab, good, place, program_of_readme};

fn examples() -> PathBuf {
    place().join("../../examples/c")
}

/// The commands of README.md, block by block, where a folder is the home.
fn commands(home: &Path) -> Vec<String> {
    let readme = std::fs::read_to_string(place().join("README.md")).unwrap();
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| block.trim().replace("$HOME", &home.display().to_string())).collect()
}

fn shell(place: &Path, commands: &str) -> String {
    let ran = good(Command::new("sh").args(["-e", "-c", commands]).current_dir(place), commands);
    String::from_utf8(ran.stdout).unwrap()
}

/// Symbols that a file defines for others.
fn defined(path: &Path, arguments: &[&str]) -> BTreeSet<String> {
    let told = good(Command::new("nm").args(arguments).arg("--defined-only").arg(path), "nm");
    let told = String::from_utf8(told.stdout).unwrap();
    // An address, a letter and the name; nm has remarks about bitcode that it cannot read.
    let name = |line: &str| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [_, kind, name] if kind.len() == 1 => Some(name.to_owned()),
        _ => None,
    };
    told.lines().filter_map(name).collect()
}

/// An example does what it says on two nodes, and tells what fails.
fn works(lab: &Lab, example: &mut dyn FnMut() -> Command) {
    let options = lab.options().to_string();
    let ran = good(example().args([&options, "web[01-02]", "echo \"from $(uname)\""]), "the example");
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(told.contains("completed") || told.contains("\"succeeded\":2"), "{told}");
    let ran = example().args([&options, "web01", "exit 3"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(1), "{ran:?}");
}

#[test]
fn programs_are_built_with_what_is_installed_and_run() {
    let lab = Lab::new(2);
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("pabawi");
    let commands = commands(folder.path());
    let [install, build] = &commands[..] else { panic!("{commands:?}") };
    // What was built with these tests is installed, not another one with optimisation.
    shell(place(), &format!("{install} --profile dev"));
    let library = prefix.join("lib/libpabawi.so.1");
    assert_eq!(std::fs::read_link(prefix.join("lib/libpabawi.so")).unwrap(), Path::new("libpabawi.so.1"));

    // Neither library gets in the way of an OpenSSL or SQLite that the program has itself.
    let exported = defined(&library, &["--dynamic"]);
    assert!(exported.iter().all(|name| name.starts_with("pabawi_")) && exported.len() > 40, "{exported:?}");
    let in_archive = defined(&prefix.join("lib/libpabawi.a"), &["--extern-only", "--quiet"]);
    let of_others =
        in_archive.iter().find(|name| !["pabawi_", "_ZN", "_R"].iter().any(|own| name.starts_with(own)));
    assert_eq!(of_others, None);
    assert!(in_archive.contains("pabawi_submit") && in_archive.contains("pabawi_own_SSL_new"));

    // As the documents do it.
    std::fs::write(folder.path().join("uptime.c"), program_of_readme(&lab)).unwrap();
    let told = shell(folder.path(), build);
    assert!(told.contains("\"status\":\"completed\"") && told.contains("\"succeeded\":2"), "{told}");

    // By make and pkg-config, from a copy, since examples are built where they stand.
    let copy = folder.path().join("examples");
    good(Command::new("cp").arg("-r").arg(examples()).arg(&copy), "cp");
    good(Command::new("make").arg(format!("PREFIX={}", prefix.display())).current_dir(&copy), "make");
    works(&lab, &mut || Command::new(copy.join("run")));
    works(&lab, &mut || Command::new(copy.join("raii")));

    // By CMake, with the shared library and with the archive.
    let built = folder.path().join("built");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&copy).arg("-B").arg(&built);
    good(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())), "cmake");
    good(Command::new("cmake").arg("--build").arg(&built), "cmake --build");
    for name in ["run", "raii", "run-static"] {
        works(&lab, &mut || Command::new(built.join(name)));
    }
    let needed = good(Command::new("readelf").arg("-d").arg(built.join("run-static")), "readelf");
    assert!(!String::from_utf8_lossy(&needed.stdout).contains("libpabawi"));

    // A newer one than there is is not found.
    let version = std::fs::read_to_string(copy.join("CMakeLists.txt")).unwrap();
    std::fs::write(copy.join("CMakeLists.txt"), version.replace("pabawi 0.1", "pabawi 99.0")).unwrap();
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(&copy).arg("-B").arg(folder.path().join("other"));
    let refused = configure.arg(format!("-DCMAKE_PREFIX_PATH={}", prefix.display())).output().unwrap();
    assert!(!refused.status.success());

    // By ctypes.
    works(&lab, &mut || {
        let mut python = Command::new("/usr/bin/python3");
        python.arg(copy.join("run.py")).env("LIBPABAWI", &library);
        python
    });
}
