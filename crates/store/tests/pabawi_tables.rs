//! Pabawi's tables of permissions, as a real SQLite file of another process and a real PostgreSQL have them.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use pabawi_domain::ports::{PermissionName, PermissionTables, StoreError};
use pabawi_store::pabawi_tables::PabawiTables;
use pabawi_testkit::pabawi_tables::{pabawi_sql, pabawi_tables, pabawi_tables_file};
use pabawi_testkit::postgres::Postgres;

/// Whether a user is active, an administrator, and has the permission; `None` when there is no such user.
async fn asked(tables: &PabawiTables, user: &str, permission: &str) -> Option<(bool, bool, bool)> {
    let permission = PermissionName::parse(permission).unwrap();
    let found = tables.look_up(user, &permission).await.unwrap();
    assert!(found.len() < 2, "{found:?}");
    found.first().map(|one| (one.is_active, one.is_admin, one.is_granted))
}

/// What both databases have to say.
async fn hold(tables: &PabawiTables) {
    for (user, permission, wanted) in [
        ("vera", "bolt:read", Some((true, false, true))),
        ("vera", "bolt:execute", Some((true, false, false))),
        ("omar", "bolt:execute", Some((true, false, true))),
        ("id-omar", "bolt:execute", Some((true, false, true))),
        ("gina", "ssh:execute", Some((true, false, true))),
        ("paul", "proxmox:destroy", Some((true, false, true))),
        ("paul", "bolt:read", Some((true, false, false))),
        ("adam", "users:admin", Some((true, false, true))),
        ("root", "bolt:execute", Some((true, true, false))),
        ("ines", "bolt:execute", Some((false, true, true))),
        ("nina", "bolt:read", Some((true, false, false))),
        ("eve", "bolt:read", None),
        ("vera", "no:such", Some((true, false, false))),
        // Neither a pattern nor a piece of SQL.
        ("%", "bolt:read", None),
        ("' OR '1'='1", "bolt:read", None),
    ] {
        assert_eq!(asked(tables, user, permission).await, wanted, "{user} {permission}");
    }
    let gina = tables.memberships("id-gina").await.unwrap();
    assert_eq!((gina.groups, gina.roles), (vec!["web".to_owned()], vec!["Operator".to_owned()]));
    let vera = tables.memberships("id-vera").await.unwrap();
    assert_eq!((vera.groups, vera.roles), (Vec::new(), vec!["Viewer".to_owned()]));
}

/// R10.3
#[tokio::test]
async fn a_sqlite_file_of_another_process_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pabawi.db");
    let tables = PabawiTables::sqlite(&file);
    let read = PermissionName::new("bolt", "read");
    let Err(StoreError::Unavailable(text)) = tables.look_up("vera", &read).await else { panic!() };
    assert!(text.contains("pabawi.db"), "{text}");
    assert!(!file.exists(), "it is read and never made");
    pabawi_tables_file(&file).unwrap();
    hold(&tables).await;
    // What Pabawi changes is seen at once: nothing is remembered here.
    pabawi_sql(
        &file,
        "DELETE FROM user_roles WHERE user_id = 'id-omar'; UPDATE users SET is_active = 0 WHERE id = 'id-vera'",
    ).unwrap();
    assert_eq!(asked(&tables, "omar", "bolt:execute").await, Some((true, false, false)));
    assert_eq!(asked(&tables, "vera", "bolt:read").await, Some((false, false, true)));
}

/// R10.3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgresql_is_read() {
    let server = Postgres::start().unwrap();
    server.create_database("pabawi").unwrap();
    server.query("pabawi", &pabawi_tables()).unwrap();
    hold(&PabawiTables::postgres(&server.url("pabawi")).unwrap()).await;
    let wrong = PabawiTables::postgres(&server.url("pabawi").replace(server.password(), "hunter2")).unwrap();
    let read = PermissionName::new("bolt", "read");
    let Err(error) = wrong.look_up("vera", &read).await else { panic!() };
    assert!(!error.to_string().contains("hunter2"), "{error}");
    let Err(error) = PabawiTables::postgres("mysql://u:hunter2@h/d").map(|_| ()) else { panic!() };
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
