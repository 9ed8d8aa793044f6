/*
 * Faults on purpose. fault.c is a library that is loaded into the unchanged server
 * (LD_PRELOAD): it counts the calls of one kind, and makes one of them fail, or all
 * from that one on. What it is to do it reads from a page of memory that it shares
 * with the test; without one (the variable FAULT_PAGE) it does nothing. So the
 * release itself is tested, and nothing of this is in it.
 */
#ifndef TESTS_FAULTS_FAULT_H
#define TESTS_FAULTS_FAULT_H

#include <stdatomic.h>

enum fault_kind {
    FAULT_NONE,
#define X(name) FAULT_##name,
#include "tests/faults/kind.def"
#undef X
};

/* errno for a write or a read that does half of what it was asked for. */
enum { FAULT_SHORT = -1 };

/* The page. The test writes what is above the line while kind is FAULT_NONE. */
struct fault_page {
    _Atomic long nth;   /* which call fails, from 1 on; 0: none, they are only counted */
    _Atomic int error;  /* with which errno */
    _Atomic int sticky; /* and all after it */
    /* --- */
    _Atomic int kind;    /* what is counted now */
    _Atomic long seen;   /* calls of that kind */
    _Atomic long failed; /* of those, how many were made to fail */
    _Atomic long ahead;  /* seconds by which the time of day is ahead; at any time */
};

#endif
