#include "base/json.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace plimsoll {
namespace {

// Builds the document by hand from the parser's events, so that depth and duplicate keys are judged
// before anything is kept.
class StrictBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  StrictBuilder(nlohmann::json& root, size_t max_depth) : root_(root), max_depth_(max_depth) {}

  const char* problem() const { return problem_; }

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return Refuse("binary value"); }
  bool start_object(std::size_t /*elements*/) override { return Open(nlohmann::json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t /*elements*/) override { return Open(nlohmann::json::array()); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) {
      return Refuse("duplicate key");
    }
    key_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return Refuse("not JSON");
  }

 private:
  bool Refuse(const char* problem) {
    problem_ = problem;
    return false;
  }

  nlohmann::json* Place(nlohmann::json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    nlohmann::json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool Add(nlohmann::json value) {
    Place(std::move(value));
    return true;
  }

  bool Open(nlohmann::json value) {
    if (open_.size() >= max_depth_) {
      return Refuse("nested too deeply");
    }
    open_.push_back(Place(std::move(value)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  nlohmann::json& root_;
  const size_t max_depth_;
  std::vector<nlohmann::json*> open_;  // stable: only the innermost container grows
  std::string key_;
  const char* problem_ = "not JSON";
};

}  // namespace

Result<nlohmann::json> ParseJson(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.max_bytes) {
    return Fail(ErrorCode::kTooLarge, "JSON document over the size limit");
  }
  nlohmann::json root;
  StrictBuilder builder(root, limits.max_depth);
  if (!nlohmann::json::sax_parse(text, &builder)) {
    return Fail(ErrorCode::kMalformed, std::string("JSON document refused: ") + builder.problem());
  }
  return root;
}

}  // namespace plimsoll
