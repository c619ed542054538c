"""The hosts of a run of Pabawi, read after all other inventories. A host that those know keeps what they say of it; one
that they do not know is added with the way to it. All are in the group `pabawi_targets`, to which the run is limited: so no
name is ever read as a pattern.
"""

from __future__ import annotations

DOCUMENTATION = '''
name: pabawi_targets
short_description: the hosts of a run of Pabawi
description: Hosts that Pabawi has chosen.
options:
  plugin:
    description: The name of this plugin.
    required: true
'''

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.utils.unsafe_proxy import wrap_var

GROUP = 'pabawi_targets'


class InventoryModule(BaseInventoryPlugin):
    NAME = 'pabawi_targets'

    def verify_file(self, path):
        return path.endswith('targets.pabawi.yml') and super().verify_file(path)

    def parse(self, inventory, loader, path, cache=True):
        super().parse(inventory, loader, path, cache)
        inventory.add_group(GROUP)
        for target in loader.load_from_file(path, cache='none')['targets']:
            name = str(target['name'])
            is_known = name in inventory.hosts
            # Not `add_child` and `set_variable`, which take a group of that name where there is one.
            inventory.add_host(name, group=GROUP)
            if is_known:
                continue
            for key, value in target['variables'].items():
                # A value is never a template.
                inventory.hosts[name].set_variable(key, wrap_var(value))
            for group in target['groups']:
                inventory.add_group(group)
                inventory.add_host(name, group=group)
