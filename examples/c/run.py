#!/usr/bin/env python3
"""The same from Python, by ctypes: any language that can call C can use the library.

    LIBPABAWI=/path/to/libpabawi.so ./run.py OPTIONS TARGETS COMMAND
"""

import ctypes
import json
import os
import sys

lib = ctypes.CDLL(os.environ.get("LIBPABAWI", "libpabawi.so.1"))

OK, TIMED_OUT, END = 0, 6, 9


class Bytes(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("len", ctypes.c_size_t), ("owner", ctypes.c_size_t)]


class Id(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 37)]


HANDLE, OUT = ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p)
TEXT = [ctypes.c_char_p, ctypes.c_size_t]
lib.pabawi_config_new.argtypes = [*TEXT, OUT, OUT]
lib.pabawi_engine_new.argtypes = [HANDLE, OUT, OUT]
lib.pabawi_session_new.argtypes = [HANDLE, *TEXT, OUT, OUT]
lib.pabawi_call.argtypes = [HANDLE, *TEXT, *TEXT, ctypes.POINTER(Bytes), OUT]
lib.pabawi_events_open.argtypes = [HANDLE, *TEXT, ctypes.POINTER(Id), OUT, OUT]
lib.pabawi_events_next.argtypes = [HANDLE, ctypes.c_int64, ctypes.POINTER(Bytes), OUT]
lib.pabawi_error_json.argtypes = [HANDLE]
lib.pabawi_error_json.restype = ctypes.c_char_p
for name in ["config", "engine", "session", "events", "error"]:
    getattr(lib, f"pabawi_{name}_free").argtypes = [HANDLE]


class PabawiError(Exception):
    """A failure, with its status and what is known of it."""

    def __init__(self, status, details):
        super().__init__(f"{details.get('code')}: {details.get('message')}")
        self.status, self.details = status, details


def check(function, *arguments):
    """Makes a call whose last argument is the place for the error."""
    error = ctypes.c_void_p()
    status = function(*arguments, ctypes.byref(error))
    if status != OK:
        details = json.loads(lib.pabawi_error_json(error) or b"{}")
        lib.pabawi_error_free(error)
        raise PabawiError(status, details)


def text(value):
    encoded = value.encode()
    return encoded, len(encoded)


def made(function, *arguments):
    handle = ctypes.c_void_p()
    check(function, *arguments, ctypes.byref(handle))
    return handle


def taken(answer):
    value = json.loads(ctypes.string_at(answer.data, answer.len))
    lib.pabawi_bytes_free(ctypes.byref(answer))
    return value


def call(session, name, **parameters):
    answer = Bytes()
    check(lib.pabawi_call, session, *text(name), *text(json.dumps(parameters)), ctypes.byref(answer))
    return taken(answer)


def events(session, wanted):
    """Events until the last."""
    stream, identity = ctypes.c_void_p(), Id()
    check(lib.pabawi_events_open, session, *text(json.dumps(wanted)), ctypes.byref(identity), ctypes.byref(stream))
    try:
        while True:
            batch = Bytes()
            try:
                check(lib.pabawi_events_next, stream, -1, ctypes.byref(batch))
            except PabawiError as error:
                if error.status == END:
                    return
                raise
            yield from taken(batch)
    finally:
        lib.pabawi_events_free(stream)


def main(options, targets, command):
    config = made(lib.pabawi_config_new, *text(options))
    engine = made(lib.pabawi_engine_new, config)
    lib.pabawi_config_free(config)
    session = made(lib.pabawi_session_new, engine, *text("ops"))
    request = {"action": {"type": "command", "command": command}, "targets": targets}
    execution = None
    for event in events(session, {"submitted": {"request": request}}):
        execution = event["executionId"]
        print(json.dumps(event))
    record = call(session, "get", id=execution)
    lib.pabawi_session_free(session)
    lib.pabawi_engine_free(engine)
    return 0 if record["status"] == "completed" else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
