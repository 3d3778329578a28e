#include "tests/hosts/c_program.h"

#include <string.h>

#define CHECK(condition)                 \
  do {                                   \
    if (!(condition)) return #condition; \
  } while (0)

static void run_here(void* context, int count, void (*task)(void* argument), void* argument) {
  *(int*)context += count;
  for (int i = 0; i < count; ++i) task(argument);
}

static void count_progress(void* context, size_t done) { *(size_t*)context = done; }

const char* embed_in_c(const char* path, const char* text, float* vector, size_t dimension) {
  int tasks = 0;
  size_t done = 0;
  int32_t tokens = 0;
  lw_session_options session = {.size = sizeof session, .threads = 2};
  session.host_threads = run_here;
  session.host_context = &tasks;
  lw_run_options run = {.size = sizeof run, .timeout_ms = 60000};
  run.on_progress = count_progress;
  run.context = &done;
  lw_model* model = NULL;
  lw_embedder* embedder = NULL;
  CHECK(lw_abi_version() == LW_ABI_VERSION);
  CHECK(strlen(lw_version()) > 0);
  CHECK(lw_model_load(path, &model) == LW_OK);
  CHECK(lw_embedder_create(model, &session, &embedder) == LW_OK);
  CHECK(strcmp(lw_model_task(model), "embedding") == 0);
  lw_model_free(model); /* the embedder keeps it */
  CHECK(lw_embedder_dimension(embedder) == dimension);
  CHECK(lw_embedder_set_prompt(embedder, "") == LW_OK);
  CHECK(lw_embed(embedder, &text, 1, &run, vector, &tokens) == LW_OK);
  CHECK(tasks == 2 && done == 1 && tokens > 2);
  CHECK(lw_embed(embedder, NULL, 0, NULL, NULL, NULL) == LW_OK);
  lw_embedder_free(embedder);
  return NULL;
}

struct pieces {
  char* text;
  size_t left;
};

static int append(void* context, size_t source, const char* piece) {
  struct pieces* pieces = context;
  if (source != 0 || strlen(piece) >= pieces->left) return 0;
  strcat(pieces->text, piece);
  pieces->left -= strlen(piece);
  return 1;
}

const char* generate_in_c(const char* path, const char* text, char* joined, size_t size) {
  struct pieces pieces = {joined, size};
  lw_generation_options options = {.size = sizeof options};
  lw_model* model = NULL;
  lw_generator* generator = NULL;
  lw_generations* results = NULL;
  size_t count = 0;
  joined[0] = '\0';
  CHECK(lw_model_load(path, &model) == LW_OK);
  CHECK(lw_generator_create(model, NULL, &generator) == LW_OK);
  CHECK(lw_generation_defaults(generator, &options) == LW_OK);
  CHECK(options.beams >= 1 && options.size == sizeof options);
  options.beams = 1;
  options.on_text = append;
  options.context = &pieces;
  CHECK(lw_generate(generator, &text, 1, &options, NULL, &results) == LW_OK);
  CHECK(lw_generations_count(results, 0) == 1 && lw_generations_count(results, 1) == 0);
  CHECK(strcmp(lw_generations_text(results, 0, 0), joined) == 0);
  CHECK(lw_generations_text(results, 0, 1) == NULL && lw_generations_text(results, 1, 0) == NULL);
  CHECK(lw_generations_ids(results, 0, 0, &count) != NULL && count > 0);
  CHECK(lw_generations_finish(results, 0, 0) == LW_FINISH_EOS);
  CHECK(lw_generations_score(results, 0, 0) < 0);
  lw_generations_free(results);
  options.max_new_tokens = 1;
  options.on_text = NULL;
  CHECK(lw_generate(generator, &text, 1, &options, NULL, &results) == LW_OK);
  CHECK(lw_generations_finish(results, 0, 0) == LW_FINISH_LENGTH);
  lw_generations_free(results);
  lw_generator_free(generator);
  lw_model_free(model);
  return NULL;
}

const char* tokenize_in_c(const char* path, const char* text) {
  lw_model* model = NULL;
  lw_tokenizer* tokenizer = NULL;
  lw_tokens* tokens = NULL;
  char* back = NULL;
  CHECK(lw_model_load(path, &model) == LW_OK);
  CHECK(lw_tokenizer_create(model, &tokenizer) == LW_OK);
  CHECK(lw_tokenize(tokenizer, text, 0, &tokens) == LW_OK);
  const size_t count = lw_tokens_count(tokens);
  CHECK(count > 0 && lw_tokens_offsets(tokens)[0] == 0);
  CHECK(lw_tokens_offsets(tokens)[2 * count - 1] == (int32_t)strlen(text));
  CHECK(lw_detokenize(tokenizer, lw_tokens_ids(tokens), count, 1, &back) == LW_OK);
  CHECK(strcmp(back, text) == 0);
  lw_text_free(back);
  lw_tokens_free(tokens);
  lw_tokenizer_free(tokenizer);
  lw_model_free(model);
  return NULL;
}

/* The message of the call that has just failed. */
static int says(const char* part) { return strstr(lw_last_error(), part) != NULL; }

static const char* misuse_options(const lw_model* model) {
  lw_embedder* embedder = NULL;
  lw_session_options session = {.size = sizeof session, .threads = -1};
  CHECK(lw_embedder_create(model, &session, &embedder) == LW_INVALID_ARGUMENT);
  CHECK(says("threads"));
  session.threads = 1;
  session.size = 0;
  CHECK(lw_embedder_create(model, &session, &embedder) == LW_INVALID_ARGUMENT);
  CHECK(says("lw_session_options: size"));
  struct {
    lw_session_options known;
    int unknown;
  } newer = {.known = {.size = sizeof newer, .threads = 1}};
  newer.unknown = 1;
  CHECK(lw_embedder_create(model, &newer.known, &embedder) == LW_UNSUPPORTED);
  newer.unknown = 0;
  CHECK(lw_embedder_create(model, &newer.known, &embedder) == LW_OK);
  lw_embedder_free(embedder);
  /* A program of an older version, whose struct ends after `threads`. */
  session.size = sizeof session.size + sizeof session.threads;
  session.isa = "not read";
  CHECK(lw_embedder_create(model, &session, &embedder) == LW_OK);
  lw_embedder_free(embedder);
  return NULL;
}

const char* misuse_in_c(const char* path) {
  const char* texts[] = {"a", NULL};
  float vector[64];
  lw_model* model = NULL;
  lw_embedder* embedder = NULL;
  lw_classifier* classifier = NULL;
  lw_reranker* reranker = NULL;
  lw_generator* generator = NULL;
  CHECK(lw_model_open("no-such-file", &model) == LW_NOT_FOUND);
  CHECK(says("no-such-file") && model == NULL);
  CHECK(lw_model_load("no-such-folder", &model) != LW_OK && says("no-such-folder"));
  CHECK(lw_convert("no-such-folder", "x", NULL) != LW_OK && says("no-such-folder"));
  CHECK(lw_model_open(NULL, &model) == LW_INVALID_ARGUMENT && says("path"));
  CHECK(lw_embedder_create(NULL, NULL, &embedder) == LW_INVALID_ARGUMENT && says("model"));
  CHECK(lw_embed(NULL, texts, 1, NULL, vector, NULL) == LW_INVALID_ARGUMENT && says("embedder"));
  CHECK(lw_model_load(path, &model) == LW_OK);
  CHECK(misuse_options(model) == NULL);
  CHECK(lw_embedder_create(model, NULL, &embedder) == LW_OK);
  CHECK(lw_embed(embedder, texts, 2, NULL, vector, NULL) == LW_INVALID_ARGUMENT && says("text 2"));
  CHECK(lw_embed(embedder, texts, 1, NULL, NULL, NULL) == LW_INVALID_ARGUMENT && says("vectors"));
  lw_run_options run = {.size = sizeof run, .timeout_ms = -1};
  CHECK(lw_embed(embedder, texts, 1, &run, vector, NULL) == LW_INVALID_ARGUMENT);
  CHECK(says("timeout_ms"));
  texts[0] = "\xff";
  CHECK(lw_embed(embedder, texts, 1, NULL, vector, NULL) == LW_INVALID_ARGUMENT && says("UTF-8"));
  texts[0] = "a";
  lw_cancellation* cancellation = NULL;
  CHECK(lw_cancellation_create(&cancellation) == LW_OK);
  lw_cancel(cancellation);
  run.timeout_ms = 0;
  run.cancellation = cancellation;
  CHECK(lw_embed(embedder, texts, 1, &run, vector, NULL) == LW_CANCELLED);
  lw_cancellation_reset(cancellation);
  CHECK(lw_embed(embedder, texts, 1, &run, vector, NULL) == LW_OK);
  lw_cancellation_free(cancellation);
  CHECK(lw_classifier_create(model, NULL, &classifier) == LW_UNSUPPORTED);
  CHECK(lw_reranker_create(model, NULL, &reranker) == LW_OK);  /* by similarity */
  lw_reranker_free(reranker);
  CHECK(lw_generator_create(model, NULL, &generator) == LW_UNSUPPORTED);
  CHECK(lw_classifier_label(NULL, 0) == NULL && lw_classifier_labels(NULL) == 0);
  lw_embedder_free(embedder);
  lw_model_free(model);
  lw_model_free(NULL);
  lw_tokens_free(NULL);
  return NULL;
}
