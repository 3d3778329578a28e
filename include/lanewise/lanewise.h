#ifndef LANEWISE_LANEWISE_H_
#define LANEWISE_LANEWISE_H_

/**
 * The C interface, for programs in C and for bindings of other languages. Links with the library
 * `lanewise`; lw_model_load() and lw_convert() also need `lanewise_converters`, which a shared
 * library contains.
 *
 * Functions that can fail return an lw_status, and write their results only on success;
 * lw_last_error() then says what is wrong. Texts are UTF-8 and end with a zero byte. A NULL handle
 * is LW_INVALID_ARGUMENT, and freeing NULL does nothing. Nothing here ends the process, prints or
 * throws; callbacks must not throw or jump out of a call.
 *
 * Structs of options begin with their size, so that they can grow. Set it, and leave the rest zero
 * for the defaults:
 *
 *   lw_session_options options = {.size = sizeof options, .threads = 2};
 *
 * A model may be used by all threads at once; every other handle by one at a time, except that any
 * thread may call lw_cancel().
 */

#include <stddef.h>
#include <stdint.h>

#if defined(LANEWISE_SHARED)
#define LW_API __attribute__((visibility("default")))
#else
#define LW_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Changes when programs must be compiled again. New functions and fields do not change it. */
#define LW_ABI_VERSION 1
/** The LW_ABI_VERSION of the library that is loaded. */
LW_API uint32_t lw_abi_version(void);
/** The version of the library: "0.1.0". */
LW_API const char* lw_version(void);

typedef enum lw_status {
  LW_OK = 0,
  LW_INVALID_ARGUMENT = 1,   /**< an argument, a text or a token id is wrong */
  LW_NOT_FOUND = 2,          /**< no file or part has that name */
  LW_DATA_LOSS = 3,          /**< a file is truncated, inconsistent or not what it claims to be */
  LW_UNSUPPORTED = 4,        /**< well-formed, but this version or build cannot handle it */
  LW_IO = 5,                 /**< the system failed to read, write or map a file */
  LW_RESOURCE_EXHAUSTED = 6, /**< a limit of memory or size would be exceeded */
  LW_CANCELLED = 7,          /**< the caller cancelled the call, or its time was over */
  LW_INTERNAL = 8            /**< a bug in lanewise; the message helps to report it */
} lw_status;

/**
 * One line about the last call of this thread that failed: the object, what was expected and what
 * was found. "" if none has failed. Valid until the next call that fails on this thread.
 */
LW_API const char* lw_last_error(void);

/* Models. */

typedef struct lw_model lw_model;

/** Maps a model file that lw_convert() or `lanewise convert` wrote. */
LW_API lw_status lw_model_open(const char* path, lw_model** model);
/** The same, or converts a checkpoint of PyTorch in memory. */
LW_API lw_status lw_model_load(const char* path, lw_model** model);
/** What is created from a model keeps it alive. */
LW_API void lw_model_free(lw_model* model);
/** What it is for: "embedding", "text-classification", ...; "" for NULL. Valid as long as `model`. */
LW_API const char* lw_model_task(const lw_model* model);

typedef struct lw_convert_options {
  size_t size;
  const char* weights; /**< "f32", "bf16", "int8", "int4", "keep"; NULL: as lanewise convert */
  int32_t threads;     /**< of quantisation; 0: the CPUs that the process may use */
} lw_convert_options;

/** Writes a checkpoint as a model file, which appears only on success. `options` may be NULL. */
LW_API lw_status lw_convert(const char* source, const char* destination,
                            const lw_convert_options* options);

/* Sessions and calls. */

typedef struct lw_session_options {
  size_t size;
  int32_t threads;     /**< 0: the CPUs that the process may use */
  int32_t fast;        /**< 1: allows results that depend on the rest of the batch */
  const char* isa;     /**< an instruction set; NULL: the best one */
  int64_t cache_bytes; /**< the most bytes of keys and values; 0: no limit */
  /**
   * Runs task(argument) `count` times on threads of the host and returns when all have returned;
   * NULL: the library starts its own threads.
   */
  void (*host_threads)(void* context, int count, void (*task)(void* argument), void* argument);
  void* host_context; /**< the first argument of host_threads */
} lw_session_options;

/** Ends a call of another thread. */
typedef struct lw_cancellation lw_cancellation;
LW_API lw_status lw_cancellation_create(lw_cancellation** cancellation);
LW_API void lw_cancellation_free(lw_cancellation* cancellation);
/** Calls that use it end soon, and later ones at once. Thread-safe, also in signal handlers. */
LW_API void lw_cancel(lw_cancellation* cancellation);
/** Later calls may use it again. */
LW_API void lw_cancellation_reset(lw_cancellation* cancellation);

typedef struct lw_run_options {
  size_t size;
  const lw_cancellation* cancellation; /**< may be NULL */
  int64_t timeout_ms;                  /**< the call ends soon after this time; 0: no limit */
  /** Called between batches with the number of texts done; may be NULL. */
  void (*on_progress)(void* context, size_t done);
  void* context; /**< the first argument of on_progress */
} lw_run_options;

/* Sentence embeddings. In all calls below, options may be NULL. */

typedef struct lw_embedder lw_embedder;

LW_API lw_status lw_embedder_create(const lw_model* model, const lw_session_options* options,
                                    lw_embedder** embedder);
LW_API void lw_embedder_free(lw_embedder* embedder);
/** The numbers of a vector; 0 for NULL. */
LW_API size_t lw_embedder_dimension(const lw_embedder* embedder);
/** Prepends the model's prompt of that name to each text from now on; "" means no prompt. */
LW_API lw_status lw_embedder_set_prompt(lw_embedder* embedder, const char* name);
/**
 * Embeds texts.
 *
 * vectors  [count][dimension], written
 * tokens   [count], written: how many tokens each text has; may be NULL
 */
LW_API lw_status lw_embed(lw_embedder* embedder, const char* const* texts, size_t count,
                          const lw_run_options* options, float* vectors, int32_t* tokens);

/* Labels of texts. */

typedef struct lw_classifier lw_classifier;

LW_API lw_status lw_classifier_create(const lw_model* model, const lw_session_options* options,
                                      lw_classifier** classifier);
LW_API void lw_classifier_free(lw_classifier* classifier);
/** How many labels the model has; 0 for NULL. */
LW_API size_t lw_classifier_labels(const lw_classifier* classifier);
/** The name of a label; NULL if there is none of that number. Valid as long as `classifier`. */
LW_API const char* lw_classifier_label(const lw_classifier* classifier, size_t label);
/** Classifies texts. scores: [count][labels], written. */
LW_API lw_status lw_classify(lw_classifier* classifier, const char* const* texts, size_t count,
                             const lw_run_options* options, float* scores);

/* The order of texts by how well they answer a query: by a model for pairs, by the tokens of late
   interaction, or by the similarity of an embedding model. */

typedef struct lw_reranker lw_reranker;

LW_API lw_status lw_reranker_create(const lw_model* model, const lw_session_options* options,
                                    lw_reranker** reranker);
LW_API void lw_reranker_free(lw_reranker* reranker);
/** Scores texts, larger is better. scores: [count], in the order of `texts`, written. */
LW_API lw_status lw_rerank(lw_reranker* reranker, const char* query, const char* const* texts,
                           size_t count, const lw_run_options* options, float* scores);

/* Texts from texts: translations, summaries, continuations. */

typedef struct lw_generator lw_generator;
typedef struct lw_generations lw_generations;

typedef struct lw_generation_options {
  size_t size;
  int64_t max_new_tokens; /**< 0: the checkpoint's limit, or the model's */
  int64_t min_new_tokens;
  int32_t beams;                   /**< 1: no beam search */
  int32_t sequences;               /**< how many results each text gets */
  double temperature;              /**< 0: the most likely token is chosen */
  int32_t top_k;                   /**< 0: from all tokens */
  double top_p;                    /**< 1: from all tokens */
  double repetition_penalty;       /**< 1: none */
  uint64_t seed;                   /**< the same seed gives the same samples */
  const char* const* stop_strings; /**< each ends a text, beside those of the checkpoint */
  size_t stop_string_count;
  const char* target_language; /**< NULL: the model's own; names are as in language_token() */
  /**
   * Called with each new piece of the text of a source, in greedy search and when sampling one
   * sequence. `piece` ends with a zero byte. If it returns 0, that text ends. May be NULL.
   */
  int (*on_text)(void* context, size_t source, const char* piece);
  void* context; /**< the first argument of on_text */
} lw_generation_options;

typedef enum lw_finish {
  LW_FINISH_EOS = 0,      /**< an end token was chosen */
  LW_FINISH_LENGTH = 1,   /**< the maximum length was reached */
  LW_FINISH_STOP = 2,     /**< a stop string occurred, or a callback returned 0 */
  LW_FINISH_CANCELLED = 3 /**< the call was cancelled, or its time was over */
} lw_finish;

LW_API lw_status lw_generator_create(const lw_model* model, const lw_session_options* options,
                                     lw_generator** generator);
LW_API void lw_generator_free(lw_generator* generator);
/** Sets the language of the source texts from now on; "": the checkpoint's own. */
LW_API lw_status lw_generator_set_source_language(lw_generator* generator, const char* name);
/**
 * Writes what the checkpoint sets to `options`, whose size must be set. Change fields of these: the
 * numbers of lw_generation_options have no default of their own.
 */
LW_API lw_status lw_generation_defaults(const lw_generator* generator,
                                        lw_generation_options* options);
/**
 * Generates a text for each of `texts`. options: as lw_generation_defaults() gives them; NULL: the
 * same. A cancelled call succeeds: the texts generated so far are its results.
 */
LW_API lw_status lw_generate(lw_generator* generator, const char* const* texts, size_t count,
                             const lw_generation_options* options, const lw_run_options* run,
                             lw_generations** results);
LW_API void lw_generations_free(lw_generations* results);
/** How many results a source has, best first; 0 if there is no such source. */
LW_API size_t lw_generations_count(const lw_generations* results, size_t source);
/* Of a result; NULL or 0 if there is none of that number. Valid as long as `results`. */
LW_API const char* lw_generations_text(const lw_generations* results, size_t source, size_t result);
LW_API float lw_generations_score(const lw_generations* results, size_t source, size_t result);
LW_API lw_finish lw_generations_finish(const lw_generations* results, size_t source, size_t result);
/** The new tokens; *count: how many. */
LW_API const int32_t* lw_generations_ids(const lw_generations* results, size_t source,
                                         size_t result, size_t* count);

/* Tokens. */

typedef struct lw_tokenizer lw_tokenizer;
typedef struct lw_tokens lw_tokens;

/** The tokenizer for the texts that the model reads. Several threads may use it at once. */
LW_API lw_status lw_tokenizer_create(const lw_model* model, lw_tokenizer** tokenizer);
LW_API void lw_tokenizer_free(lw_tokenizer* tokenizer);
/** The tokens of a text, with special tokens if special is 1. */
LW_API lw_status lw_tokenize(const lw_tokenizer* tokenizer, const char* text, int special,
                             lw_tokens** tokens);
LW_API void lw_tokens_free(lw_tokens* tokens);
LW_API size_t lw_tokens_count(const lw_tokens* tokens);
/** [count]; NULL for NULL. Valid as long as `tokens`. */
LW_API const int32_t* lw_tokens_ids(const lw_tokens* tokens);
/** [count][2]: the bytes of the text, begin and end, that each token stands for. */
LW_API const int32_t* lw_tokens_offsets(const lw_tokens* tokens);
/** The text of tokens, without special ones if skip_special is 1. Free it with lw_text_free(). */
LW_API lw_status lw_detokenize(const lw_tokenizer* tokenizer, const int32_t* ids, size_t count,
                               int skip_special, char** text);
LW_API void lw_text_free(char* text);

#ifdef __cplusplus
}
#endif

#endif
