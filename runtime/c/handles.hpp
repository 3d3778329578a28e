#pragma once

#include <atomic>
#include <vector>

#include "lanewise/classifier.hpp"
#include "lanewise/embedder.hpp"
#include "lanewise/lanewise.h"
#include "lanewise/model.hpp"
#include "lanewise/reranker.hpp"
#include "lanewise/tokenizer.hpp"
#include "lanewise/translator.hpp"

/// What the handles of the C interface point to.

struct lw_model {
  lanewise::Model model;
};

struct lw_cancellation {
  std::atomic<bool> flag{false};
};

struct lw_embedder {
  lanewise::Embedder embedder;
};

struct lw_classifier {
  lanewise::Classifier classifier;
};

struct lw_reranker {
  lanewise::Reranker reranker;
};

struct lw_generator {
  lanewise::Translator translator;
  lanewise::Model model;
};

struct lw_generations {
  std::vector<lanewise::Translation> sources;
};

struct lw_tokenizer {
  lanewise::Tokenizer tokenizer;
};

struct lw_tokens {
  lanewise::Encoding encoding;
};
