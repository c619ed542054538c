//! [`Expression`]: what a target expression says, before any inventory is looked at.

use pabawi_domain::condition::{FactCondition, LastCondition};

use crate::dialect::Dialect;
use crate::expression::name_regex::NameRegex;
use crate::nodeset::Pattern;

/// The deepest nesting of parentheses that is read.
pub const MAX_DEPTH: usize = 64;

/// Terms joined by operators, evaluated strictly from left to right without precedence, as ClusterShell does:
/// `a,b!c,d` is `((a,b)!c),d`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// The first term.
    pub first: Term,
    /// The terms after it, each with the operator before it.
    pub rest: Vec<(Operator, Term)>,
}

impl Expression {
    /// The terms with the operator before each; the first has none.
    pub fn terms(&self) -> impl Iterator<Item = (Option<Operator>, &Term)> {
        std::iter::once((None, &self.first)).chain(self.rest.iter().map(|(op, term)| (Some(*op), term)))
    }

    /// Calls `look` for every term, also for those within parentheses.
    pub fn each_term<'a>(&'a self, look: &mut impl FnMut(&'a Term)) {
        // As deep as parentheses may be nested.
        for (_, term) in self.terms() {
            look(term);
            if let Selector::Nested(inner) = &term.selector {
                inner.each_term(look);
            }
        }
    }

    /// Whether it could mean nodes that it does not name: `all`, a glob, a group.
    pub fn enumerates(&self) -> bool {
        let mut enumerates = false;
        self.each_term(&mut |term| {
            enumerates |=
                !matches!(term.selector, Selector::Names(_) | Selector::Destination(_) | Selector::Nested(_));
        });
        enumerates
    }

    /// Whether it asks for facts or for the history, beyond the inventory.
    pub fn needs_knowledge(&self) -> bool {
        let mut needs = false;
        self.each_term(&mut |term| needs |= matches!(term.selector, Selector::Fact(_) | Selector::Last(_)));
        needs
    }
}

/// How a term changes what was selected before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operator {
    /// `,`: the nodes of both.
    Union,
    /// `&`: those that are in both.
    Intersection,
    /// `!`: those before it without those of the term.
    Difference,
    /// `^`: those that are in one of both and not in the other.
    SymmetricDifference,
}

impl Operator {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Union, Self::Intersection, Self::Difference, Self::SymmetricDifference];

    /// The character by which it is written.
    pub fn sign(self) -> char {
        match self {
            Self::Union => ',',
            Self::Intersection => '&',
            Self::Difference => '!',
            Self::SymmetricDifference => '^',
        }
    }

    /// The operator of that character.
    pub(crate) fn of(sign: char) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.sign() == sign)
    }
}

/// One term and where it stands.
#[derive(Debug, Clone)]
pub struct Term {
    /// Its first character, counted from 1.
    pub column: usize,
    /// What it selects.
    pub selector: Selector,
}

/// Two terms are equal when they select the same; where they stand makes no difference.
impl PartialEq for Term {
    fn eq(&self, other: &Self) -> bool {
        self.selector == other.selector
    }
}

impl Eq for Term {}

/// What a term selects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// Nodes by name; the pattern holds no `*` and no `?`.
    Names(Pattern),
    /// A destination `[user@][address]:port` whose address stands in brackets.
    Destination(String),
    /// Nodes of the inventory whose name matches one of the pattern's names as a glob.
    Glob(Pattern),
    /// Nodes of the inventory in whose name the regular expression is found.
    Regex(NameRegex),
    /// Members of groups; the names may be globs.
    Groups(GroupRef<Pattern>),
    /// Members of the group of exactly that name.
    GroupNamed(GroupRef<String>),
    /// Every node of the inventory.
    All,
    /// Nodes by what is known of them.
    Fact(FactCondition),
    /// Nodes by how the last run on them ended.
    Last(LastCondition),
    /// What another tool would select.
    Foreign(Dialect, String),
    /// An expression in parentheses.
    Nested(Box<Expression>),
}

/// A group, and the source whose group is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRef<Name> {
    /// The source; the groups of all sources together when there is none.
    pub source: Option<String>,
    /// The group.
    pub name: Name,
}
