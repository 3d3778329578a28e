// Model and Session with allocations that fail.

#include "lanewise/session.hpp"

#include <gtest/gtest.h>

#include "tests/contracts/sweep.hpp"
#include "tests/contracts/tiny_models.hpp"

namespace lanewise::test {
namespace {

const std::vector<int32_t> kLengths{5, 2, 7};
/// Enough to be cut into slices.
const std::vector<int32_t> kManyLengths(40, 20);

class SessionContract : public TinyModels {
 protected:
  static Session session(const Model& model, bool profiling = false) {
    Session made = expect_ok(Session::create(model, {.threads = 2}));
    made.set_profiling(profiling);
    return made;
  }
};

TEST_F(SessionContract, Open) {
  put_bert();
  const std::string path = file();
  const auto info = [](const Result<Model>& model) { return model->info().family; };
  expect_contract(
      "Model::open", [&] { return Model::open(path); }, info);
  expect_contract(
      "Model::open, into memory", [&] { return Model::open(path, {.read_into_memory = true}); },
      info);
  const std::string nowhere = path + ".absent";
  expect_contract(
      "Model::open, no file", [&] { return Model::open(nowhere); }, info);
  const std::string foreign = this->path("model.safetensors");
  expect_contract(
      "Model::open, another file", [&] { return Model::open(foreign); }, info);
}

TEST_F(SessionContract, Create) {
  put_bert();
  const auto bits = [](const Model&, const Result<Session>& session) {
    return std::string(session->isa());
  };
  for (const int threads : {1, 3}) {
    const SessionOptions options{.threads = threads};
    expect_contract(
        "Session::create, threads " + std::to_string(threads), [&] { return open(); },
        [&](const Model& model) { return Session::create(model, options); }, bits);
  }
  const SessionOptions some{.threads = 2, .outputs = {"sentence_embedding"}};
  expect_contract(
      "Session::create, one output", [&] { return open(); },
      [&](const Model& model) { return Session::create(model, some); }, bits);
  const SessionOptions absent{.outputs = {"a name that no output of the model has"}};
  expect_contract(
      "Session::create, unknown output", [&] { return open(); },
      [&](const Model& model) { return Session::create(model, absent); }, bits);
  const SessionOptions isa{.isa = "an unknown instruction set"};
  expect_contract(
      "Session::create, unknown instruction set", [&] { return open(); },
      [&](const Model& model) { return Session::create(model, isa); }, bits);
}

TEST_F(SessionContract, CreateOfEveryKindOfModel) {
  const auto bits = [](const Model&, const Result<Session>& session) {
    return std::string(session->isa());
  };
  const auto create = [](const Model& model) { return Session::create(model, {.threads = 2}); };
  put_translator();
  expect_contract(
      "Session::create, encoder and decoder", [&] { return open(); }, create, bits);
  std::filesystem::remove(file());
  put_recurrent();
  expect_contract(
      "Session::create, recurrent", [&] { return open(); }, create, bits);
}

TEST_F(SessionContract, Reserve) {
  put_bert();
  const Model model = open();
  expect_contract(
      "Session::reserve", [&] { return session(model); },
      [](Session& session) { return session.reserve(800, 40); }, kNoBits);
  expect_contract(
      "Session::reserve, too much", [&] { return session(model); },
      [](Session& session) { return session.reserve(int64_t{1} << 50, 1); }, kNoBits);
}

TEST_F(SessionContract, RunRagged) {
  put_bert();
  const Model model = open();
  for (const auto& lengths : {kLengths, kManyLengths}) {
    const Batch batch(lengths, 13);
    for (const bool profiling : {false, true}) {
      expect_contract(
          "Session::run_ragged, " + std::to_string(lengths.size()) + " sequences" +
              (profiling ? ", profiling" : ""),
          [&] { return session(model, profiling); },
          [&](Session& session) { return session.run_ragged(batch.encoder()); },
          [](const Session& session, const Status&) {
            return output_bits(session, "last_hidden_state") +
                   output_bits(session, "sentence_embedding");
          });
    }
  }
}

TEST_F(SessionContract, AnotherBatchAfterAFailure) {
  put_bert();
  const Model model = open();
  const Batch small({4}, 13);
  const Batch large(kManyLengths, 13);
  // A batch that was bound must not be taken for that of the run that failed.
  expect_contract(
      "Session::run_ragged, larger than before",
      [&] {
        Session made = session(model);
        EXPECT_TRUE(made.run_ragged(small.encoder()).ok());
        return made;
      },
      [&](Session& session) { return session.run_ragged(large.encoder()); },
      [&](Session& session, const Status&) {
        std::string bits = output_bits(session, "last_hidden_state");
        EXPECT_TRUE(session.run_ragged(small.encoder()).ok());
        return bits + output_bits(session, "last_hidden_state");
      });
}

TEST_F(SessionContract, RunOfAnEncoderAndADecoder) {
  put_translator();
  const Model model = open();
  const Batch batch(kLengths, 6);
  expect_contract(
      "Session::run_ragged, encoder and decoder", [&] { return session(model); },
      [&](Session& session) { return session.run_ragged(batch.both()); },
      [](const Session& session, const Status&) { return output_bits(session, "logits"); });
}

TEST_F(SessionContract, RunOfARecurrentModel) {
  put_recurrent();
  const Model model = open();
  const Batch batch(kLengths, 21);
  expect_contract(
      "Session::run_ragged, recurrent", [&] { return session(model); },
      [&](Session& session) { return session.run_ragged(batch.both()); },
      [](const Session& session, const Status&) { return output_bits(session, "logits"); });
}

Tensor integers(const Shape& shape, const std::vector<int64_t>& values) {
  Tensor tensor(DataType::kI64, shape);
  std::copy(values.begin(), values.end(), tensor.as<int64_t>());
  return tensor;
}

std::string tensor_bits(const TensorMap& tensors) {
  std::string bits;
  for (const auto& [name, tensor] : tensors) {
    bits += name + to_string(tensor.shape()) + bytes(tensor.as<char>(), tensor.size_bytes());
  }
  return bits;
}

TEST_F(SessionContract, RunPadded) {
  put_bert();
  const Model model = open();
  TensorMap inputs;
  inputs["input_ids"] = integers({2, 3}, {2, 5, 3, 2, 3, 0});
  inputs["attention_mask"] = integers({2, 3}, {1, 1, 1, 1, 1, 0});
  inputs["token_type_ids"] = integers({2, 3}, {0, 0, 1, 0, 0, 0});
  const auto run = [&](Session& session) { return session.run(inputs); };
  const auto bits = [](const Session&, const Result<TensorMap>& outputs) {
    return tensor_bits(*outputs);
  };
  expect_contract(
      "Session::run", [&] { return session(model); }, run, bits);
  inputs["attention_mask"] = integers({2, 3}, {1, 0, 1, 1, 1, 0});
  expect_contract(
      "Session::run, a hole in a mask", [&] { return session(model); }, run, bits);
}

TEST_F(SessionContract, Output) {
  put_bert();
  const Model model = open();
  const Batch batch(kLengths, 13);
  const auto ran = [&] {
    Session made = session(model);
    EXPECT_TRUE(made.run_ragged(batch.encoder()).ok());
    return made;
  };
  for (const char* name : {"last_hidden_state", "an output that the session does not have"}) {
    expect_contract(
        "Session::output, " + std::string(name), ran,
        [&](const Session& session) { return session.output(name); },
        [](const Session&, const Result<Session::Rows>& rows) {
          return std::to_string(rows->rows);
        });
  }
}

}  // namespace
}  // namespace lanewise::test
