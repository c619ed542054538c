//! Parameters of a request as options of `ansible-playbook`: [`Parameters`]. Each is looked at again here, whoever has checked
//! it before: an option is attached to its name, and what could be another one is refused with its field.

use pabawi_domain::validation::FieldError;

pub(super) use crate::tool::parameters::Parameters;

impl Parameters<'_> {
    /// `--check`, `--diff`.
    pub(super) fn dry_options(self) -> Result<Vec<String>, FieldError> {
        let mut options = Vec::new();
        for name in ["check", "diff"] {
            if self.flag(name)? {
                options.push(format!("--{name}"));
            }
        }
        Ok(options)
    }

    /// `--tags=a,b`, where there are some.
    pub(super) fn tags(self, name: &str, option: &str) -> Result<Option<String>, FieldError> {
        let tags = self.texts(name)?;
        let is_tag = |tag: &&str| {
            !tag.is_empty()
                && !tag.starts_with('-')
                && tag.chars().all(|c| c.is_alphanumeric() || "_.:-".contains(c))
        };
        if tags.iter().all(is_tag) {
            Ok((!tags.is_empty()).then(|| format!("--{option}={}", tags.join(","))))
        } else {
            Err(Self::fault(
                name,
                "must have letters, digits and _ . : - only, and no tag that starts with '-'",
            ))
        }
    }

    /// Who to become.
    pub(super) fn becoming(self) -> Result<Option<Becoming>, FieldError> {
        let user = self.word("becomeUser")?.map(str::to_owned);
        let method = self.word("becomeMethod")?.map(str::to_owned);
        let password = self.text("becomePassword")?.map(str::to_owned);
        if self.flag("become")? {
            return Ok(Some(Becoming { user, method, password }));
        }
        for (name, given) in [("becomeUser", &user), ("becomeMethod", &method), ("becomePassword", &password)]
        {
            if given.is_some() {
                return Err(Self::fault(name, "needs become: true beside it"));
            }
        }
        Ok(None)
    }
}

/// Another user on the nodes.
#[derive(Clone)]
pub(super) struct Becoming {
    pub(super) user: Option<String>,
    pub(super) method: Option<String>,
    pub(super) password: Option<String>,
}

impl Becoming {
    /// Options for a whole playbook, without the password.
    pub(super) fn options(&self) -> Vec<String> {
        let mut options = vec!["--become".to_owned()];
        options.extend(self.user.iter().map(|user| format!("--become-user={user}")));
        options.extend(self.method.iter().map(|method| format!("--become-method={method}")));
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(value: &Value) -> Parameters<'_> {
        Parameters(value.as_object().unwrap())
    }

    #[test]
    fn parameters_become_options_that_are_attached_to_their_names() {
        let value =
            json!({"tags": ["a", "b:c"], "check": true, "diff": false, "become": true, "becomeUser": "app"});
        let parameters = of(&value);
        assert_eq!(parameters.tags("tags", "tags").unwrap().unwrap(), "--tags=a,b:c");
        assert_eq!(parameters.tags("skipTags", "skip-tags").unwrap(), None);
        assert_eq!(parameters.dry_options().unwrap(), ["--check"]);
        assert_eq!(parameters.becoming().unwrap().unwrap().options(), ["--become", "--become-user=app"]);
    }

    #[test]
    fn what_is_bad_is_named() {
        for (value, part) in [
            (
                json!({"becomeUser": "-x", "become": true}),
                "action.parameters.becomeUser: must not start with '-'",
            ),
            (json!({"becomeUser": "x"}), "action.parameters.becomeUser: needs become"),
            (json!({"become": "yes"}), "action.parameters.become: must be true or false"),
            (json!({"becomePassword": 1}), "action.parameters.becomePassword: must be a text"),
        ] {
            let fault = of(&value).becoming().err().unwrap().to_string();
            assert!(fault.starts_with(part), "{fault}");
        }
        for tags in [
            json!({"tags": ["-e", "x"]}),
            json!({"tags": ["a,b"]}),
            json!({"tags": "a"}),
            json!({"tags": [1]}),
        ] {
            assert_eq!(of(&tags).tags("tags", "tags").unwrap_err().path, "action.parameters.tags");
        }
        let fault = of(&json!({"limit": "all"})).only(&["tags", "check"]).unwrap_err().to_string();
        assert_eq!(fault, "action.parameters.limit: is not known; known are tags, check");
    }
}
