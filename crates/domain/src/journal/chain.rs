//! The hash that binds an entry to the one before it: [`LinkContent`].
//!
//! Each node has a chain of its own. The hash of an entry is SHA-256 over the hash of the entry before it and over everything
//! that is stored of the entry, so that nothing of it can be changed, left out or put in between without a trace.

use sha2::{Digest, Sha256};

use crate::output::ContentHash;

/// What stands before the first entry of a node.
pub const CHAIN_START: ContentHash = ContentHash([0; 32]);

/// Names what follows, so that another form of it can never be mistaken for this one.
const FORM: &[u8] = b"pabawi-journal-1";

/// What is stored of an entry, as it is stored: times in nanoseconds since the Unix epoch, details as their JSON text.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "each is the column of that name")]
pub struct LinkContent<'a> {
    pub node: &'a str,
    pub seq: u64,
    pub id: &'a str,
    pub at: i64,
    pub event_type: &'a str,
    pub source: &'a str,
    pub execution_id: Option<&'a str>,
    pub user: Option<&'a str>,
    pub action: &'a str,
    pub result_status: Option<&'a str>,
    pub summary: &'a str,
    pub details: Option<&'a str>,
    pub supersedes: Option<&'a str>,
}

impl LinkContent<'_> {
    /// The entry's hash, after an entry with that hash.
    pub fn hash(&self, prev: ContentHash) -> ContentHash {
        let mut hash = Sha256::new();
        hash.update(FORM);
        hash.update(prev.0);
        hash.update(self.seq.to_be_bytes());
        hash.update(self.at.to_be_bytes());
        let fields = [
            Some(self.node),
            Some(self.id),
            Some(self.event_type),
            Some(self.source),
            self.execution_id,
            self.user,
            Some(self.action),
            self.result_status,
            Some(self.summary),
            self.details,
            self.supersedes,
        ];
        for field in fields {
            // The length keeps the end of one field from being taken for the beginning of the next.
            match field {
                Some(text) => {
                    hash.update([1]);
                    hash.update((text.len() as u64).to_be_bytes());
                    hash.update(text.as_bytes());
                }
                None => hash.update([0]),
            }
        }
        ContentHash(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> LinkContent<'static> {
        LinkContent {
            node: "web1",
            seq: 7,
            id: "00000000-0000-8000-8000-000000000001",
            at: -5,
            event_type: "note",
            source: "user",
            execution_id: None,
            user: Some("ada"),
            action: "add_note",
            result_status: None,
            summary: "text",
            details: Some("{}"),
            supersedes: None,
        }
    }

    /// A hash that is stored today has to be found again for as long as the journal is kept.
    #[test]
    fn the_form_of_the_hash_stays() {
        let hash = content().hash(CHAIN_START).to_string();
        assert_eq!(hash, "59bbcccc082a311c7a0242d4bbd42792277d631e1a6c98e98a5328122eef8b49");
    }

    #[test]
    fn every_field_and_the_entry_before_count() {
        let base = content();
        let mut all = vec![base.hash(CHAIN_START), base.hash(ContentHash([1; 32]))];
        for changed in [
            LinkContent { node: "web2", ..base },
            LinkContent { seq: 8, ..base },
            LinkContent { id: "x", ..base },
            LinkContent { at: -4, ..base },
            LinkContent { event_type: "notes", source: "ser", ..base },
            LinkContent { source: "users", ..base },
            LinkContent { execution_id: Some(""), ..base },
            LinkContent { user: None, ..base },
            LinkContent { action: "", ..base },
            LinkContent { result_status: Some("x"), ..base },
            LinkContent { summary: "text ", ..base },
            LinkContent { details: None, ..base },
            LinkContent { supersedes: Some("x"), ..base },
        ] {
            all.push(changed.hash(CHAIN_START));
        }
        let different: std::collections::BTreeSet<_> = all.iter().map(|hash| hash.0).collect();
        assert_eq!(different.len(), all.len());
    }
}
