#!/usr/bin/env python3
"""Stands for `bolt` (4.0 and OpenBolt 5): its command line, its files and its JSON, as far as the tests go. Targets are this
machine, and their names say what becomes of them. STANDIN_MODE makes it misbehave; STANDIN_LOG notes each call."""

import json
import os
import re
import signal
import subprocess
import sys
import time

FLAGS = {'no-save-rerun', 'version'}
WITH_VALUE = {'format', 'project', 'inventoryfile', 'concurrency', 'targets', 'params', 'env-var'}
MODE = os.environ.get('STANDIN_MODE', '')
TASKS = {
    'echo': ({'message': 'String', 'times': 'Optional[Integer]'}, True),
    'package': ({'name': 'String[1]', 'action': 'Enum[install, status]'}, True),
    'facts': ({}, False), 'fail': ({}, False), 'broken': ({}, False), 'mixed': ({}, False), 'hold': ({}, False),
}
PLANS = {'deploy': 'Puts it there', 'abort': 'Fails on some', 'greet': None}


class BoltError(Exception):
    def __init__(self, kind, message, code=1, details=None, issue=None):
        super().__init__(message)
        self.told = {'kind': kind, 'msg': message, 'details': details or {}}
        if issue:
            self.told['issue_code'] = issue
        self.code = code


def say(text):
    sys.stdout.write(text + '\n')
    sys.stdout.flush()


def parsed(argv):
    """Options and operands, as Ruby's OptionParser takes them apart."""
    options, operands, words = {}, [], list(argv)
    while words:
        word = words.pop(0)
        if word == '--':
            operands += words
            break
        if not word.startswith('-') or word == '-':
            operands.append(word)
            continue
        name, _, value = word[2:].partition('=')
        if not word.startswith('--') or name not in FLAGS | WITH_VALUE or (name in WITH_VALUE and '=' not in word):
            say(f"Unknown argument '{word}'")
            sys.exit(1)
        options.setdefault(name, []).append(value)
    return options, operands


def argument(value):
    """`@file`, or the text itself."""
    return open(value[1:], encoding='utf-8').read() if value.startswith('@') else value


def inventory(options):
    path = options.get('inventoryfile', [None])[0]
    return json.load(open(path, encoding='utf-8')) if path else {}


def groups(group):
    names = {}
    for child in group.get('groups', []):
        members = [target if isinstance(target, str) else target['name'] for target in child.get('targets', [])]
        names[child['name']] = members
        names.update(groups(child))
    return names


def targets_of(options, told):
    found = []
    for name in re.split(r'[\s,]+', argument(options['targets'][0])):
        if name == 'all':
            found += [target['name'] for target in told.get('targets', []) if isinstance(target, dict)]
        elif re.search(r'[*?\[\]{}]', name):
            raise BoltError('bolt.inventory/wildcard-error', f'Found 0 targets matching wildcard pattern {name}')
        elif name:
            found += groups(told).get(name, [name])
    return found


def connected(target, told):
    """Raises what is wrong with the way to a target."""
    connect = 'puppetlabs.tasks/connect-error'
    for start, kind, message, issue in [
        ('refused', connect, f'Failed to connect to {target}: Connection refused - connect(2)', 'CONNECT_ERROR'),
        ('slow', connect, f'Timeout after 10 seconds connecting to {target}', 'CONNECT_ERROR'),
        ('noname', connect, f'Failed to connect to {target}: getaddrinfo: Name or service not known', 'CONNECT_ERROR'),
        ('auth', connect, f'Authentication failed for user root@{target}', 'AUTH_ERROR'),
        ('newkey', connect, f'Host key verification failed for {target}: fingerprint SHA256:x is unknown', 'HOST_KEY_ERROR'),
        ('oldkey', connect, f'Host key verification failed for {target}: fingerprint SHA256:x does not match',
         'HOST_KEY_ERROR'),
        ('nosudo', 'puppetlabs.tasks/escalate-error', f'Sudo password for user root was not provided for {target}',
         'NO_PASSWORD'),
    ]:
        if target.startswith(start):
            raise BoltError(kind, message, issue=issue)


def process(words, environment=None):
    ran = subprocess.run(words, capture_output=True, env={**os.environ, **(environment or {})}, check=False,
                         stdin=subprocess.DEVNULL)
    out, err = (text.decode('utf-8', 'replace') for text in (ran.stdout, ran.stderr))
    value = {'stdout': out, 'stderr': err, 'merged_output': out + err, 'exit_code': ran.returncode}
    if ran.returncode != 0:
        value['_error'] = {'kind': 'puppetlabs.tasks/command-error', 'issue_code': 'COMMAND_ERROR',
                           'msg': f'The command failed with exit code {ran.returncode}',
                           'details': {'exit_code': ran.returncode}}
    return value


def task(name, parameters, target, told):
    own = {key: value for key, value in parameters.items() if not key.startswith('_')}
    if name == 'echo':
        return {'_output': f"{own['message']} on {target}\n" * own.get('times', 1)}
    if name == 'package':
        return {'status': 'installed', 'version': '1.0', 'noop': parameters.get('_noop', False), 'name': own['name']}
    if name == 'facts':
        if target.startswith('nofacts'):
            return {'_error': {'kind': 'puppetlabs.tasks/task-error', 'issue_code': 'TASK_ERROR',
                               'msg': 'The task failed with exit code 1', 'details': {'exit_code': 1}}}
        return {'os': {'name': 'Debian', 'family': 'Debian'}, 'networking': {'hostname': target}}
    if name == 'fail':
        return {'_output': 'half done', '_error': {
            'kind': 'puppetlabs.tasks/task-error', 'issue_code': 'TASK_ERROR', 'details': {'exit_code': 5},
            'msg': 'The task failed with exit code 5'}}
    if name == 'broken':
        return {'_error': {'kind': 'mymodule/broken', 'msg': 'nothing works', 'details': {}}}
    if name == 'mixed':
        described = [entry for entry in told.get('targets', []) if isinstance(entry, dict) and entry['name'] == target]
        return {'described': described[0] if described else None}
    while not os.path.exists(own['go']):
        time.sleep(0.05)
    return {'_output': own['token']}


def check(name, parameters):
    if name not in TASKS:
        raise BoltError('bolt/unknown-task', f"Could not find a task named '{name}'.")
    types = TASKS[name][0]
    for given in parameters:
        if not given.startswith('_') and types and given not in types:
            raise BoltError('bolt/validation-error', f"Task {name}: has no parameter named '{given}'")
    for wanted, kind in types.items():
        if wanted not in parameters and not kind.startswith('Optional'):
            raise BoltError('bolt/validation-error', f"Task {name}: expects a value for parameter '{wanted}'")


def item(target, action, name, value):
    return {'target': target, 'action': action, 'object': name, 'value': value,
            'status': 'failure' if '_error' in value else 'success'}


def results(targets, action, name, work, told):
    for target in targets:
        try:
            connected(target, told)
            value = work(target)
        except BoltError as error:
            value = {'_error': error.told}
        one = item(target, action, name, value)
        # In the order in which Bolt prints them.
        yield {key: one[key] for key in ('target', 'action', 'object', 'status', 'value')}


def run(action, options, operands, told):
    targets = targets_of(options, told)
    say('{ "items": [')
    name = operands[0]
    try:
        if action == 'command':
            text = argument(name)
            one = lambda target: process(['sh', '-c', text], {'TARGET': target})
        elif action == 'script':
            os.chmod(name, 0o700)
            given = dict(pair.split('=', 1) for pair in options.get('env-var', []))
            one = lambda target: process([name, *operands[1:]], {'TARGET': target, **given})
        else:
            parameters = json.loads(argument(options['params'][0]))
            check(name, parameters)
            one = lambda target: task(name, parameters, target, told)
        failed, first = False, True
        for result in results(targets, action, name, one, told):
            if not first:
                say(',')
            first = False
            failed = failed or result['status'] == 'failure'
            say(json.dumps(result, ensure_ascii=False))
            if MODE == 'truncated':
                sys.stdout.write(',\n{"target": "')
                sys.exit(0)
            if MODE == 'killed':
                os.kill(os.getpid(), signal.SIGKILL)
    except BoltError as error:
        say('],\n')
        say('"_error": ')
        say(json.dumps(error.told))
        say('}')
        return 0 if MODE == 'calm' else error.code
    say('],\n')
    say(f'"target_count": {len(targets)}, "elapsed_time": 1 }}')
    return 0 if MODE == 'calm' else 2 if failed else 0


def plan(name, options, told):
    parameters = json.loads(argument(options['params'][0]))
    targets = targets_of(options, told)
    if name not in PLANS:
        raise BoltError('bolt/unknown-plan', f"Could not find a plan named '{name}'.")
    sys.stderr.write(f'Starting: plan {name}\n')
    sys.stderr.flush()
    if name == 'greet':
        say(json.dumps({'greeting': f"hello {parameters['whom']}"}))
        return 0
    found = list(results(targets, 'task', 'x', lambda target: {'version': parameters.get('version')}, told))
    if name == 'abort':
        failed = [result for result in found if result['status'] == 'failure']
        raise BoltError('bolt/run-failure', f"Plan aborted: run_task 'x' failed on {len(failed)} target", 2,
                        {'action': 'run_task', 'object': 'x', 'result_set': failed})
    say(json.dumps(found))
    return 2 if any(result['status'] == 'failure' for result in found) else 0


def show(action, options, operands):
    project = options.get('project', ['.'])[0]
    path = [os.path.join(project, 'modules'), os.path.join(project, '.modules')]
    brought = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), 'brought')
    if action == 'module':
        say(json.dumps({**{directory: [] for directory in path}, brought: [{'name': 'facts', 'version': '1'}]}))
    elif operands:
        if operands[0] not in TASKS:
            raise BoltError(f'bolt/unknown-{action}', f"Could not find a {action} named '{operands[0]}'.")
        say(json.dumps({'name': operands[0], 'metadata': {'description': 'One'}, 'files': []}))
    elif action == 'task':
        say(json.dumps({'tasks': [['package', 'Manages packages'], ['facts', None]], 'modulepath': path}))
    else:
        say(json.dumps({'plans': sorted(PLANS.items()), 'modulepath': path}))


def misbehave():
    if MODE == 'garbage':
        say('Bolt has met an unexpected problem')
    elif MODE == 'silent':
        sys.stderr.write('no more files\n')
        sys.exit(3)
    elif MODE == 'deaf':
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say('{ "items": [')
        time.sleep(3600)
    elif MODE == 'late':
        time.sleep(3600)
    elif MODE == 'children':
        for apart in (None, os.setpgrp):
            subprocess.Popen(['sleep', os.environ['STANDIN_SLEEP']], preexec_fn=apart)
        say('{ "items": [')
        time.sleep(3600)
    elif MODE == 'flood':
        say('{ "items": [')
        sys.stdout.write('{"target":"web1","action":"command","object":"x","status":"success","value":{"stdout":"')
        for _ in range(int(os.environ['STANDIN_MIB'])):
            sys.stdout.write('x' * (1 << 20))
        say('","stderr":"","merged_output":"","exit_code":0}}\n],\n"target_count": 1, "elapsed_time": 1 }')
    elif MODE == 'noise':
        for _ in range(int(os.environ['STANDIN_MIB'])):
            sys.stdout.write('x' * (1 << 20))
    elif MODE != 'empty':
        return
    sys.exit(0)


def main():
    options, operands = parsed(sys.argv[1:])
    if 'STANDIN_LOG' in os.environ:
        with open(os.environ['STANDIN_LOG'], 'a', encoding='utf-8') as log:
            log.write(json.dumps({'argv': sys.argv[1:], 'cwd': os.getcwd()}) + '\n')
    if 'version' in options:
        say('4.0.0')
        return 0
    assert options['format'] == ['json'], options
    action, verb, *operands = operands
    if verb == 'run':
        misbehave()
    try:
        if (action, verb) == ('inventory', 'show'):
            raise BoltError('bolt/unsupported', 'the tests have no references')
        if verb == 'show':
            show(action, options, operands)
            return 0
        if action == 'plan':
            return plan(operands[0], options, inventory(options))
        return run(action, options, operands, inventory(options))
    except BoltError as error:
        say(json.dumps(error.told))
        return error.code


sys.exit(main())
