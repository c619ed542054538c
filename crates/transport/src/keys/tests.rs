//! Tests with keys made by `ssh-keygen` and OpenSSL's formats.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pabawi_domain::secret::Secret;

use super::*;

fn keygen(arguments: &[&str]) -> String {
    let output = Command::new("ssh-keygen").args(arguments).output().expect("start ssh-keygen");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a key and returns its path and public blob.
fn make(folder: &Path, name: &str, arguments: &[&str], passphrase: &str) -> (PathBuf, Vec<u8>) {
    let path = folder.join(name);
    let mut all = vec!["-q", "-N", passphrase, "-C", "", "-f", path.to_str().unwrap()];
    all.extend(arguments);
    keygen(&all);
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    (path, STANDARD.decode(public.split(' ').nth(1).unwrap().trim()).unwrap())
}

const KINDS: [(&str, &[&str]); 5] = [
    ("ssh-ed25519", &["-t", "ed25519"]),
    ("ssh-rsa", &["-t", "rsa", "-b", "2048"]),
    ("ecdsa-sha2-nistp256", &["-t", "ecdsa", "-b", "256"]),
    ("ecdsa-sha2-nistp384", &["-t", "ecdsa", "-b", "384"]),
    ("ecdsa-sha2-nistp521", &["-t", "ecdsa", "-b", "521"]),
];

fn assert_is(key: &LoadedKey, algorithm: &str, blob: &[u8], folder: &Path) {
    assert_eq!(key.algorithm(), algorithm);
    assert_eq!(key.public_blob(), blob, "{algorithm}");
    // The clear key that is handed on is the same key and needs no passphrase any more.
    let clear = folder.join("clear");
    std::fs::write(&clear, key.clear_pem()).unwrap();
    std::fs::set_permissions(&clear, std::fs::Permissions::from_mode(0o600)).unwrap();
    let public = keygen(&["-y", "-P", "", "-f", clear.to_str().unwrap()]);
    assert_eq!(STANDARD.decode(public.split(' ').nth(1).unwrap().trim()).unwrap(), blob);
    std::fs::remove_file(&clear).unwrap();
}

#[test]
fn every_type_and_format_loads_with_and_without_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    let mut number = 0;
    for (algorithm, arguments) in KINDS {
        for format in ["RFC4716", "PKCS8", "PEM"] {
            for passphrase in ["", "secret 'phrase'"] {
                // ssh-keygen cannot write Ed25519 in other formats; that is tested below.
                if algorithm == "ssh-ed25519" && format != "RFC4716" {
                    continue;
                }
                number += 1;
                let mut arguments = arguments.to_vec();
                // `RFC4716` is ssh-keygen's name for its own format.
                if format != "RFC4716" {
                    arguments.extend(["-m", format]);
                }
                let (path, blob) = make(folder.path(), &format!("key{number}"), &arguments, passphrase);
                if passphrase.is_empty() {
                    assert_is(&load(&path, None).unwrap(), algorithm, &blob, folder.path());
                    // A passphrase that is not needed does no harm.
                    load(&path, Some(b"unused")).unwrap();
                } else {
                    let key = load(&path, Some(passphrase.as_bytes())).unwrap();
                    assert_is(&key, algorithm, &blob, folder.path());
                    let missing = load(&path, None).unwrap_err();
                    assert!(matches!(missing, KeyError::NeedsPassphrase { .. }), "{format} {missing}");
                    let wrong = load(&path, Some(b"wrong")).unwrap_err();
                    assert!(matches!(wrong, KeyError::WrongPassphrase { .. }), "{format} {wrong}");
                    let shown = format!("{key:?} {missing} {wrong}");
                    assert!(!shown.contains("secret") && !shown.contains("BEGIN"), "{shown}");
                }
            }
        }
    }
    assert_eq!(number, 4 * 6 + 2);
}

#[test]
fn ed25519_in_pkcs8() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let key = openssl::pkey::PKey::generate_ed25519().unwrap();
    std::fs::write(&path, key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let loaded = load(&path, None).unwrap();
    assert_eq!(loaded.algorithm(), "ssh-ed25519");
    assert!(loaded.public_blob().ends_with(&key.raw_public_key().unwrap()));
    let encrypted =
        key.private_key_to_pem_pkcs8_passphrase(openssl::symm::Cipher::aes_256_cbc(), b"p").unwrap();
    std::fs::write(&path, encrypted).unwrap();
    assert_eq!(load(&path, Some(b"p")).unwrap().public_blob(), loaded.public_blob());
    assert!(matches!(load(&path, Some(b"q")), Err(KeyError::WrongPassphrase { .. })));
    assert!(matches!(load(&path, None), Err(KeyError::NeedsPassphrase { .. })));
}

/// Made for this test by `ssh-keygen -t ecdsa -m PKCS8 -N right`. Each of [`MISLEADING`] decrypts it to something with good
/// padding, as one in 256 wrong passphrases does.
const ENCRYPTED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhNZS5sanFmuwICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEOCCAXughDiQL+rsZAa3D74EgZAR
iCQSY1c0AWdc2MXWYMudwIpyf4kjE8TNyECXo43pXnrB8W8TDoMbjZGRrdh1lDR1
cqxXpvgbiBm6e2avkLAY3Q63ps5CcqlsS9+SQ57bcmnSjvLwCdHcO6UflkvsU79x
4fOUTFhAXPUyPEH5ybdNclIXXy0S/h9eXXH3l6ll3lML/P9JzihhIv2f0m6lIYI=
-----END ENCRYPTED PRIVATE KEY-----
";
const MISLEADING: [&str; 3] = ["w494", "w514", "w874"];

/// Made for this test by `openssl pkcs8 -topk8 -v1 PBE-SHA1-RC2-40`, with the passphrase x.
const OUTDATED: &str = "\
-----BEGIN ENCRYPTED PRIVATE KEY-----
MIGxMBwGCiqGSIb3DQEMAQYwDgQIVqy3HpyNZdACAggABIGQJvqOmpotcTw5dWLt
x3Ftf0adAzwAi5Z4r6es20JalGVrqI/K5wjc9o+woKjXb3Q6apU/xo7oFiJphGh7
ynZhYkgRa6AUA/R2I0Gq4jBAGPMSIXlbflPOW12Wi8Q94szWCiEhtVjOTzOUEezV
3LUtv7pA/WvNxWvPHNa1A0XR2hcGBf6KfrkxkjmJXkEA87d4
-----END ENCRYPTED PRIVATE KEY-----
";

#[test]
fn a_wrong_passphrase_and_an_outdated_cipher_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    let write = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write(ENCRYPTED);
    load(&path, Some(b"right")).unwrap();
    for wrong in MISLEADING {
        let error = load(&path, Some(wrong.as_bytes())).unwrap_err();
        assert!(matches!(error, KeyError::WrongPassphrase { .. }), "{error}");
    }
    write(OUTDATED);
    let error = load(&path, Some(b"x")).unwrap_err().to_string();
    assert!(error.contains("its encryption is not supported"), "{error}");
}

#[test]
fn fingerprints_agree_with_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = make(folder.path(), "key", &["-t", "ecdsa"], "");
    let listed = keygen(&["-l", "-f", path.to_str().unwrap()]);
    assert_eq!(listed.split(' ').nth(1).unwrap(), load(&path, None).unwrap().fingerprint());
}

#[test]
fn open_permissions_are_refused_with_the_command_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = make(folder.path(), "it's key", &["-t", "ed25519"], "");
    for mode in [0o640, 0o604, 0o660, 0o644] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = load(&path, None).unwrap_err().to_string();
        assert!(error.contains("chmod 600 ") && error.contains(r"it'\''s key'"), "{error}");
        assert!(error.contains(&format!("{mode:04o}")), "{error}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    load(&path, None).unwrap();
}

#[test]
fn what_is_no_usable_key_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = make(folder.path(), "key", &["-t", "ed25519"], "");
    let missing = load(folder.path().join("none"), None).unwrap_err();
    assert!(matches!(missing, KeyError::Missing { .. }), "{missing}");
    let public = path.with_extension("pub");
    std::fs::set_permissions(&public, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(load(&public, None).unwrap_err().to_string().contains("without .pub"));
    assert!(load(folder.path(), None).unwrap_err().to_string().contains("regular file"));
    let good = std::fs::read_to_string(&path).unwrap();
    for (text, part) in [
        ("", "not a private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "puttygen"),
        ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "DSA"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not supported"),
        ("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "cannot be read"),
        (&good[..good.len() / 2], "cannot be read"),
    ] {
        let broken = folder.path().join("broken");
        std::fs::write(&broken, text).unwrap();
        std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
        let error = load(&broken, None).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_cache_loads_once_until_file_or_passphrase_change() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = make(folder.path(), "key", &["-t", "ed25519"], "right");
    let cache = KeyCache::new();
    let right = Secret::new("right");
    let first = cache.load(&path, Some(&right)).unwrap();
    assert!(Arc::ptr_eq(&first, &cache.load(&path, Some(&right)).unwrap()));
    // Knowing that a key was opened by somebody does not replace its passphrase.
    assert!(matches!(cache.load(&path, None), Err(KeyError::NeedsPassphrase { .. })));
    assert!(matches!(cache.load(&path, Some(&Secret::new("no"))), Err(KeyError::WrongPassphrase { .. })));
    assert_eq!(cache.load(&path, Some(&right)).unwrap().public_blob(), first.public_blob());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(cache.load(&path, Some(&right)), Err(KeyError::TooOpen { .. })));
}

#[test]
fn every_cipher_of_openssh_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    for cipher in [
        "aes128-ctr",
        "aes192-ctr",
        "aes256-ctr",
        "aes128-cbc",
        "aes256-cbc",
        "aes128-gcm@openssh.com",
        "aes256-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
    ] {
        let (path, blob) = make(
            folder.path(),
            &cipher.replace('.', "-"),
            &["-t", "ed25519", "-a", "1", "-Z", cipher],
            "open",
        );
        assert_is(&load(&path, Some(b"open")).unwrap(), "ssh-ed25519", &blob, folder.path());
        assert!(matches!(load(&path, Some(b"shut")), Err(KeyError::WrongPassphrase { .. })), "{cipher}");
        assert!(matches!(load(&path, Some(b"")), Err(KeyError::WrongPassphrase { .. })), "{cipher}");
    }
}

/// What is handed to libssh2 opens a real server, whatever the key's type and format were. Of P-521 keys, whose
/// number has a leading zero byte half of the time, there are several.
#[test]
fn libssh2_logs_in_with_every_clear_key() {
    let fleet = pabawi_testkit::fleet::Fleet::builder().nodes(1).start().unwrap();
    let authorized = fleet.directory().join("authorized_keys");
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    let p521 = ("ecdsa-sha2-nistp521", &["-t", "ecdsa", "-b", "521"][..]);
    for (number, (_, arguments)) in KINDS.into_iter().chain([p521; 4]).enumerate() {
        for format in ["RFC4716", "PKCS8"] {
            if format == "PKCS8" && arguments.contains(&"ed25519") {
                continue;
            }
            let mut arguments = arguments.to_vec();
            if format == "PKCS8" {
                arguments.extend(["-m", format]);
            }
            paths.push(make(folder.path(), &format!("{format}-{number}"), &arguments, "").0);
        }
    }
    let mut text = std::fs::read_to_string(&authorized).unwrap();
    for path in &paths {
        text.push_str(&std::fs::read_to_string(path.with_extension("pub")).unwrap());
    }
    std::fs::write(&authorized, text).unwrap();
    for path in &paths {
        let key = load(path, None).unwrap();
        let mut session = ssh2::Session::new().unwrap();
        session.set_tcp_stream(std::net::TcpStream::connect(fleet.node(0).unwrap().address).unwrap());
        session.handshake().unwrap();
        session
            .userauth_pubkey_memory(fleet.user(), None, key.clear_pem(), None)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
