//! Whether a person has to say yes first: [`ask`].

use std::io::IsTerminal as _;

use pabawi::plugin::RiskLevel;

use crate::args::{CareArgs, SelectionArgs};
use crate::exit::{Exit, Failure};
use crate::prompt::ask_yes;

/// Asks before something that is dangerous by itself, and on a terminal before something that is done to all nodes. Nobody is
/// asked where there is no terminal: what is dangerous is refused there.
///
/// # Errors
/// A person who said no, and nobody to ask.
pub(crate) fn ask(
    what: &str,
    risk: RiskLevel,
    care: CareArgs,
    selection: &SelectionArgs,
) -> Result<(), Failure> {
    let stdin = std::io::stdin();
    let is_everywhere = risk >= RiskLevel::Write && is_everything(selection) && stdin.is_terminal();
    let is_dangerous = risk >= RiskLevel::Admin;
    if care.yes || care.dry_run || !(is_everywhere || is_dangerous) {
        return Ok(());
    }
    if !stdin.is_terminal() {
        return Err(Failure::usage(format!(
            "--yes: {what} is dangerous (risk {}), and there is no terminal to ask on; look with --dry-run, then add --yes",
            risk.as_str()
        )));
    }
    let place = if is_everywhere { " on all nodes" } else { "" };
    let danger = if is_dangerous { format!(" (risk {})", risk.as_str()) } else { String::new() };
    if ask_yes(&format!("{what}{place}{danger}?"))? {
        return Ok(());
    }
    Err(Failure { exit: Exit::Cancelled, message: "not confirmed; nothing was started".to_owned() })
}

/// Whether all nodes are meant, by the words that mean it.
fn is_everything(selection: &SelectionArgs) -> bool {
    let terms = selection.targets.iter().flat_map(|text| text.split(','));
    selection.dialect.limit.is_none() && terms.map(str::trim).any(|term| matches!(term, "all" | "*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_nodes_are_known_by_the_words_for_them() {
        let of =
            |text: &str| is_everything(&SelectionArgs { targets: vec![text.into()], ..Default::default() });
        for (text, is) in [
            ("all", true),
            ("*", true),
            ("web1, all", true),
            ("all!web1", false),
            ("web*", false),
            ("", false),
        ] {
            assert_eq!(of(text), is, "{text}");
        }
    }

    /// Tests have no terminal, so that nobody is asked and what is dangerous is refused.
    #[test]
    fn what_is_dangerous_is_refused_where_nobody_can_be_asked() {
        let selection = SelectionArgs::default();
        let none = CareArgs::default();
        assert!(ask("x", RiskLevel::Execute, none, &selection).is_ok());
        if std::io::stdin().is_terminal() {
            return;
        }
        let error = ask("destroy vm1", RiskLevel::Admin, none, &selection).unwrap_err();
        assert!(error.message.starts_with("--yes: destroy vm1 is dangerous"), "{error}");
        assert!(ask("x", RiskLevel::Admin, CareArgs { yes: true, ..none }, &selection).is_ok());
        assert!(ask("x", RiskLevel::Admin, CareArgs { dry_run: true, ..none }, &selection).is_ok());
    }
}
