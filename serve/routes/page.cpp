#include <random>

#include "serve/routes/routes.hpp"

namespace lanewise::serve {
namespace {

constexpr std::string_view kPage =
#include "page_html.inc"
    ;
constexpr std::string_view kNoncePlace = "{{nonce}}";

/// 128 bits that nobody can guess, new for each answer.
std::string new_nonce() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string nonce;
  for (int word = 0; word < 4; ++word) {
    uint32_t bits = random();
    for (int i = 0; i < 8; ++i, bits >>= 4U) nonce += kDigits[bits & 15U];
  }
  return nonce;
}

}  // namespace

Reply page(const Served&, Exchange&, std::string_view) {
  const std::string nonce = new_nonce();
  Reply reply;
  reply.type = "text/html; charset=utf-8";
  reply.body = kPage;
  for (size_t at = 0; (at = reply.body.find(kNoncePlace, at)) != std::string::npos;) {
    reply.body.replace(at, kNoncePlace.size(), nonce);
  }
  // What the page shows comes from models and clients. Should it ever be taken for code, nothing runs
  // and nothing leaves.
  reply.headers = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'nonce-" + nonce +
           "'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
           "frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"}};
  return reply;
}

}  // namespace lanewise::serve
