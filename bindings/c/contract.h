/*
 * libpabawi: run commands, scripts and copies on many nodes, and remember what happened.
 *
 * THE CONTRACT
 *
 * Texts      in are UTF-8 as a pointer and a length in bytes; no 0 is needed at the end, and at most 64 MiB are taken. They are
 *            copied or read before the function returns. NULL with the length 0 is no text. What crosses is JSON; its shapes stand
 *            in pabawi_schemas, and names of its fields are those that failures name.
 *
 * Out        parameters are written only when a function returns PABAWI_OK, `error` only when it does not. Set them to NULL or
 *            to zeroes first. NULL for `error` means that the reason is not wanted; for other out parameters it is an error where
 *            the function does not say that it may be NULL.
 *
 * Statuses   are numbers, see below. PABAWI_END has no error object, every other failure has one, which is the program's and has
 *            to be freed with pabawi_error_free. Accessors of errors never fail.
 *
 * Handles    (pabawi_config, pabawi_engine, pabawi_session, pabawi_operation, pabawi_events, pabawi_completion, pabawi_error) are
 *            numbers that look like pointers and lead nowhere. A handle that was freed, that is of another kind, or that is garbage is told as
 *            PABAWI_BAD_HANDLE, also by the function that frees; no number is given out twice. NULL can be freed. What a handle
 *            stands for stays until the calls that use it have returned, so that it can be freed meanwhile by another thread.
 *
 * Ownership  is the program's for handles and pabawi_bytes that it was given, each to be given back by the function of its name.
 *            They do not depend on each other's order: a session may be freed before or after its engine. Texts of errors are
 *            there until the error is freed. Nothing of the library is freed with free(3), nothing of the program by the library.
 *
 * Threads    may call every function at any time, also on the same handle. No function must be called in a signal handler or
 *            between fork(2) and exec(2); an engine does not live on in a child process.
 *
 * Functions  of the program (callbacks) are called on threads of the library, at most 512 at once, and may block and call every
 *            function of the library, also to free what they belong to. They must not throw exceptions or jump out. Each is called
 *            with the `user_data` it was given with, which must be usable on any thread until its last call has returned.
 *            After pabawi_engine_free has returned, none is begun to be called. Texts that they are given have no 0 at the end.
 *            Half of the threads are for those that listen to events (PABAWI_LIMIT_REACHED beyond); of more than 512 that wait
 *            for a thread at the end of an engine, those that get none within 5 s are not called any more.
 *
 * Signals    are the program's, but for SIGPIPE: where it has its default action (signal(7)), pabawi_engine_new sets it to be
 *            ignored, since a write to a command that has ended would end the program. Commands get the default.
 *
 * Panics     are faults of this library. They end at its border as PABAWI_PANIC, and nothing unwinds into the program. Only then
 *            the library prints: where it happened, to standard error.
 *
 * ABI        PABAWI_ABI_VERSION and the SONAME change together, and only when programs must be compiled anew. Numbers, names and
 *            the shapes of structs stay; functions, constants, and fields at the end of tables of functions may come.
 */
