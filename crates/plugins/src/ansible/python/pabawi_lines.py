"""Tells Pabawi what happens on each host: one JSON object a line, written as soon as it is known.

Keys of a line: `m` the mark of the run, `e` the event, `h` the host or a list of hosts.
  out   s: "out" or "err", d: bytes, each as the character of its number
  end   how a host ended: k "ok", "failed", "unreachable", "stopped", "never" or "none"; msg, rc, ran: whether a task
        had run on it before
How a host ends is told by the task named as PABAWI_TASK where there is one, else by the statistics at the end.
"""

from __future__ import annotations

DOCUMENTATION = '''
name: pabawi_lines
type: stdout
short_description: one JSON object a line, for Pabawi
description: Tells Pabawi what happens on each host.
'''

import json
import os
import threading

from ansible.plugins.callback import CallbackBase

# Bytes of output in one line; a byte takes up to six characters.
PIECE = 32 * 1024
# Characters of a message; the whole of it is in the output.
MESSAGE = 4000
GROUP = 'pabawi_targets'
# What is in a result twice, or is about the way there.
INNER = ('stdout_lines', 'stderr_lines', 'invocation', 'module_stdout', 'module_stderr', 'exception', 'warnings',
         'deprecations')


def as_text(value):
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)


def as_bytes(text):
    try:
        return text.encode('utf-8', 'surrogateescape')
    except UnicodeEncodeError:
        return text.encode('utf-8', 'replace')


def with_break(text):
    return text if not text or text.endswith('\n') else text + '\n'


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = 'stdout'
    CALLBACK_NAME = 'pabawi_lines'

    def __init__(self):
        super().__init__()
        self._mark = os.environ.get('PABAWI_MARK', '')
        self._task = os.environ.get('PABAWI_TASK')
        self._shows_value = os.environ.get('PABAWI_SHOWS') == 'value'
        self._lock = threading.Lock()
        self._inventory = None
        self._plays = []
        self._begun = {}
        self._batch = set()
        self._failures = {}
        self._unreachable = {}
        self._stopped = set()

    # What is written.

    def _write(self, **event):
        event['m'] = self._mark
        data = json.dumps(event, ensure_ascii=False, default=str).encode('utf-8', 'replace') + b'\n'
        with self._lock:
            while data:
                data = data[os.write(1, data):]

    def _out(self, hosts, text, stream='out'):
        data = as_bytes(text)
        for start in range(0, len(data), PIECE):
            self._write(e='out', h=hosts, s=stream, d=data[start:start + PIECE].decode('latin-1'))

    def _end(self, host, kind, msg='', rc=None, ran=False):
        rc = rc if isinstance(rc, int) else None
        self._write(e='end', h=host, k=kind, msg=as_text(msg)[:MESSAGE], rc=rc, ran=ran)

    # The run.

    def v2_playbook_on_start(self, playbook):
        self._plays = playbook.get_plays()
        if self._plays:
            self._inventory = self._plays[0].get_variable_manager()._inventory

    def v2_playbook_on_play_start(self, play):
        self._batch = self._hosts_of(play)
        self._begun.setdefault(play._uuid, set()).update(self._batch)
        if not self._task and self._batch:
            self._out(sorted(self._batch), f'PLAY [{play.get_name().strip()}]\n')

    def v2_playbook_on_no_hosts_remaining(self):
        # Ansible ends the others when too many have failed.
        self._stopped |= self._batch

    def _stop_others(self, task):
        """A task whose failure ends all hosts of the batch, which Ansible tells nobody. Where there is a rescue they go on there."""
        if not (task.any_errors_fatal or task.run_once):
            return
        around = task._parent
        while around is not None:
            if getattr(around, 'rescue', None):
                return
            around = getattr(around, '_parent', None)
        self._stopped |= self._batch

    def _hosts_of(self, play):
        """The hosts that a play is for, in this batch where there is one."""
        try:
            return {host.get_name() for host in self._inventory.get_hosts(play.hosts)}
        except Exception:
            # A pattern that only its play can evaluate.
            return self._targets()

    def _targets(self):
        group = self._inventory.groups.get(GROUP) if self._inventory else None
        return {host.get_name() for host in group.get_hosts()} if group else set()

    # Results.

    def v2_runner_on_ok(self, result):
        self._done(result, 'changed' if result._result.get('changed') else 'ok')

    def v2_runner_on_skipped(self, result):
        self._done(result, 'skipped')

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._failures[result._host.get_name()] = result._result
            self._stop_others(result._task)
        self._done(result, 'ignored' if ignore_errors else 'failed')

    def v2_runner_on_unreachable(self, result):
        if not result._task.ignore_unreachable:
            self._unreachable[result._host.get_name()] = result._result
            self._stop_others(result._task)
        self._done(result, 'unreachable')

    def v2_runner_item_on_ok(self, result):
        self._item(result, 'changed' if result._result.get('changed') else 'ok')

    def v2_runner_item_on_failed(self, result):
        self._item(result, 'failed')

    def v2_runner_item_on_skipped(self, result):
        self._item(result, 'skipped')

    def v2_runner_retry(self, result):
        if not self._task:
            attempt, retries = result._result.get('attempts'), result._result.get('retries')
            self._out(result._host.get_name(), f'{self._name(result)} retrying ({attempt} of {retries})\n')

    def v2_runner_on_async_poll(self, result):
        if not self._task:
            job = result._result.get('ansible_job_id')
            self._out(result._host.get_name(), f'{self._name(result)} running (job {job})\n')

    def v2_on_file_diff(self, result):
        diffs = [one.get('diff') for one in result._result.get('results', [])] or [result._result.get('diff')]
        if not self._task:
            for diff in filter(None, diffs):
                self._out(result._host.get_name(), with_break(self._get_diff(diff)))

    def _name(self, result):
        return f'TASK [{result.task_name or result._task.get_name()}]'

    def _item(self, result, status):
        if not self._task:
            label = as_text(self._get_item_label(result._result))
            shown = ': ' + self._said(result._result) if status == 'failed' else ''
            self._out(result._host.get_name(), with_break(f'{self._name(result)} ({label}) {status}{shown}'))
            if status == 'failed':
                self._out_failure(result._host.get_name(), result._result)

    def _done(self, result, status):
        if self._task:
            self._done_alone(result, status)
        else:
            self._done_in_playbook(result, status)

    def _done_alone(self, result, status):
        host, values = result._host.get_name(), result._result
        if status == 'unreachable':
            return self._end(host, 'unreachable', values.get('msg', ''))
        if status != 'failed' and result._task.get_name() != self._task:
            return None
        if self._shows_value:
            self._out_value(host, values)
        else:
            self._out(host, as_text(values.get('stdout', '')))
            self._out(host, as_text(values.get('stderr', '')), 'err')
        if status == 'failed' and values.get('msg') != 'non-zero return code':
            self._out(host, with_break(self._said(values)), 'err')
            self._out_failure(host, {**values, 'stdout': None, 'stderr': None})
        elif status == 'skipped':
            self._out(host, with_break(as_text(values.get('msg') or values.get('skip_reason') or 'skipped')), 'err')
        return self._end(host, 'failed' if status == 'failed' else 'ok', self._said(values), values.get('rc'))

    def _out_value(self, host, values):
        shown = {key: value for key, value in values.items() if key not in INNER and not key.startswith('_ansible')}
        facts = shown.get('ansible_facts')
        if isinstance(facts, dict) and 'ansible_env' in facts:
            # The variables of the login are no facts, and some are secrets.
            shown['ansible_facts'] = {key: value for key, value in facts.items() if key != 'ansible_env'}
        self._out(host, as_text(shown) + '\n')

    def _done_in_playbook(self, result, status):
        host, values = result._host.get_name(), result._result
        shown = ''
        if status in ('failed', 'ignored', 'unreachable'):
            shown = ': ' + self._said(values)
        elif result._task.action.rpartition('.')[2] in ('debug', 'assert'):
            own = {key: value for key, value in values.items()
                   if key not in ('changed', 'failed') and not key.startswith('_ansible')}
            shown = ': ' + as_text(own.get('msg', own))
        self._out(host, with_break(f'{self._name(result)} {status}{shown}'))
        if status == 'failed' and 'results' not in values:
            self._out_failure(host, values)

    def _out_failure(self, host, values):
        for key in ('stdout', 'module_stdout', 'stderr', 'module_stderr', 'exception'):
            if values.get(key):
                self._out(host, with_break(as_text(values[key])), 'err')

    @staticmethod
    def _said(values):
        said = values.get('msg') or values.get('censored') or values.get('reason') or values.get('stderr') or ''
        return as_text(said).strip()

    # The end.

    def v2_playbook_on_stats(self, stats):
        if self._task or self._inventory is None:
            return
        self._inventory.remove_restriction()
        missed = self._missed()
        for host in sorted(self._targets()):
            sums = stats.summarize(host)
            failed, unreachable = sums['failures'], sums['unreachable']
            line = ' '.join(f'{key}={sums[key]}' for key in sums)
            seen = any(host in hosts for hosts in self._begun.values())
            if seen:
                self._out(host, f'RECAP {line}\n')
            if unreachable:
                ran = sums['ok'] + sums['failures'] + sums['rescued'] + sums['ignored'] > 0
                self._end(host, 'unreachable', self._unreachable.get(host, {}).get('msg', ''), ran=ran)
            elif failed:
                values = self._failures.get(host, {})
                self._end(host, 'failed', self._said(values), values.get('rc'))
            elif host in self._stopped or host in missed:
                self._end(host, 'stopped' if seen else 'never')
            else:
                self._end(host, 'ok' if seen else 'none')

    def _missed(self):
        """Hosts that a play was for and that it did not come to, because others failed."""
        missed = set()
        if self._failures or self._unreachable:
            for play in self._plays:
                missed |= self._hosts_of(play) - self._begun.get(play._uuid, set())
        return missed
