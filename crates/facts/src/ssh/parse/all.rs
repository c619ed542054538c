//! All facts of a node: [`facts`].

use super::{disks, machine, memory, mounts, network, os, processors, system};
use crate::ssh::sections::Sections;
use crate::tree::Tree;

/// All facts but those of the site.
pub(in crate::ssh) fn facts(sections: &Sections<'_>) -> Tree {
    let mut tree = Tree::default();
    os::put(sections, &mut tree);
    network::put(sections, &mut tree);
    processors::put(sections, &mut tree);
    memory::put(sections, &mut tree);
    mounts::put(sections, &mut tree);
    disks::put(sections, &mut tree);
    machine::put(sections, &mut tree);
    system::put(sections, &mut tree);
    tree
}
