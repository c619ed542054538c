//! Requirement 5, what must not be told: secrets of every kind go through runs that succeed, fail, time out and panic, in debug
//! mode and without, and then everything that was said, shown, stored or left behind is searched for them, in every form.
//!
//! Each search has its control: the same text, given as something that is no secret, is found by it.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod bench;
mod commands;
mod core_file;
mod matrix;
mod programs;
mod tasks;

/// What a node runs: it says the variable `TOKEN`, and what it reads, in every form that tools write them in, each with its mark
/// (`pabawi_testkit::canary::said`), also in two pieces with a pause between them.
const TELLTALE: &str = r#"
import base64, html, json, os, shlex, sys, time, urllib.parse
for text in [value for value in (os.environ.get('TOKEN', ''), sys.stdin.read().strip()) if value]:
    raw = text.encode()
    forms = [('plain', text), ('quoted', shlex.quote(text)), ('json', json.dumps(text)), ('json', json.dumps(text, ensure_ascii=False)),
             ('json', json.dumps({'a': [text]}).replace(']', ' ]')), ('url', urllib.parse.quote(text)),
             ('url', urllib.parse.quote(text, safe='')), ('url', urllib.parse.quote_plus(text)), ('hex', raw.hex()),
             ('hex', raw.hex().upper()), ('html', html.escape(text)), ('html', html.escape(text, quote=False)),
             ('sql', text.replace("'", "''"))]
    for before in (b'', b'u', b'us', b'usr'):
        forms.append(('base64', base64.b64encode(before + raw).decode()))
        forms.append(('base64', base64.urlsafe_b64encode(before + raw + b' more').decode()))
    for stream in (sys.stdout, sys.stderr):
        for name, form in forms:
            print('[' + '[' + name + ':' + form + ']]', file=stream)
        half = len(text) // 3
        print('[' + '[' + 'split:' + text[:half], end='', file=stream, flush=True)
        time.sleep(0.05)
        print(text[half:] + ']' + ']', file=stream, flush=True)
print('all said', flush=True)
"#;

/// A command line that runs [`TELLTALE`] and then something else.
fn telltale(then: &str) -> String {
    format!("/usr/bin/python3 -c '{}'\n{then}", TELLTALE.replace('\'', "'\\''"))
}
