//! What is asked, in the SQL that SQLite and PostgreSQL share. Names are those of Pabawi's migrations.

/// Who goes by an id or name (`$1`), and whether they have a resource (`$2`) and action (`$3`), by a role of their own or of
/// a group.
pub(super) const LOOK_UP: &str = r#"
SELECT u.id, u.username,
       CAST(u.is_active AS BIGINT), CAST(u.is_admin AS BIGINT),
       CAST(CASE WHEN EXISTS (
           SELECT 1 FROM user_roles AS ur
           JOIN role_permissions AS rp ON rp.role_id = ur.role_id
           JOIN permissions AS p ON p.id = rp.permission_id
           WHERE ur.user_id = u.id AND p.resource = $2 AND p."action" = $3
       ) OR EXISTS (
           SELECT 1 FROM user_groups AS ug
           JOIN group_roles AS gr ON gr.group_id = ug.group_id
           JOIN role_permissions AS rp ON rp.role_id = gr.role_id
           JOIN permissions AS p ON p.id = rp.permission_id
           WHERE ug.user_id = u.id AND p.resource = $2 AND p."action" = $3
       ) THEN 1 ELSE 0 END AS BIGINT)
FROM users AS u
WHERE u.id = $1 OR u.username = $1
"#;

/// The names of the groups of a user.
pub(super) const GROUPS: &str = r"
SELECT g.name FROM user_groups AS ug JOIN groups AS g ON g.id = ug.group_id WHERE ug.user_id = $1 ORDER BY g.name
";

/// The names of the roles of a user, also of those that come by a group.
pub(super) const ROLES: &str = r"
SELECT r.name FROM user_roles AS ur JOIN roles AS r ON r.id = ur.role_id WHERE ur.user_id = $1
UNION
SELECT r.name FROM user_groups AS ug
JOIN group_roles AS gr ON gr.group_id = ug.group_id
JOIN roles AS r ON r.id = gr.role_id
WHERE ug.user_id = $1
ORDER BY 1
";
