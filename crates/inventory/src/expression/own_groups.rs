//! [`OwnGroups`]: groups that are target expressions under a name.

use std::collections::{BTreeMap, HashMap, HashSet};

use pabawi_domain::id::GroupName;
use pabawi_domain::validation::ValidationError;

use crate::expression::ast::{Expression, Selector};
use crate::nodeset::Part;

/// How deep own groups may be made of each other.
const MAX_NESTING: usize = 8;

/// Groups that are target expressions under a name, `@name` in others. One hides a group of the same name that sources
/// have; `@source:name` still means that one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OwnGroups(BTreeMap<GroupName, Expression>);

impl OwnGroups {
    /// Reads the expressions.
    ///
    /// # Errors
    /// Every expression that is not understood, on the field `groups.NAME`, and groups that contain themselves or are
    /// made of each other too deeply.
    pub fn new(groups: impl IntoIterator<Item = (GroupName, String)>) -> Result<Self, ValidationError> {
        let mut own = Self::default();
        let mut faults = ValidationError::default();
        for (name, text) in groups {
            match Expression::parse(&text) {
                Ok(expression) => {
                    let field = format!("groups.{name}");
                    if own.0.insert(name, expression).is_some() {
                        faults.push(field, "is given twice");
                    }
                }
                Err(errors) => {
                    for error in &errors.0 {
                        faults.push(format!("groups.{name}"), error.to_string());
                    }
                }
            }
        }
        let mut known = HashMap::new();
        for name in own.0.keys() {
            if let Err(reason) = own.height(name.as_str(), &mut Vec::new(), &mut known) {
                faults.push(format!("groups.{name}"), reason);
            }
        }
        faults.into_result()?;
        Ok(own)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their names in order.
    pub fn names(&self) -> impl Iterator<Item = &GroupName> {
        self.0.keys()
    }

    /// The expression of a group.
    pub fn get(&self, name: &str) -> Option<&Expression> {
        self.0.get(name)
    }

    /// Whether an expression, or an own group that it is made of, asks for facts or for the history.
    pub fn needs_knowledge(&self, expression: &Expression) -> bool {
        self.reached(expression).into_iter().any(Expression::needs_knowledge)
    }

    /// The expression itself and those of all own groups that it is made of, each once.
    pub(crate) fn reached<'a>(&'a self, expression: &'a Expression) -> Vec<&'a Expression> {
        let mut reached = vec![expression];
        let mut seen = HashSet::new();
        let mut open = vec![expression];
        // Each group is opened once, so this ends.
        while let Some(expression) = open.pop() {
            for name in names_in(expression) {
                if let Some(inner) = self.get(name)
                    && seen.insert(name)
                {
                    reached.push(inner);
                    open.push(inner);
                }
            }
        }
        reached
    }

    /// How many groups stand below each other from this one on, itself counted. Goes no deeper than the limit, since what
    /// is deeper is an error before that, and looks at each group once.
    fn height<'a>(
        &'a self,
        name: &'a str,
        within: &mut Vec<&'a str>,
        known: &mut HashMap<&'a str, usize>,
    ) -> Result<usize, String> {
        let too_deep = || format!("is made of groups that are nested more than {MAX_NESTING} deep");
        if within.contains(&name) {
            return Err(format!("contains itself: {} -> {name}", within.join(" -> ")));
        }
        let least = known.get(name).copied().unwrap_or(1);
        if within.len() + least > MAX_NESTING {
            return Err(too_deep());
        }
        if let Some(height) = known.get(name) {
            return Ok(*height);
        }
        within.push(name);
        let mut height = 1;
        for inner in self.get(name).into_iter().flat_map(names_in) {
            if self.0.contains_key(inner) {
                height = height.max(1 + self.height(inner, within, known)?);
            }
        }
        within.pop();
        known.insert(name, height);
        Ok(height)
    }
}

/// Groups that are named plainly, without a source.
fn names_in(expression: &Expression) -> Vec<&str> {
    let mut names = Vec::new();
    expression.each_term(&mut |term| match &term.selector {
        Selector::GroupNamed(group) if group.source.is_none() => names.push(group.name.as_str()),
        Selector::Groups(group) if group.source.is_none() => {
            if let [Part::Literal(name)] = group.name.parts() {
                names.push(name.as_str());
            }
        }
        _ => {}
    });
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(groups: &[(&str, &str)]) -> Result<OwnGroups, ValidationError> {
        OwnGroups::new(groups.iter().map(|(name, text)| (GroupName::new(name).unwrap(), (*text).to_owned())))
    }

    #[test]
    fn groups_that_contain_themselves_are_refused() {
        let error = own(&[("a", "@b,x"), ("b", "(y & @\"a\")"), ("c", "@c"), ("d", "web[")]).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("groups.d"), "{text}");
        assert!(own(&[("a", "x"), ("a", "y")]).unwrap_err().to_string().contains("given twice"));
        // A range of groups means those of the sources.
        assert!(own(&[("web1", "@web[1-3] & x")]).is_ok());
        let error = own(&[("a", "@b,x"), ("b", "(y & @\"a\")"), ("c", "@c")]).unwrap_err();
        let fields: Vec<&str> = error.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(fields, ["groups.a", "groups.b", "groups.c"]);
        assert!(error.to_string().contains("a -> b -> a"), "{error}");
    }

    #[test]
    fn nesting_is_bounded_in_depth_and_in_time() {
        // Every group is twice the one below it: as text, two to the power of seven.
        let mut groups: Vec<(String, String)> = vec![("g0".into(), "n[1-9]".into())];
        for level in 1..8 {
            groups.push((format!("g{level}"), format!("@g{0},@g{0}", level - 1)));
        }
        let of = |groups: &[(String, String)]| {
            OwnGroups::new(groups.iter().map(|(name, text)| (GroupName::new(name).unwrap(), text.clone())))
        };
        let known = of(&groups).unwrap();
        assert_eq!(known.reached(known.get("g7").unwrap()).len(), 8);
        // Eight layers of forty groups, each made of all of the layer below: forty to the power of seven ways.
        let layers =
            (0..8).flat_map(|layer| (0..40).map(move |group| (layer, group))).map(|(layer, group)| {
                let below: Vec<String> = (0..40).map(|group| format!("@l{}x{group}", layer - 1)).collect();
                (format!("l{layer}x{group}"), if layer == 0 { "n1".to_owned() } else { below.join(",") })
            });
        assert!(of(&layers.collect::<Vec<_>>()).is_ok());
        groups.push(("g8".into(), "@g7".into()));
        assert!(of(&groups).unwrap_err().to_string().contains("more than 8 deep"));
    }
}
