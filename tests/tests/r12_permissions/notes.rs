//! Notes on nodes under permissions.

use crate::site::Site;

const POLICY: &str = r#"
users:
  ann: {roles: [writer]}
  bob: {roles: [writer]}
  cleo: {roles: [front]}
  vera: {roles: [reader]}
  root: {admin: true}
roles:
  writer: {allow: [{capability: journal.note}, {capability: journal.read}]}
  front: {allow: [{capability: "journal.*", nodes: "@front"}]}
  reader: {allow: [{capability: journal.read}]}
"#;

/// R6.6, R11.6: a note is changed by whoever wrote it and by nobody else, administrators not excepted, and only while they may
/// write notes on that node.
#[test]
fn a_note_is_changed_by_its_author_alone() {
    let site = Site::of_policy(POLICY);
    let written = site
        .pab("ann", &["journal", "note", "web01", "the disk is old", "--format", "json"])
        .succeeds()
        .json();
    let id = written["id"].as_str().unwrap();
    let edit = ["journal", "notes", "edit", id, "the disk is new"];
    for user in ["bob", "root"] {
        let refused = site.pab(user, &edit).exits(4);
        assert!(refused.err().contains("was written by ann, who alone may change it"), "{refused}");
    }
    site.denied("vera", &edit, "journal.note", "no rule allows journal.note");
    let _ = site.pab("ann", &edit).succeeds();
    let versions = site.list("vera", &["journal", "notes", "history", id]);
    let told: Vec<(&str, &str)> = versions
        .iter()
        .map(|version| (version["user"].as_str().unwrap(), version["summary"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("ann", "the disk is old"), ("ann", "the disk is new")]);

    // What was taken away from its author counts for their own notes too.
    site.0.write("policy.yaml", POLICY.replace("ann: {roles: [writer]}", "ann: {roles: [reader]}"));
    site.denied("ann", &edit, "journal.note", "no rule allows journal.note");
    site.denied("cleo", &["journal", "note", "web03", "x"], "journal.note", "on web03");
    site.denied("vera", &["journal", "note", "web01", "x"], "journal.note", "on web01");
}
