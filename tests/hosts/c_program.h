#ifndef LANEWISE_TESTS_HOSTS_C_PROGRAM_H_
#define LANEWISE_TESTS_HOSTS_C_PROGRAM_H_

/* A program in C: what it calls, a C++ test compares with the C++ interface. */

#include "lanewise/lanewise.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Embeds `text`, counting calls of its own threads. NULL, or what went wrong. */
const char* embed_in_c(const char* path, const char* text, float* vector, size_t dimension);

/** Generates from `text` in pieces, and joins them in `joined`. NULL, or what went wrong. */
const char* generate_in_c(const char* path, const char* text, char* joined, size_t size);

/** Tokenizes `text` and back. NULL, or what went wrong. */
const char* tokenize_in_c(const char* path, const char* text);

/** Does everything wrong that a caller can. NULL, or what was not refused. */
const char* misuse_in_c(const char* path);

#ifdef __cplusplus
}
#endif

#endif
