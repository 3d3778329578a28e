/* Embeds texts, or generates from them, through the C interface: c_texts MODEL TEXT... */

#include <lanewise/lanewise.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(void) {
  fprintf(stderr, "c_texts: %s\n", lw_last_error());
  return 1;
}

static int print_piece(void* context, size_t source, const char* piece) {
  (void)context;
  (void)source;
  fputs(piece, stdout);
  fflush(stdout);
  return 1; /* go on */
}

static int embed(const lw_model* model, const char* const* texts, size_t count) {
  lw_embedder* embedder = NULL;
  if (lw_embedder_create(model, NULL, &embedder) != LW_OK) return failed();
  const size_t dimension = lw_embedder_dimension(embedder);
  float* vectors = malloc(count * dimension * sizeof *vectors);
  int result = 0;
  if (vectors == NULL || lw_embed(embedder, texts, count, NULL, vectors, NULL) != LW_OK) {
    result = failed();
  } else {
    for (size_t i = 0; i < count; ++i) {
      printf("%zu numbers, the first one %f: %s\n", dimension, vectors[i * dimension], texts[i]);
    }
  }
  free(vectors);
  lw_embedder_free(embedder);
  return result;
}

static int generate(const lw_model* model, const char* const* texts, size_t count) {
  lw_generator* generator = NULL;
  lw_generation_options options = {.size = sizeof options};
  int result = 0;
  if (lw_generator_create(model, NULL, &generator) != LW_OK) return failed();
  if (lw_generation_defaults(generator, &options) != LW_OK) result = failed();
  options.beams = 1; /* a beam search has no text until it ends */
  options.on_text = print_piece;
  for (size_t i = 0; i < count && result == 0; ++i) {
    lw_generations* generations = NULL;
    if (lw_generate(generator, &texts[i], 1, &options, NULL, &generations) != LW_OK) {
      result = failed();
    } else {
      printf("  (score %f)\n", lw_generations_score(generations, 0, 0));
    }
    lw_generations_free(generations);
  }
  lw_generator_free(generator);
  return result;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: c_texts MODEL TEXT...\n");
    return 2;
  }
  lw_model* model = NULL;
  if (lw_model_load(argv[1], &model) != LW_OK) return failed();
  const char* const* texts = (const char* const*)(argv + 2);
  const size_t count = (size_t)argc - 2;
  const int is_embedder = strcmp(lw_model_task(model), "embedding") == 0;
  const int result = is_embedder ? embed(model, texts, count) : generate(model, texts, count);
  lw_model_free(model);
  return result;
}
