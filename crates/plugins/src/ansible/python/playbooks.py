"""Finds playbooks and tells what is in them. Run by the Python of Ansible, whose parser reads them.

Reads {"project": directory, "path": playbook or null} from standard input and writes one JSON object: `playbooks` with their
paths below the project, or `playbook` with its plays and parameters, or `error`.
"""

from __future__ import annotations

import json
import os
import sys

from ansible.parsing.dataloader import DataLoader

KEYS = {'hosts', 'roles', 'tasks', 'pre_tasks', 'post_tasks', 'handlers', 'import_playbook', 'include',
        'ansible.builtin.import_playbook'}
SKIPPED = {'roles', 'group_vars', 'host_vars', 'collections', 'molecule', 'library', 'module_utils', 'venv',
           'node_modules'}
MOST_FILES = 20000
MOST_BYTES = 4 * 1024 * 1024


def load(path):
    if os.path.getsize(path) > MOST_BYTES:
        raise ValueError(f'has more than {MOST_BYTES} bytes')
    return DataLoader().load_from_file(path, cache='none')


def is_playbook(data):
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and bool(KEYS & data[0].keys())


def found(project):
    playbooks, looked = [], 0
    for directory, names, files in os.walk(project):
        names[:] = sorted(name for name in names
                          if name not in SKIPPED and not name.startswith('.') and not name.endswith('_plugins'))
        for name in sorted(files):
            if not name.endswith(('.yml', '.yaml')) or name.startswith('.'):
                continue
            looked += 1
            if looked > MOST_FILES:
                return {'playbooks': playbooks, 'truncated': True}
            path = os.path.join(directory, name)
            try:
                data = load(path)
            except Exception:
                continue
            if is_playbook(data):
                playbooks.append({'path': os.path.relpath(path, project), 'name': first_name(data)})
    return {'playbooks': playbooks, 'truncated': False}


def first_name(data):
    names = [play.get('name') for play in data if isinstance(play, dict)]
    return next((str(name) for name in names if name), None)


def count(tasks):
    total = 0
    for task in tasks if isinstance(tasks, list) else []:
        inner = [task.get(key) for key in ('block', 'rescue', 'always')] if isinstance(task, dict) else []
        total += sum(count(part) for part in inner) if any(inner) else 1
    return total


def role_name(role):
    return str(role.get('role') or role.get('name')) if isinstance(role, dict) else str(role)


def hosts_of(play):
    hosts = play.get('hosts')
    return ','.join(str(host) for host in hosts) if isinstance(hosts, list) else hosts and str(hosts)


def as_json(value):
    return json.loads(json.dumps(value, default=str))


def parameters(play):
    for prompt in play.get('vars_prompt') or []:
        if isinstance(prompt, dict) and prompt.get('name'):
            known = 'default' in prompt and prompt['default'] is not None
            private = prompt.get('private', True) is not False
            one = {'name': str(prompt['name']), 'required': not known, 'private': private, 'source': 'vars_prompt',
                   'description': prompt.get('prompt') and str(prompt['prompt'])}
            if known and not private:
                one['default'] = as_json(prompt['default'])
            yield one
    variables = play.get('vars')
    for name, value in variables.items() if isinstance(variables, dict) else []:
        yield {'name': str(name), 'required': False, 'private': False, 'source': 'vars', 'description': None,
               'default': as_json(value)}


def shown(project, path):
    data = load(os.path.join(project, path))
    if not is_playbook(data):
        raise ValueError('is no playbook: its first element has none of ' + ', '.join(sorted(KEYS)))
    plays, all_parameters = [], {}
    for play in data:
        if not isinstance(play, dict):
            continue
        imported = play.get('import_playbook') or play.get('ansible.builtin.import_playbook')
        tasks = sum(count(play.get(part)) for part in ('pre_tasks', 'tasks', 'post_tasks'))
        roles = play.get('roles')
        plays.append({'name': play.get('name') and str(play['name']), 'hosts': hosts_of(play),
                      'roles': [role_name(role) for role in roles] if isinstance(roles, list) else [],
                      'tasks': tasks, 'importPlaybook': imported and str(imported)})
        for parameter in parameters(play):
            all_parameters.setdefault(parameter['name'], parameter)
    return {'playbook': {'path': path, 'name': first_name(data), 'plays': plays,
                         'parameters': list(all_parameters.values())}}


def main():
    request = json.load(sys.stdin)
    try:
        answer = shown(request['project'], request['path']) if request['path'] else found(request['project'])
    except Exception as error:
        answer = {'error': str(error)[:2000]}
    json.dump(answer, sys.stdout)


main()
