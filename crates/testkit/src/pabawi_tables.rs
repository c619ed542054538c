//! Pabawi's tables of users, groups, roles and permissions with what its migrations put into them, and some users:
//! [`pabawi_tables`] is the SQL, for SQLite and PostgreSQL.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The permissions that Pabawi 1.4 has after all its migrations, by resource.
const SEEDED: &[(&str, &[&str])] = &[
    ("ansible", &["read", "execute", "write", "admin"]),
    ("bolt", &["read", "execute", "write", "admin"]),
    ("puppetdb", &["read", "write", "admin"]),
    ("users", &["read", "write", "admin"]),
    ("groups", &["read", "write", "admin"]),
    ("roles", &["read", "write", "admin"]),
    ("proxmox", &["read", "lifecycle", "provision", "destroy", "admin"]),
    ("aws", &["read", "lifecycle", "provision", "destroy", "admin"]),
    ("azure", &["read", "lifecycle", "provision", "destroy", "admin"]),
    ("journal", &["read", "note", "admin"]),
    ("integration_config", &["read", "configure", "admin"]),
    ("hiera", &["read", "admin"]),
    ("ssh", &["read", "execute", "admin"]),
    ("checkmk", &["read"]),
];

/// What a Viewer may read.
const READ_BY_VIEWERS: &[&str] = &[
    "ansible",
    "bolt",
    "puppetdb",
    "proxmox",
    "aws",
    "azure",
    "journal",
    "integration_config",
    "hiera",
    "ssh",
    "checkmk",
];

const SCHEMA: &str = r#"
CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL, first_name TEXT NOT NULL, last_name TEXT NOT NULL,
  is_active INTEGER NOT NULL DEFAULT 1, is_admin INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL, last_login_at TEXT);
CREATE TABLE groups (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE roles (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, description TEXT NOT NULL,
  is_built_in INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE TABLE permissions (id TEXT PRIMARY KEY, resource TEXT NOT NULL, "action" TEXT NOT NULL,
  description TEXT NOT NULL, created_at TEXT NOT NULL, UNIQUE (resource, "action"));
CREATE TABLE user_groups (user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE, assigned_at TEXT NOT NULL,
  PRIMARY KEY (user_id, group_id));
CREATE TABLE user_roles (user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE, assigned_at TEXT NOT NULL,
  PRIMARY KEY (user_id, role_id));
CREATE TABLE group_roles (group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE, assigned_at TEXT NOT NULL,
  PRIMARY KEY (group_id, role_id));
CREATE TABLE role_permissions (role_id TEXT NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
  permission_id TEXT NOT NULL REFERENCES permissions (id) ON DELETE CASCADE, assigned_at TEXT NOT NULL,
  PRIMARY KEY (role_id, permission_id));
"#;

const NOW: &str = "'2026-01-01T00:00:00.000Z'";

/// The users: name, role of their own, role by a group, whether they are active, whether they are administrators.
const USERS: &[(&str, Option<&str>, Option<&str>, bool, bool)] = &[
    ("vera", Some("viewer"), None, true, false),
    ("omar", Some("operator"), None, true, false),
    ("gina", None, Some("operator"), true, false),
    ("paul", Some("provisioner"), None, true, false),
    ("adam", Some("admin"), None, true, false),
    ("root", None, None, true, true),
    ("ines", Some("admin"), None, false, true),
    ("nina", None, None, true, false),
];

/// Makes the tables and fills them. The users are `vera` (Viewer), `omar` (Operator), `gina` (Operator by the group `web`),
/// `paul` (Provisioner), `adam` (Administrator), `root` (marked as administrator), `ines` (the same and not active) and `nina`
/// (nothing); the id of a user is `id-NAME`.
pub fn pabawi_tables() -> String {
    let mut sql = SCHEMA.to_owned();
    let mut add = |line: std::fmt::Arguments<'_>| {
        // Writing into a string does not fail.
        let _ = sql.write_fmt(line);
        sql.push('\n');
    };
    for (resource, actions) in SEEDED {
        for action in *actions {
            add(format_args!(
                "INSERT INTO permissions VALUES ('{resource}-{action}-001', '{resource}', '{action}', 'x', {NOW});"
            ));
        }
    }
    for (id, name) in [
        ("viewer", "Viewer"),
        ("operator", "Operator"),
        ("provisioner", "Provisioner"),
        ("admin", "Administrator"),
    ] {
        add(format_args!("INSERT INTO roles VALUES ('role-{id}-001', '{name}', 'x', 1, {NOW}, {NOW});"));
    }
    for (role, permission) in role_permissions() {
        add(format_args!(
            "INSERT INTO role_permissions VALUES ('role-{role}-001', '{permission}-001', {NOW});"
        ));
    }
    add(format_args!("INSERT INTO groups VALUES ('group-web', 'web', 'x', {NOW}, {NOW});"));
    add(format_args!("INSERT INTO group_roles VALUES ('group-web', 'role-operator-001', {NOW});"));
    for (name, role, by_group, is_active, is_admin) in USERS {
        let (active, admin) = (u8::from(*is_active), u8::from(*is_admin));
        add(format_args!(
            "INSERT INTO users VALUES ('id-{name}', '{name}', '{name}@example.org', 'x', 'x', 'x', {active}, {admin}, \
             {NOW}, {NOW}, NULL);"
        ));
        if let Some(role) = role {
            add(format_args!("INSERT INTO user_roles VALUES ('id-{name}', 'role-{role}-001', {NOW});"));
        }
        if by_group.is_some() {
            add(format_args!("INSERT INTO user_groups VALUES ('id-{name}', 'group-web', {NOW});"));
        }
    }
    sql
}

/// What each role has, by the ids of role and permission.
fn role_permissions() -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for resource in READ_BY_VIEWERS {
        all.push(("viewer", format!("{resource}-read")));
        all.push(("operator", format!("{resource}-read")));
    }
    for resource in ["ansible", "bolt", "ssh"] {
        all.push(("operator", format!("{resource}-execute")));
    }
    for resource in ["proxmox", "aws", "azure"] {
        all.push(("operator", format!("{resource}-lifecycle")));
        for action in ["read", "lifecycle", "provision", "destroy"] {
            all.push(("provisioner", format!("{resource}-{action}")));
        }
    }
    for permission in
        ["journal-read", "journal-note", "integration_config-read", "hiera-read", "checkmk-read"]
    {
        all.push(("provisioner", permission.to_owned()));
    }
    for (resource, actions) in SEEDED {
        all.extend(actions.iter().map(|action| ("admin", format!("{resource}-{action}"))));
    }
    all
}

/// Makes a SQLite file with [`pabawi_tables`] by Python's `sqlite3`: another process, as Pabawi is.
///
/// # Panics
/// When Python cannot be run.
pub fn pabawi_tables_file(path: &Path) {
    pabawi_sql(path, &pabawi_tables());
}

/// Runs SQL on such a file, in a process of its own.
///
/// # Panics
/// When Python cannot be run, or the SQL is bad.
pub fn pabawi_sql(path: &Path, sql: &str) {
    let script =
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.stdin.read())\nc.commit()";
    let mut python = Command::new("python3")
        .args(["-c", script])
        .arg(path)
        .stdin(std::process::Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    let mut input = python.stdin.take().expect("a pipe");
    std::io::Write::write_all(&mut input, sql.as_bytes()).expect("Python reads");
    drop(input);
    assert!(python.wait().expect("Python ends").success(), "Python failed");
}
