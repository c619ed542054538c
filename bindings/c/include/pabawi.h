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

#ifndef PABAWI_H
#define PABAWI_H

/* Made by `cargo xtask header` of the Rust sources. */

#include <stddef.h>
#include <stdint.h>

/**
 * The number of the interface of this header. It goes up when a program that was compiled with an older header cannot use the
 * library any more, and the SONAME with it. Functions, constants and fields at the end of tables of functions may come without.
 */
#define PABAWI_ABI_VERSION 1

/**
 * An answer that a function of the program owes.
 */
typedef struct pabawi_completion pabawi_completion;

/**
 * Options of an engine, and what is registered with it. One engine is made of it.
 */
typedef struct pabawi_config pabawi_config;

/**
 * The framework, with threads of its own.
 */
typedef struct pabawi_engine pabawi_engine;

/**
 * Why a call failed.
 */
typedef struct pabawi_error pabawi_error;

/**
 * A stream of events.
 */
typedef struct pabawi_events pabawi_events;

/**
 * A call that goes on beside the program.
 */
typedef struct pabawi_operation pabawi_operation;

/**
 * An engine as one user uses it. Every call is made for that user, and the engine's authorizer decides about it.
 */
typedef struct pabawi_session pabawi_session;

/**
 * How a call ended: PABAWI_OK, or the number of the failure. Numbers never change their meaning, and the number of a failure
 * that is not used any more is given to no other. New ones may come: treat an unknown number as a failure.
 */
typedef int32_t pabawi_status;

/**
 * A text of the library, which the program has to give back with pabawi_bytes_free. It does not change, and is there until then,
 * also when everything else was freed. An empty one is `{NULL, 0, 0}`.
 */
typedef struct pabawi_bytes {
    /**
     * UTF-8. One byte 0 follows, which does not count.
     */
    const char *data;
    /**
     * Bytes of it.
     */
    size_t len;
    /**
     * By which pabawi_bytes_free knows it. Not for anybody else.
     */
    size_t owner;
} pabawi_bytes;

/**
 * The id of an execution or of a run of a graph: a text as in JSON, that may be kept, copied, compared and printed.
 */
typedef struct pabawi_id {
    /**
     * The text, with a 0 at its end.
     */
    char text[37];
} pabawi_id;

/**
 * Is told the answer of a call: with PABAWI_OK the answer, else `error`, which is the library's, as are all texts; they are there
 * until the function returns. It is called exactly once, on a thread of the library, and may block and call the library.
 */
typedef void (*pabawi_answer_fn)(void *user_data,
                                 pabawi_status status,
                                 const char *answer,
                                 size_t answer_len,
                                 const struct pabawi_error *error);

/**
 * Is told events, a JSON list of at least one, in order and never two calls at once. The last call has no events but the reason
 * of the end: PABAWI_END after the last event, PABAWI_ABORTED when the stream was freed, PABAWI_CLOSED when the engine was, else
 * a failure with `error`. It always comes, and afterwards `user_data` is not used any more. All texts are the library's, and are
 * there until the function returns.
 */
typedef void (*pabawi_events_fn)(void *user_data,
                                 pabawi_status status,
                                 const char *events,
                                 size_t events_len,
                                 const struct pabawi_error *error);

/**
 * Gives back what a table has. It is called once, when the engine, or the configuration of which no engine was made, was freed
 * and no other function of the table runs: by whoever frees it, or, where a function has not returned by then, when that has.
 * Where a table is refused, it is not called.
 */
typedef void (*pabawi_destroy_fn)(void *user_data);

/**
 * Is asked something: `request` is a JSON object, which is there until the function returns. The answer is given to `completion`,
 * before or after the function returns and by any thread: by pabawi_completion_finish or pabawi_completion_fail. The completion is
 * the program's, which has to free it. What is asked meanwhile is asked by another thread, so that many calls may run at once.
 */
typedef void (*pabawi_ask_fn)(void *user_data,
                              const char *request,
                              size_t request_len,
                              struct pabawi_completion *completion);

/**
 * A plugin: functions that answer what docs/external-plugins.md has programs asked, in the same JSON. One at least of run, call,
 * inventory and facts must be there. Fields may come at the end.
 */
typedef struct pabawi_plugin {
    /**
     * `sizeof(pabawi_plugin)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * Does an action on nodes: `{capability, action, targets: [{node, …}], executionId, correlationId, config}`. What becomes of each
     * node is told in lines of JSON, by pabawi_completion_tell as it happens, or with the end: `{"node", "stdout"}`,
     * `{"node", "stderr"}`, `{"node", "exited": 0}`, `{"node", "failed": {"code", "message"}}`. pabawi_completion_fail ends all nodes
     * that have not ended. NULL without actions.
     */
    pabawi_ask_fn run;
    /**
     * Answers what is no action: `{capability, parameters, nodes, caller, config}`. NULL without such.
     */
    pabawi_ask_fn call;
    /**
     * Gets ready, before anything else: `{config}`. NULL where there is nothing to do.
     */
    pabawi_ask_fn initialize;
    /**
     * Says how it is: `{"state": "healthy"}`, `{"state": "degraded", "message", "working", "failing"}`, `{"state": "unhealthy",
     * "message"}`. NULL where it is always well.
     */
    pabawi_ask_fn health;
    /**
     * Lists its nodes, as in pabawi_source. NULL without an inventory.
     */
    pabawi_ask_fn inventory;
    /**
     * Has facts, as in pabawi_fact_provider. NULL without.
     */
    pabawi_ask_fn facts;
    /**
     * Lets go of what it holds, after its last run: `{config}`. NULL where there is nothing to do.
     */
    pabawi_ask_fn shutdown;
} pabawi_plugin;

/**
 * A source of nodes and groups. Fields may come at the end.
 */
typedef struct pabawi_source {
    /**
     * `sizeof(pabawi_source)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * Lists everything: `{"nodes": [{"id", "endpoint", "groups", "aliases", "metadata"}], "groups": [{"name", "nodes", "children"}],
     * "warnings": [TEXT]}`. What it says is kept for a while. Must not be NULL.
     */
    pabawi_ask_fn inventory;
} pabawi_source;

/**
 * A provider of facts of nodes. Fields may come at the end.
 */
typedef struct pabawi_fact_provider {
    /**
     * `sizeof(pabawi_fact_provider)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * Tells facts of `{"nodes": [NAME], "caller"}`: `{"facts": [{"node", "facts": {…}, "gatheredAt", "warnings"}], "errors": [{"node",
     * "code", "message"}]}`, one of both for each node. Must not be NULL.
     */
    pabawi_ask_fn facts;
} pabawi_fact_provider;

/**
 * Decides about callers. Whatever is no clear yes denies: a failure, another answer, none within `limits.authorizerTimeoutMs`.
 * Fields may come at the end.
 */
typedef struct pabawi_authorizer {
    /**
     * `sizeof(pabawi_authorizer)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * Whether `{user, capability, action, name, risk, plugin, nodes}` may be, of which `action`, `name`, `risk` and `plugin` may be absent: `true`,
     * `false`, or `{"allow": false, "reason": TEXT}`. It is asked before anything is recorded, and for each node again when its run
     * starts. Must not be NULL.
     */
    pabawi_ask_fn authorize;
} pabawi_authorizer;

/**
 * Is told something: `text` is JSON, which is there until the function returns.
 */
typedef void (*pabawi_tell_fn)(void *user_data, const char *text, size_t text_len);

/**
 * Is told the log of the engine. Fields may come at the end.
 */
typedef struct pabawi_log_sink {
    /**
     * `sizeof(pabawi_log_sink)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * One record, `{at, level, component, message, executionId, …, fields}`, from the option `logLevel` on; never two at once. What
     * comes while it runs waits; what there is no room for is lost, and a record says how much. Must not be NULL.
     */
    pabawi_tell_fn log;
} pabawi_log_sink;

/**
 * Is told what is measured. Fields may come at the end.
 */
typedef struct pabawi_metrics_sink {
    /**
     * `sizeof(pabawi_metrics_sink)`.
     */
    size_t struct_size;
    /**
     * Given to each function.
     */
    void *user_data;
    /**
     * May be NULL.
     */
    pabawi_destroy_fn destroy;
    /**
     * A JSON list of `{"type": "count", "name", "by", "labels"}`, `{"type": "gauge", "name", "value", "labels"}` and `{"type":
     * "duration", "name", "seconds", "labels"}`; never two calls at once. What there is no room for is lost, and
     * `pabawi_sink_measurements_lost_total` says how much. Must not be NULL.
     */
    pabawi_tell_fn record;
} pabawi_metrics_sink;

/**
 * The call did what it is for.
 */
#define PABAWI_OK 0

/**
 * An argument that must not be NULL is.
 */
#define PABAWI_NULL_POINTER 1

/**
 * No handle of that kind: it was freed, is of another kind, or was never given out.
 */
#define PABAWI_BAD_HANDLE 2

/**
 * A text is not UTF-8.
 */
#define PABAWI_BAD_UTF8 3

/**
 * A length is not possible, or the text is longer than 64 MiB.
 */
#define PABAWI_BAD_LENGTH 4

/**
 * A table of functions lacks what it must have: `struct_size` or a function.
 */
#define PABAWI_BAD_TABLE 5

/**
 * What was waited for has not happened in time. It goes on.
 */
#define PABAWI_TIMED_OUT 6

/**
 * The call was given up.
 */
#define PABAWI_ABORTED 7

/**
 * A fault of this library, caught at its border. The engine may go on.
 */
#define PABAWI_PANIC 8

/**
 * Nothing more comes. This is no fault, and there is no error object for it.
 */
#define PABAWI_END 9

/**
 * The engine was freed.
 */
#define PABAWI_CLOSED 10

/**
 * A pointer is not aligned for what it points to.
 */
#define PABAWI_BAD_POINTER 11

/**
 * It was done before and can be done once only.
 */
#define PABAWI_ALREADY 12

/**
 * It would have to wait, on a thread on which the engine works.
 */
#define PABAWI_WOULD_DEADLOCK 13

/**
 * A field of the request is bad.
 */
#define PABAWI_VALIDATION 100

/**
 * The authorizer said no, or could not be asked.
 */
#define PABAWI_DENIED 101

/**
 * The command policy does not allow the command.
 */
#define PABAWI_COMMAND_NOT_ALLOWED 102

/**
 * No such execution, node or record.
 */
#define PABAWI_NOT_FOUND 103

/**
 * A target is in no inventory.
 */
#define PABAWI_UNKNOWN_TARGET 104

/**
 * Nothing registered can do this action.
 */
#define PABAWI_UNSUPPORTED 105

/**
 * The queue has reached its limit.
 */
#define PABAWI_QUEUE_FULL 106

/**
 * A circuit breaker is open: what stands behind it failed again and again.
 */
#define PABAWI_BREAKER_OPEN 107

/**
 * The engine is shutting down.
 */
#define PABAWI_SHUTTING_DOWN 108

/**
 * The same idempotency key came with another request.
 */
#define PABAWI_IDEMPOTENCY_CONFLICT 109

/**
 * A plan is not what would happen now.
 */
#define PABAWI_PLAN_CHANGED 110

/**
 * A plan is too old to be applied.
 */
#define PABAWI_PLAN_EXPIRED 111

/**
 * A plan was applied before.
 */
#define PABAWI_PLAN_APPLIED 112

/**
 * The store cannot read or write now.
 */
#define PABAWI_STORE_UNAVAILABLE 113

/**
 * The store holds something it cannot have written.
 */
#define PABAWI_STORE_CORRUPT 114

/**
 * The store was made by a newer version.
 */
#define PABAWI_STORE_TOO_NEW 115

/**
 * The disk of this machine is full.
 */
#define PABAWI_DISK_FULL 116

/**
 * A host name could not be resolved.
 */
#define PABAWI_DNS 117

/**
 * The TCP connection was refused.
 */
#define PABAWI_CONNECTION_REFUSED 118

/**
 * The peer closed or reset the connection before the login.
 */
#define PABAWI_CONNECTION_RESET 119

/**
 * The network says that there is no way to the node.
 */
#define PABAWI_NO_ROUTE 120

/**
 * The login was not done in time.
 */
#define PABAWI_CONNECT_TIMEOUT 121

/**
 * What answered does not speak SSH.
 */
#define PABAWI_NOT_SSH 122

/**
 * No common algorithm, or the key exchange failed.
 */
#define PABAWI_KEY_EXCHANGE 123

/**
 * The host key is in no known-hosts file.
 */
#define PABAWI_HOST_KEY_UNKNOWN 124

/**
 * The host key differs from the known one.
 */
#define PABAWI_HOST_KEY_CHANGED 125

/**
 * The host key is marked as revoked.
 */
#define PABAWI_HOST_KEY_REVOKED 126

/**
 * Every credential was refused.
 */
#define PABAWI_AUTH_FAILED 127

/**
 * There is no credential to offer.
 */
#define PABAWI_NO_CREDENTIALS 128

/**
 * A private key cannot be used: missing, unreadable, readable by others, wrong passphrase.
 */
#define PABAWI_BAD_KEY 129

/**
 * A jump host could not be passed.
 */
#define PABAWI_JUMP_FAILED 130

/**
 * The node refused a channel (RFC 4254 section 5.1).
 */
#define PABAWI_CHANNEL_REFUSED 131

/**
 * The node never answered a request, or answered against the protocol.
 */
#define PABAWI_PROTOCOL_VIOLATION 132

/**
 * The process ended and the node gave neither exit status nor signal.
 */
#define PABAWI_NO_EXIT_STATUS 133

/**
 * A detached process is gone and has not written how it ended, as after a reboot of its node.
 */
#define PABAWI_END_NOT_WRITTEN 134

/**
 * The connection was lost while the action was running.
 */
#define PABAWI_LINK_LOST 135

/**
 * The node has no usable shell.
 */
#define PABAWI_NO_SHELL 136

/**
 * The working directory cannot be entered.
 */
#define PABAWI_BAD_WORKING_DIRECTORY 137

/**
 * sudo, su or doas said no.
 */
#define PABAWI_RUN_AS_DENIED 138

/**
 * A password is needed to change the user, and none was given.
 */
#define PABAWI_RUN_AS_PASSWORD_NEEDED 139

/**
 * A file on this machine cannot be read or written.
 */
#define PABAWI_LOCAL_FILE 140

/**
 * A file on the node cannot be read or written.
 */
#define PABAWI_REMOTE_FILE 141

/**
 * The copy differs from its source.
 */
#define PABAWI_CHECKSUM_MISMATCH 142

/**
 * A setting (`ssh_config`, known-hosts file, inventory) is bad.
 */
#define PABAWI_BAD_CONFIG 143

/**
 * A service that was asked, such as PuppetDB, cannot answer now.
 */
#define PABAWI_UNAVAILABLE 144

/**
 * A limit of this side was reached.
 */
#define PABAWI_LIMIT_REACHED 145

/**
 * What was running was not done within the limit of the tool that ran it.
 */
#define PABAWI_RUN_TIMEOUT 146

/**
 * A tool says that it failed, without an exit status of its own.
 */
#define PABAWI_TOOL_FAILED 147

/**
 * A plugin threw, panicked or answered nonsense.
 */
#define PABAWI_PLUGIN_FAULT 148

/**
 * A fault of ours.
 */
#define PABAWI_INTERNAL 149

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * PABAWI_ABI_VERSION of the library that is loaded. A program that finds another number than that of its header must not go on.
 */
uint32_t pabawi_abi_version(void);

/**
 * The version of the library: "0.1.0". The text is there for ever.
 */
const char *pabawi_version(void);

/**
 * The word of a status: "ok", "validation", "timed_out"; "unknown" for a number that this library does not know. The text is there
 * for ever.
 */
const char *pabawi_status_name(pabawi_status status);

/**
 * How many handles and texts this process has been given and has not freed, of all kinds. For tests of a program.
 */
size_t pabawi_open_handles(void);

/**
 * The JSON Schemas (draft 2020-12) of all that crosses: `{calls: {NAME: {request, answer}}, requests, answers}`. References of
 * requests lead into `requests`, those of answers into `answers`; `requests.FrameworkOptions` is what pabawi_config_new takes.
 */
pabawi_status pabawi_schemas(struct pabawi_bytes *schemas,
                             struct pabawi_error **error);

/**
 * Gives a text back and makes it an empty one, of which nothing has to be given back. A copy of a text is not a text of its own:
 * giving back both is PABAWI_BAD_HANDLE for the second.
 */
pabawi_status pabawi_bytes_free(struct pabawi_bytes *bytes);

/**
 * The number of the failure; PABAWI_BAD_HANDLE for what is no error.
 */
pabawi_status pabawi_error_status(const struct pabawi_error *error);

/**
 * The word of its kind: "validation", "denied". The text is there until the error is freed; "" for what is no error.
 */
const char *pabawi_error_kind(const struct pabawi_error *error);

/**
 * The reason, for a person, in English and UTF-8. The text is there until the error is freed; "" for what is no error.
 */
const char *pabawi_error_message(const struct pabawi_error *error);

/**
 * All of it as a JSON object: `code` (the word), `message`, `retryable`, and where there are some `plugin`, `fields` (a list of
 * `{path, message}`, each with the caller's name of what is bad) and `details`. The text is there until the error is freed;
 * "" for what is no error.
 */
const char *pabawi_error_json(const struct pabawi_error *error);

/**
 * Frees an error. Nothing happens for NULL.
 */
pabawi_status pabawi_error_free(struct pabawi_error *error);

/**
 * Reads options of an engine, a JSON object; NULL with the length 0 is an empty one. Nothing is opened yet.
 *
 * All options may be left out: see `FrameworkOptions` in pabawi_schemas, and beside them `authorizer` ("allowAll", or
 * `{"policy": FILE}`; without one everything is denied) and `workerThreads`.
 */
pabawi_status pabawi_config_new(const char *options,
                                size_t options_len,
                                struct pabawi_config **config,
                                struct pabawi_error **error);

/**
 * Frees a configuration. An engine that was made of it keeps what it needs. Nothing happens for NULL.
 */
pabawi_status pabawi_config_free(struct pabawi_config *config);

/**
 * Opens the database, gets the plugins ready and starts the engine, with threads of its own. Of a configuration one engine is
 * made, also where that fails.
 */
pabawi_status pabawi_engine_new(const struct pabawi_config *config,
                                struct pabawi_engine **engine,
                                struct pabawi_error **error);

/**
 * Accepts nothing more, gives what runs `deadline_ms` milliseconds, ends it then, on the nodes too, and closes everything. The
 * report, where it is wanted (not NULL), is a JSON object of what became of the executions. Calls that come later are answered
 * with PABAWI_SHUTTING_DOWN or from what is stored; streams that are open end.
 */
pabawi_status pabawi_engine_shutdown(const struct pabawi_engine *engine,
                                     uint64_t deadline_ms,
                                     struct pabawi_bytes *report,
                                     struct pabawi_error **error);

/**
 * Frees an engine. Where it was not shut down, it is now, with the deadline 0: what runs is ended, on the nodes too.
 *
 * Calls that go on in other threads, operations and streams end with PABAWI_CLOSED, and all that is asked of its sessions is
 * answered so. Each function of the program that was to be called has its last call. This waits until all have returned, 5 s at
 * most, but for the one in which it is called itself; afterwards none is begun to be called. Nothing happens for NULL.
 */
pabawi_status pabawi_engine_free(struct pabawi_engine *engine);

/**
 * An engine as the user of that name uses it. The name is what the authorizer is asked about; whether it is true is for the
 * program to know. Sessions cost little, and one can be used by many threads at once.
 */
pabawi_status pabawi_session_new(const struct pabawi_engine *engine,
                                 const char *user,
                                 size_t user_len,
                                 struct pabawi_session **session,
                                 struct pabawi_error **error);

/**
 * Frees a session. Calls that go on in other threads are not disturbed. Nothing happens for NULL.
 */
pabawi_status pabawi_session_free(struct pabawi_session *session);

/**
 * Accepts an execution and tells its id as soon as it is on stable storage; it goes on by itself. The request is a JSON object:
 * `{"action": {"type": "command", "command": "uptime"}, "targets": "web[01-20]"}`; see `ExecutionRequest` in the schemas. Where
 * this fails, nothing was started.
 */
pabawi_status pabawi_submit(const struct pabawi_session *session,
                            const char *request,
                            size_t request_len,
                            struct pabawi_id *id,
                            struct pabawi_error **error);

/**
 * Runs a request to its end, and answers what came of it: `{record, summary}`.
 */
pabawi_status pabawi_execute(const struct pabawi_session *session,
                             const char *request,
                             size_t request_len,
                             struct pabawi_bytes *outcome,
                             struct pabawi_error **error);

/**
 * Waits for the end of an execution, also of one that another process runs, for `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT
 * when it goes on. 0 only looks, below 0 is without a limit. The outcome, where it is wanted (not NULL), is `{record, summary}`.
 */
pabawi_status pabawi_wait(const struct pabawi_session *session,
                          const struct pabawi_id *id,
                          int64_t timeout_ms,
                          struct pabawi_bytes *outcome,
                          struct pabawi_error **error);

/**
 * Where an execution stands now: its record, with `status`.
 */
pabawi_status pabawi_get(const struct pabawi_session *session,
                         const struct pabawi_id *id,
                         struct pabawi_bytes *record,
                         struct pabawi_error **error);

/**
 * Ends an execution, or some of its nodes; asking twice is asking once. Options: `{"nodes": […], "kill": true, "graceMs": N}`, or
 * nothing. The receipt, where it is wanted (not NULL), tells what was ordered; what became of it is in the outcomes of the nodes.
 */
pabawi_status pabawi_cancel(const struct pabawi_session *session,
                            const struct pabawi_id *id,
                            const char *options,
                            size_t options_len,
                            struct pabawi_bytes *receipt,
                            struct pabawi_error **error);

/**
 * Runs an execution again on chosen nodes of it, as a new one. Options: `{"selection": "failed" | "all" | …, "secrets": …}`.
 */
pabawi_status pabawi_rerun(const struct pabawi_session *session,
                           const struct pabawi_id *id,
                           const char *options,
                           size_t options_len,
                           struct pabawi_id *new_id,
                           struct pabawi_error **error);

/**
 * Starts a task graph and tells the id of its run; see `TaskGraph` in the schemas.
 */
pabawi_status pabawi_graph_run(const struct pabawi_session *session,
                               const char *graph,
                               size_t graph_len,
                               struct pabawi_id *id,
                               struct pabawi_error **error);

/**
 * As pabawi_wait, for a run of a graph. The view, where it is wanted (not NULL), has every task with its state.
 */
pabawi_status pabawi_graph_wait(const struct pabawi_session *session,
                                const struct pabawi_id *id,
                                int64_t timeout_ms,
                                struct pabawi_bytes *view,
                                struct pabawi_error **error);

/**
 * Where a run of a graph stands now: every task with its state.
 */
pabawi_status pabawi_graph_get(const struct pabawi_session *session,
                               const struct pabawi_id *id,
                               struct pabawi_bytes *view,
                               struct pabawi_error **error);

/**
 * Makes a call by its name and waits for its answer, a JSON value. The names, with what each takes and answers, stand in
 * pabawi_schemas; the functions below this one are the same for those that are wanted most. Parameters are a JSON object; NULL
 * with the length 0 is an empty one.
 */
pabawi_status pabawi_call(const struct pabawi_session *session,
                          const char *name,
                          size_t name_len,
                          const char *parameters,
                          size_t parameters_len,
                          struct pabawi_bytes *answer,
                          struct pabawi_error **error);

/**
 * Starts a call, as pabawi_call makes it, and does not wait. That it is done is learned by waiting (pabawi_operation_wait), by a
 * file descriptor (pabawi_operation_fd), or by `function`, where it is not NULL; these can be mixed. Where this fails, `function`
 * is not called. `operation` may be NULL where there is a function.
 */
pabawi_status pabawi_call_start(const struct pabawi_session *session,
                                const char *name,
                                size_t name_len,
                                const char *parameters,
                                size_t parameters_len,
                                pabawi_answer_fn function,
                                void *user_data,
                                struct pabawi_operation **operation,
                                struct pabawi_error **error);

/**
 * Waits for the answer, `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT when it is not there. 0 only looks, below 0 is without
 * a limit. Where the call failed, this fails in the same way. It may be asked for again; each time the answer is another text.
 * `answer` may be NULL.
 */
pabawi_status pabawi_operation_wait(const struct pabawi_operation *operation,
                                    int64_t timeout_ms,
                                    struct pabawi_bytes *answer,
                                    struct pabawi_error **error);

/**
 * A file descriptor (eventfd(2)) that is readable once the answer is there, for poll(2), epoll(7) and the like. It is the
 * operation's: it must be neither read nor closed, and is there until the operation is freed.
 */
pabawi_status pabawi_operation_fd(const struct pabawi_operation *operation,
                                  int32_t *fd,
                                  struct pabawi_error **error);

/**
 * Gives a call up: whoever waits for it is told PABAWI_ABORTED, unless the answer is there already. It ends no execution; that is
 * what pabawi_cancel is for.
 */
pabawi_status pabawi_operation_abort(const struct pabawi_operation *operation);

/**
 * Frees an operation. The call goes on, and its function is still called. Nothing happens for NULL.
 */
pabawi_status pabawi_operation_free(struct pabawi_operation *operation);

/**
 * Opens a stream of events. What is wanted is one of
 * - `{"execution": {"id": ID, "from": 1, "mode": "slowTheSource"}}`: those of an execution, live or replayed;
 * - `{"submitted": {"request": REQUEST, "mode": …}}`: submits, and tells all that comes of it from the start on;
 * - `{"graph": {"id": ID}}`: those of a run of a graph from now on;
 * - `{"document": {"id": ID, "format": "json" | "ndjson" | "html"}}`: no events, but all that is remembered of an execution as one
 *   document, in pieces: each is a text in a list as an event would be.
 *
 * With the mode `slowTheSource` a reader that is slow slows the execution down, in the end its nodes; with `gapWhenSlow` it misses
 * events and is told which. `id`, where it is wanted (not NULL), is that of the execution.
 */
pabawi_status pabawi_events_open(const struct pabawi_session *session,
                                 const char *wanted,
                                 size_t wanted_len,
                                 struct pabawi_id *id,
                                 struct pabawi_events **events,
                                 struct pabawi_error **error);

/**
 * The next events, a JSON list of at least one: waits for them, `timeout_ms` milliseconds at most: PABAWI_TIMED_OUT when there are
 * none. 0 only looks, below 0 is without a limit. After the last it is PABAWI_END. Where several threads ask, each event is told
 * to one of them.
 */
pabawi_status pabawi_events_next(const struct pabawi_events *events,
                                 int64_t timeout_ms,
                                 struct pabawi_bytes *batch,
                                 struct pabawi_error **error);

/**
 * A file descriptor (eventfd(2)) that is readable while pabawi_events_next would not wait. It is the stream's: it must be neither
 * read nor closed, and is there until the stream is freed.
 */
pabawi_status pabawi_events_fd(const struct pabawi_events *events,
                               int32_t *fd,
                               struct pabawi_error **error);

/**
 * Has a function told the events, on a thread of the library, until the last. One function can listen to a stream.
 */
pabawi_status pabawi_events_listen(const struct pabawi_events *events,
                                   pabawi_events_fn function,
                                   void *user_data,
                                   struct pabawi_error **error);

/**
 * Frees a stream: whoever waits for events is told PABAWI_ABORTED. The execution goes on. Nothing happens for NULL.
 */
pabawi_status pabawi_events_free(struct pabawi_events *events);

/**
 * What the sources of nodes know: `{nodes, groups, sources, warnings}`. Options: `{"freshness": "cached" | "forced" |
 * {"maxAgeMs": N}}`, or nothing.
 */
pabawi_status pabawi_inventory(const struct pabawi_session *session,
                               const char *options,
                               size_t options_len,
                               struct pabawi_bytes *answer,
                               struct pabawi_error **error);

/**
 * The targets that an expression selects now, a list: `{"expression": "web[01-20] & @linux"}`.
 */
pabawi_status pabawi_resolve(const struct pabawi_session *session,
                             const char *parameters,
                             size_t parameters_len,
                             struct pabawi_bytes *answer,
                             struct pabawi_error **error);

/**
 * Facts of nodes, merged by priority, a list of `{node, facts, providers, failures}`: `{"targets": EXPRESSION, "freshness": …}`.
 */
pabawi_status pabawi_facts(const struct pabawi_session *session,
                           const char *parameters,
                           size_t parameters_len,
                           struct pabawi_bytes *answer,
                           struct pabawi_error **error);

/**
 * Executions, newest first: `{items, next}`, by time range, user, target, status and more; see `ExecutionQuery` in the schemas.
 */
pabawi_status pabawi_history(const struct pabawi_session *session,
                             const char *query,
                             size_t query_len,
                             struct pabawi_bytes *answer,
                             struct pabawi_error **error);

/**
 * Entries of the node journal, newest first: `{items, next}`; see `JournalQuery` in the schemas.
 */
pabawi_status pabawi_journal(const struct pabawi_session *session,
                             const char *query,
                             size_t query_len,
                             struct pabawi_bytes *answer,
                             struct pabawi_error **error);

/**
 * Writes a note about a node into its journal, `{"node": NAME, "text": TEXT}`, and answers the entry.
 */
pabawi_status pabawi_journal_note(const struct pabawi_session *session,
                                  const char *note,
                                  size_t note_len,
                                  struct pabawi_bytes *answer,
                                  struct pabawi_error **error);

/**
 * Registers a plugin with the engine that will be made. The table is copied. `description` is the JSON object of
 * docs/external-plugins.md, without `methods`, `hasInventory` and `hasFacts`, which follow from the functions; `configuration` is a
 * JSON object that its functions are given with each request, NULL with the length 0 for an empty one.
 */
pabawi_status pabawi_config_add_plugin(const struct pabawi_config *config,
                                       const char *description,
                                       size_t description_len,
                                       const char *configuration,
                                       size_t configuration_len,
                                       const struct pabawi_plugin *plugin,
                                       struct pabawi_error **error);

/**
 * Registers a source of nodes. With one, names that are in no source are refused. `name` is a word of lower-case letters, digits,
 * `-` and `_`; where two sources disagree about a node, the higher priority counts.
 */
pabawi_status pabawi_config_add_source(const struct pabawi_config *config,
                                       const char *name,
                                       size_t name_len,
                                       int32_t priority,
                                       const struct pabawi_source *source,
                                       struct pabawi_error **error);

/**
 * Registers a provider of facts, beside those that are built in. `name` is as that of a source; where two providers give the same
 * fact, the higher priority counts, which is 60 for `facter`, 50 for `ssh`, and 0 for `inventory`.
 */
pabawi_status pabawi_config_add_fact_provider(const struct pabawi_config *config,
                                              const char *name,
                                              size_t name_len,
                                              int32_t priority,
                                              const struct pabawi_fact_provider *provider,
                                              struct pabawi_error **error);

/**
 * Registers who decides about callers. There is one: PABAWI_ALREADY where there is another, also by the option `authorizer`.
 */
pabawi_status pabawi_config_set_authorizer(const struct pabawi_config *config,
                                           const struct pabawi_authorizer *authorizer,
                                           struct pabawi_error **error);

/**
 * Registers who is told the log, from the option `logLevel` on. There is one: PABAWI_ALREADY where there is another.
 */
pabawi_status pabawi_config_set_log_sink(const struct pabawi_config *config,
                                         const struct pabawi_log_sink *sink,
                                         struct pabawi_error **error);

/**
 * Registers who is told what is measured. There is one: PABAWI_ALREADY where there is another.
 */
pabawi_status pabawi_config_set_metrics_sink(const struct pabawi_config *config,
                                             const struct pabawi_metrics_sink *sink,
                                             struct pabawi_error **error);

/**
 * Tells lines of JSON about nodes of an action (`run` of a plugin) before its end, one or several, with a line break between them.
 * It waits while what was told before is not read yet. PABAWI_ABORTED: nobody reads any more, and the action has to stop.
 */
pabawi_status pabawi_completion_tell(const struct pabawi_completion *completion,
                                     const char *lines,
                                     size_t lines_len,
                                     struct pabawi_error **error);

/**
 * Gives the answer, a JSON value; NULL with the length 0 is `null`. For an action the answer is its last lines, which may be none.
 *
 * The second answer to one question is PABAWI_ALREADY, whoever gives it. PABAWI_ABORTED: nobody waits any more, since time was up,
 * it was cancelled, or the engine has ended; nothing has to be done about it. An answer that is no JSON is PABAWI_VALIDATION, and
 * another one can be given. The completion has to be freed after all of these.
 */
pabawi_status pabawi_completion_finish(const struct pabawi_completion *completion,
                                       const char *answer,
                                       size_t answer_len,
                                       struct pabawi_error **error);

/**
 * Says that it could not be done, and why: `code` is one of the statuses from 100 on, PABAWI_PLUGIN_FAULT where no other fits.
 * Otherwise as pabawi_completion_finish. For an action it is the end of all nodes that have not ended.
 */
pabawi_status pabawi_completion_fail(const struct pabawi_completion *completion,
                                     pabawi_status code,
                                     const char *message,
                                     size_t message_len,
                                     struct pabawi_error **error);

/**
 * 1 while somebody waits for the answer, else 0; 0 for what is no completion. Who works long looks at it now and then, and stops
 * when it is 0.
 */
int32_t pabawi_completion_is_wanted(const struct pabawi_completion *completion);

/**
 * A file descriptor (eventfd(2)) that becomes readable when nobody waits for the answer any more. It is the completion's: it must be
 * neither read nor closed, and is there until the completion is freed.
 */
pabawi_status pabawi_completion_fd(const struct pabawi_completion *completion,
                                   int32_t *fd,
                                   struct pabawi_error **error);

/**
 * Frees a completion. Without an answer, the question has failed. Nothing happens for NULL.
 */
pabawi_status pabawi_completion_free(struct pabawi_completion *completion);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PABAWI_H */
