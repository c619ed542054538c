//! What becomes an entry, and of which type: [`Rules`], the port [`JournalRules`]. The configuration of a plugin goes before the
//! plugin's own wish (R11.9), and that before the level of all.

use std::sync::Arc;

use pabawi_domain::journal::{JournalLevel, JournalMatter, JournalWeight, Journalling};
use pabawi_domain::ports::JournalRules;

use crate::kinds::usual_type;
use crate::settings::JournalSettings;

/// Tells what a plugin wishes, as it is now; `None` for one that there is not.
pub type PluginWishes = Arc<dyn Fn(&str) -> Option<Journalling> + Send + Sync>;

/// What becomes an entry.
#[derive(Clone)]
pub struct Rules {
    settings: Arc<JournalSettings>,
    wishes: PluginWishes,
}

impl Rules {
    /// Rules of a configuration over what plugins wish.
    pub fn new(settings: JournalSettings, wishes: PluginWishes) -> Self {
        Self { settings: Arc::new(settings), wishes }
    }

    /// The level of a plugin for what is called by one of these names, the most particular first.
    fn level(&self, plugin: &str, wish: Option<&Journalling>, names: [Option<&str>; 2]) -> JournalLevel {
        let configured = self.settings.plugins.get(plugin);
        let named = |levels: &std::collections::BTreeMap<String, JournalLevel>| {
            names.into_iter().flatten().find_map(|name| levels.get(name).copied())
        };
        configured
            .and_then(|configured| named(&configured.levels).or(configured.level))
            .or_else(|| wish.and_then(|wish| named(&wish.levels).or(wish.level)))
            .or(self.settings.level)
            .unwrap_or_default()
    }

    /// Whether an event that a plugin writes itself is kept (R11.12).
    pub(crate) fn keeps_event(&self, plugin: &str, event_type: &str, weight: JournalWeight) -> bool {
        let wish = (self.wishes)(plugin);
        self.level(plugin, wish.as_ref(), [Some(event_type), None]).keeps(weight)
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl JournalRules for Rules {
    fn entry_type(&self, matter: &JournalMatter<'_>) -> Option<String> {
        let JournalMatter { source, capability, name, weight } = *matter;
        let wish = (self.wishes)(source);
        let task = name.map(|name| format!("{capability} {name}"));
        let names = [task.as_deref(), Some(capability)];
        if !self.level(source, wish.as_ref(), names).keeps(weight) {
            return None;
        }
        let wished =
            wish.as_ref().and_then(|wish| names.into_iter().flatten().find_map(|name| wish.types.get(name)));
        Some(wished.cloned().unwrap_or_else(|| usual_type(capability, name).to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rules(settings: serde_json::Value, wish: serde_json::Value) -> Rules {
        let wish: Journalling = serde_json::from_value(wish).unwrap();
        let wishes = move |plugin: &str| (plugin == "bolt").then(|| wish.clone());
        Rules::new(serde_json::from_value(settings).unwrap(), Arc::new(wishes))
    }

    fn told(rules: &Rules, source: &str, name: &str, weight: JournalWeight) -> Option<String> {
        let matter = JournalMatter { source, capability: "task.execute", name: Some(name), weight };
        rules.entry_type(&matter)
    }

    /// R11.8: a level for all and for each plugin, and what each keeps.
    #[test]
    fn levels_are_those_of_the_plugin_or_of_all() {
        use JournalWeight::{Change, Exception, Failure, Look};
        let usual = rules(json!({}), json!({}));
        let kept = |rules: &Rules, source| {
            [Look, Change, Failure, Exception].map(|weight| told(rules, source, "x", weight).is_some())
        };
        assert_eq!(kept(&usual, "bolt"), [false, true, true, true]);
        let some =
            json!({"level": "failures", "plugins": {"ssh": {"level": "off"}, "bolt": {"level": "all"}}});
        let some = rules(some, json!({}));
        assert_eq!(kept(&some, "other"), [false, false, true, true]);
        assert_eq!(kept(&some, "ssh"), [false, false, false, true]);
        assert_eq!(kept(&some, "bolt"), [true, true, true, true]);
    }

    /// R11.9: a plugin says which of its actions are journalled and as what; the configuration has the last word.
    #[test]
    fn the_wish_of_a_plugin_holds_where_the_configuration_says_nothing() {
        use JournalWeight::{Change, Look};
        let wish = json!({
            "level": "off",
            "levels": {"task.execute": "changes", "task.execute noisy": "off", "task.execute look": "all"},
            "types": {"task.execute install": "package_install"}
        });
        let wished = rules(json!({"level": "all"}), wish.clone());
        assert_eq!(told(&wished, "bolt", "x", Change).as_deref(), Some("task_execution"));
        assert_eq!(told(&wished, "bolt", "install", Change).as_deref(), Some("package_install"));
        assert_eq!(told(&wished, "bolt", "noisy", Change), None);
        assert_eq!(told(&wished, "bolt", "look", Look).as_deref(), Some("task_execution"));
        let other = JournalMatter { source: "bolt", capability: "vm.create", name: None, weight: Change };
        assert_eq!(wished.entry_type(&other), None);
        assert!(!wished.keeps_event("bolt", "start", Change));

        let settings = json!({"plugins": {"bolt": {"levels": {"task.execute noisy": "all", "vm.create": "changes", "start": "all"}}}});
        let configured = rules(settings, wish);
        assert_eq!(told(&configured, "bolt", "noisy", Look).as_deref(), Some("task_execution"));
        assert_eq!(configured.entry_type(&other).as_deref(), Some("provision"));
        assert!(configured.keeps_event("bolt", "start", Change));
        assert_eq!(
            told(&configured, "bolt", "look", Look).as_deref(),
            Some("task_execution"),
            "the wish still holds"
        );
    }
}
