//! Pabawi's tables of users, groups, roles and permissions with what its migrations put into them, and some users:
//! [`pabawi_tables`] is the SQL, for SQLite and PostgreSQL.

use std::fmt::Write as _;
use std::io;
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

/// A user.
struct User {
    name: &'static str,
    /// By themselves.
    role: Option<&'static str>,
    /// Whether the group `web` has them.
    in_group: bool,
    is_active: bool,
    is_admin: bool,
}

const fn user(name: &'static str, role: Option<&'static str>) -> User {
    User { name, role, in_group: false, is_active: true, is_admin: false }
}

const USERS: &[User] = &[
    user("vera", Some("viewer")),
    user("omar", Some("operator")),
    User { in_group: true, ..user("gina", None) },
    user("paul", Some("provisioner")),
    user("adam", Some("admin")),
    User { is_admin: true, ..user("root", None) },
    User { is_active: false, is_admin: true, ..user("ines", Some("admin")) },
    user("nina", None),
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
    for User { name, role, in_group, is_active, is_admin } in USERS {
        let (active, admin) = (u8::from(*is_active), u8::from(*is_admin));
        add(format_args!(
            "INSERT INTO users VALUES ('id-{name}', '{name}', '{name}@example.org', 'x', 'x', 'x', {active}, {admin}, \
             {NOW}, {NOW}, NULL);"
        ));
        if let Some(role) = role {
            add(format_args!("INSERT INTO user_roles VALUES ('id-{name}', 'role-{role}-001', {NOW});"));
        }
        if *in_group {
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
/// # Errors
/// Python cannot be run.
pub fn pabawi_tables_file(path: &Path) -> io::Result<()> {
    pabawi_sql(path, &pabawi_tables())
}

/// Runs SQL on such a file, in a process of its own.
///
/// # Errors
/// Python cannot be run, or the SQL is bad.
pub fn pabawi_sql(path: &Path, sql: &str) -> io::Result<()> {
    let script =
        "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1])\nc.executescript(sys.argv[2])\nc.commit()";
    let ran = Command::new("python3").args(["-c", script]).arg(path).arg(sql).output()?;
    match ran.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&ran.stderr).into_owned())),
    }
}
