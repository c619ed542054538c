//! [`Dialect`]: whose language, and the way to what reads it.

use pabawi_domain::node::{Node, TargetExpression};

use crate::Inventory;
use crate::dialect::{ansible, bolt};
use crate::expression::steps::Steps;
use crate::expression::{Selector, Term};

/// The longest text that another tool's language is read from, in bytes.
pub const MAX_FOREIGN_BYTES: usize = 1024 * 1024;

/// A language of another tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Host patterns of Ansible, as ansible-core 2.14 and later evaluate them.
    Ansible,
    /// Targets of Bolt, as `bolt --targets` of version 3.30 and later takes them.
    Bolt,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Ansible, Self::Bolt];

    /// The word in an expression.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ansible => "ansible",
            Self::Bolt => "bolt",
        }
    }

    /// The dialect of that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == word)
    }

    /// The text as a target expression.
    pub fn expression(self, text: &str) -> TargetExpression {
        let selector = Selector::Foreign(self, text.to_owned());
        TargetExpression::new(Term { column: 1, selector }.to_string())
    }

    /// Whether the text can be read, as far as that shows without an inventory.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn check(self, text: &str) -> Result<(), String> {
        if text.trim().is_empty() {
            return Err("names no targets".to_owned());
        }
        if text.len() > MAX_FOREIGN_BYTES {
            return Err(format!("is longer than {MAX_FOREIGN_BYTES} bytes"));
        }
        if text.contains('\0') {
            return Err("must not contain a NUL byte".to_owned());
        }
        Ok(())
    }

    /// The nodes that the tool would select, in its order; one may come twice.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn select(
        self,
        text: &str,
        inventory: &Inventory,
        steps: &mut Steps,
    ) -> Result<Vec<Found>, String> {
        match self {
            Self::Ansible => ansible::select(text, inventory, steps),
            Self::Bolt => bolt::select(text, inventory, steps),
        }
    }
}

/// A node that another tool would select.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    /// The place of a node of the inventory.
    Known(usize),
    /// A node that the tool makes of a name.
    New(Box<Node>),
}
