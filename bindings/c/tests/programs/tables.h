/*
 * What the test programs with tables of functions share.
 */
#ifndef TABLES_H
#define TABLES_H

#include "check.h"

#include <pthread.h>

/* A counter that many threads change and one waits for. */
struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    long value;
};

#define COUNTER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

static inline void add(struct counter *counter, long more)
{
    pthread_mutex_lock(&counter->lock);
    counter->value += more;
    pthread_cond_broadcast(&counter->changed);
    pthread_mutex_unlock(&counter->lock);
}

static inline long value_of(struct counter *counter)
{
    pthread_mutex_lock(&counter->lock);
    long value = counter->value;
    pthread_mutex_unlock(&counter->lock);
    return value;
}

static inline void wait_for(struct counter *counter, long wanted)
{
    pthread_mutex_lock(&counter->lock);
    while (counter->value < wanted) {
        pthread_cond_wait(&counter->changed, &counter->lock);
    }
    pthread_mutex_unlock(&counter->lock);
}

/* Gives an answer and lets go. */
static inline void answer(pabawi_completion *completion, const char *json)
{
    OK(pabawi_completion_finish(completion, TEXT(json), &error));
    CHECK(pabawi_completion_free(completion) == PABAWI_OK);
}

/* A copy of a text with a 0 at its end. */
static inline char *copy_of(const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    CHECK(copy != NULL);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

/* The text between two others, from a place on; NULL where it is not. It has to be freed. */
static inline char *between(const char *text, const char *before, const char *after)
{
    const char *from = strstr(text, before);
    if (from == NULL) {
        return NULL;
    }
    from += strlen(before);
    const char *to = strstr(from, after);
    return to == NULL ? NULL : copy_of(from, (size_t)(to - from));
}

/* Makes a call and looks for parts of its answer, the last of which is NULL. */
static inline pabawi_bytes called(pabawi_session *session, const char *name, const char *parameters)
{
    pabawi_bytes told = {0};
    OK(pabawi_call(session, TEXT(name), TEXT(parameters), &told, &error));
    return told;
}

#endif
