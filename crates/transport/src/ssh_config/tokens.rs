//! `%` tokens, `${VARIABLE}` and `~` in values (`ssh_config(5)`, TOKENS and ENVIRONMENT VARIABLES).
//!
//! Main type: [`Tokens`]. It knows every token this client can expand; another one is an error that names
//! it, because leaving it in a path would quietly use the wrong file.

use std::path::PathBuf;

use super::local_user::LocalUser;

/// The values tokens stand for, as far as they are known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tokens<'a> {
    pub(super) local: &'a LocalUser,
    /// `%n`.
    pub(super) alias: &'a str,
    /// `%h`.
    pub(super) host_name: &'a str,
    /// `%p`.
    pub(super) port: u16,
    /// `%r`.
    pub(super) user: &'a str,
    /// `%k`.
    pub(super) host_key_alias: Option<&'a str>,
}

impl Tokens<'_> {
    /// Expands the tokens named in `allowed`; the error is a message fragment.
    pub(super) fn expand(&self, text: &str, allowed: &str) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            let mut chars = after.chars();
            match chars.next() {
                Some(token) if token == '%' || allowed.contains(token) => match token {
                    '%' => out.push('%'),
                    'h' => out.push_str(self.host_name),
                    'n' => out.push_str(self.alias),
                    'p' => out.push_str(&self.port.to_string()),
                    'r' => out.push_str(self.user),
                    'u' => out.push_str(&self.local.name),
                    'd' => out.push_str(&self.local.home.to_string_lossy()),
                    'i' => out.push_str(&self.local.uid.to_string()),
                    'k' => out.push_str(self.host_key_alias.unwrap_or(self.alias)),
                    _ => return Err(format!("the token %{token} is not supported")),
                },
                Some(token) => return Err(format!("the token %{token} is not supported")),
                None => return Err("a % stands at the end (write %% for a percent sign)".to_owned()),
            }
            rest = chars.as_str();
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Expands a path: `~` first, then tokens, then variables, as OpenSSH does.
    pub(super) fn expand_path(&self, text: &str) -> Result<PathBuf, String> {
        let text = match text.strip_prefix('~') {
            None => text.to_owned(),
            // The home folder may contain a percent sign of its own.
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.local.home.to_string_lossy().replace('%', "%%"))
            }
            Some(_) => return Err(format!("the home folder of another user ({text}) is not supported")),
        };
        let text = self.expand(&text, "hnprudik")?;
        expand_variables(&text, |name| std::env::var(name).ok()).map(PathBuf::from)
    }
}

/// Replaces `${NAME}`; an unset variable is an error.
fn expand_variables(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (name, tail) = after.split_once('}').ok_or("a ${ is not closed")?;
        let value = lookup(name).ok_or_else(|| format!("the environment variable {name} is not set"))?;
        out.push_str(&value);
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local() -> LocalUser {
        LocalUser { name: "me".into(), home: "/home/100%me".into(), uid: 1_000 }
    }

    #[test]
    fn every_token() {
        let local = local();
        let mut tokens = Tokens {
            local: &local,
            alias: "web",
            host_name: "web.example.com",
            port: 2_222,
            user: "root",
            host_key_alias: None,
        };
        assert_eq!(
            tokens.expand("%n %h %p %r %u %i %k %%", "hnprudik").unwrap(),
            "web web.example.com 2222 root me 1000 web %"
        );
        tokens.host_key_alias = Some("alias");
        assert_eq!(tokens.expand("%k", "k").unwrap(), "alias");
        assert!(tokens.expand("%h", "p").unwrap_err().contains("%h"));
        assert!(tokens.expand("%C", "hnprudik").unwrap_err().contains("%C"));
        assert!(tokens.expand("x%", "h").is_err());
        assert_eq!(tokens.expand_path("~/k").unwrap(), PathBuf::from("/home/100%me/k"));
        assert_eq!(tokens.expand_path("%d/k").unwrap(), PathBuf::from("/home/100%me/k"));
        assert!(tokens.expand_path("~other/k").is_err());
    }

    #[test]
    fn variables() {
        let lookup = |name: &str| (name == "A").then(|| "1".to_owned());
        assert_eq!(expand_variables("x${A}y${A}", lookup).unwrap(), "x1y1");
        assert_eq!(expand_variables("$A", lookup).unwrap(), "$A");
        assert!(expand_variables("${B}", lookup).unwrap_err().contains('B'));
        assert!(expand_variables("${A", lookup).is_err());
    }
}
