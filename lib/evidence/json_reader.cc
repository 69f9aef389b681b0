#include "evidence/json_reader.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "evidence/identifiers.h"

namespace plimsoll::evidence {
namespace {

using simdjson::dom::element;

constexpr size_t kMaxShortWordBytes = 32;

// Whether no key comes twice; also false for an object with more members than one of ours has.
bool HasUniqueKeys(simdjson::dom::object object) {
  std::vector<std::string_view> keys;
  for (const auto field : object) {
    if (keys.size() == JsonDocument::kMaxObjectMembers) {
      return false;
    }
    keys.push_back(field.key);
  }
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) == keys.end();
}

}  // namespace

Result<JsonDocument> JsonDocument::Parse(std::string_view text, size_t max_bytes,
                                         size_t max_depth) {
  if (text.size() > max_bytes) {
    return plimsoll::Fail(ErrorCode::kTooLarge, "JSON document over the size limit");
  }
  JsonDocument document;
  document.parser_ =
      std::make_unique<simdjson::dom::parser>(max_bytes + simdjson::SIMDJSON_PADDING);
  if (document.parser_->allocate(std::max<size_t>(text.size(), 1), max_depth) !=
      simdjson::SUCCESS) {
    return plimsoll::Fail(ErrorCode::kInternal, "no memory for a JSON document");
  }
  const auto error = document.parser_->parse(text.data(), text.size()).get(document.root_);
  if (error) {
    return plimsoll::Fail(ErrorCode::kMalformed,
                          std::string("JSON document refused: ") + simdjson::error_message(error));
  }
  if (!document.root_.is_object()) {
    return plimsoll::Fail(ErrorCode::kMalformed, "JSON document refused: not an object");
  }
  return document;
}

Result<JsonDocument> JsonDocument::ParseSmall(std::string_view body) {
  PLIMSOLL_ASSIGN_OR_RETURN(auto document, Parse(body, kMaxSmallBodyBytes));
  PLIMSOLL_RETURN_IF_ERROR(document.CheckStructure());
  return document;
}

Status JsonDocument::CheckKeys(simdjson::dom::object object) {
  if (!HasUniqueKeys(object)) {
    return plimsoll::Fail(ErrorCode::kMalformed,
                          "JSON document refused: a key twice, or too many keys");
  }
  return {};
}

Status JsonDocument::CheckStructure(element value, size_t depth) {
  struct Container {
    element value;
    size_t depth;
  };
  // A list instead of recursion; every container of the document is in it once at most.
  std::vector<Container> open{{value, depth}};
  while (!open.empty()) {
    const Container container = open.back();
    open.pop_back();
    if (container.depth > kMaxJsonDepth) {
      return plimsoll::Fail(ErrorCode::kMalformed, "JSON document refused: nested too deeply");
    }
    const auto visit = [&open, &container](element inner) {
      if (inner.is_object() || inner.is_array()) {
        open.push_back({inner, container.depth + 1});
      }
    };
    simdjson::dom::object object;
    simdjson::dom::array array;
    if (container.value.get_object().get(object) == simdjson::SUCCESS) {
      PLIMSOLL_RETURN_IF_ERROR(CheckKeys(object));
      for (const auto field : object) {
        visit(field.value);
      }
    } else if (container.value.get_array().get(array) == simdjson::SUCCESS) {
      for (const element item : array) {
        visit(item);
      }
    }
  }
  return {};
}

void ObjectReader::Fail(std::string_view key, std::string_view what, ErrorCode code) {
  if (!error_) {
    error_ = Error{code, path_ + std::string(key) + ": " + std::string(what)};
  }
}

void ObjectReader::Adopt(ObjectReader&& inner) {
  if (!error_) {
    error_ = std::move(inner.error_);
  }
}

std::optional<element> ObjectReader::Find(std::string_view key) {
  if (error_) {
    return std::nullopt;
  }
  element value;
  if (object_.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) {
    return std::nullopt;
  }
  return value;
}

std::optional<element> ObjectReader::Require(std::string_view key) {
  auto value = Find(key);
  if (!value) {
    Fail(key, "missing");
  }
  return value;
}

std::string_view ObjectReader::Word(std::string_view key) {
  std::string_view text;
  if (const auto value = Require(key); value && value->get_string().get(text)) {
    Fail(key, "not a string");
  }
  return text;
}

std::string ObjectReader::Checked(std::string_view key, bool (*is)(std::string_view),
                                  std::string_view what) {
  const std::string_view text = Word(key);
  if (!error_ && !is(text)) {
    Fail(key, what);
  }
  return error_ ? std::string() : std::string(text);
}

std::string ObjectReader::FreeText(std::string_view key) {
  return Checked(key, IsFreeText, "over 256 bytes, or with control characters");
}

std::string ObjectReader::OptionalFreeText(std::string_view key) {
  return Find(key) ? FreeText(key) : std::string();
}

std::string ObjectReader::Id(std::string_view key) { return Checked(key, IsId, "not an id"); }

std::string ObjectReader::Uuid(std::string_view key) { return Checked(key, IsUuid, "not a UUID"); }

std::string ObjectReader::NodeName(std::string_view key) {
  return Checked(key, IsNodeName, "not a node name");
}

std::string ObjectReader::ReasonWord(std::string_view key) {
  return Checked(key, IsReasonWord, "not a reason");
}

uint64_t ObjectReader::Number(std::string_view key, uint64_t max) {
  uint64_t number = 0;
  if (const auto value = Require(key); value && value->get_uint64().get(number)) {
    Fail(key, "not a whole number");
  }
  if (number > max) {
    Fail(key, "number too large", ErrorCode::kTooLarge);
  }
  return error_ ? 0 : number;
}

std::optional<uint64_t> ObjectReader::OptionalNumber(std::string_view key, uint64_t max) {
  return Find(key) ? std::optional(Number(key, max)) : std::nullopt;
}

bool ObjectReader::Flag(std::string_view key) {
  bool flag = false;
  if (const auto value = Require(key); value && value->get_bool().get(flag)) {
    Fail(key, "neither true nor false");
  }
  return flag;
}

Bytes ObjectReader::DecodeBase64(std::string_view key, element value, size_t max_bytes) {
  std::string_view text;
  if (value.get_string().get(text)) {
    Fail(key, "not a string");
    return {};
  }
  auto bytes = FromBase64(text, max_bytes);
  if (!bytes) {
    Fail(key, bytes.error().message, bytes.error().code);
    return {};
  }
  return *std::move(bytes);
}

Bytes ObjectReader::Base64(std::string_view key, size_t max_bytes) {
  const auto value = Require(key);
  return value ? DecodeBase64(key, *value, max_bytes) : Bytes();
}

std::optional<Bytes> ObjectReader::OptionalBase64(std::string_view key, size_t max_bytes) {
  const auto value = Find(key);
  return value ? std::optional(DecodeBase64(key, *value, max_bytes)) : std::nullopt;
}

std::vector<Bytes> ObjectReader::OptionalBase64List(std::string_view key, size_t max_items,
                                                    size_t max_bytes) {
  std::vector<Bytes> list;
  if (!Find(key)) {
    return list;
  }
  for (const element value : Items(key, max_items)) {
    list.push_back(DecodeBase64(key, value, max_bytes));
  }
  return list;
}

Bytes ObjectReader::Sha256(std::string_view key) {
  auto bytes = FromHex(Word(key));
  if (!error_ && (!bytes || bytes->size() != 32)) {
    Fail(key, "not a SHA-256 digest in lower-case hex");
  }
  return error_ ? Bytes() : *std::move(bytes);
}

std::optional<tcg::Name> ObjectReader::Name(std::string_view key) {
  auto name = tcg::Name::FromHex(Word(key));
  if (!error_ && !name) {
    Fail(key, "not the Name of a TPM object");
  }
  return error_ ? std::nullopt : std::optional(*std::move(name));
}

std::vector<std::string> ObjectReader::ShortWords(std::string_view key, size_t max_items) {
  std::vector<std::string> words;
  for (const element value : Items(key, max_items)) {
    std::string_view word;
    if (value.get_string().get(word) || !IsId(word) || word.size() > kMaxShortWordBytes) {
      Fail(key, "not a short list of words");
      return {};
    }
    words.emplace_back(word);
  }
  return words;
}

tcg::PcrSelection ObjectReader::Selection(std::string_view key, bool skip_unknown) {
  std::vector<tcg::PcrBank> banks;
  for (const element value : Items(key, kMaxBanks)) {
    simdjson::dom::object item;
    if (value.get_object().get(item)) {
      Fail(key, "not a list of banks");
      return {};
    }
    ObjectReader reader(item, path_ + std::string(key) + ".");
    const std::string_view bank_name = reader.Word("bank");
    std::vector<uint32_t> pcrs;
    for (const element pcr : reader.Items("pcrs", kMaxPcrIndex + 1)) {
      uint64_t index = 0;
      if (pcr.get_uint64().get(index) || index > kMaxPcrIndex) {
        reader.Fail("pcrs", "not a list of PCR numbers");
        break;
      }
      pcrs.push_back(static_cast<uint32_t>(index));
    }
    const auto hash = tcg::BankFromName(bank_name);
    if (!hash && !(skip_unknown && IsId(bank_name))) {
      reader.Fail("bank", "unknown");
    }
    Adopt(std::move(reader));
    if (error_) {
      return {};
    }
    if (!hash) {
      continue;
    }
    const auto bank = tcg::MakePcrBank(*hash, pcrs);
    if (!bank) {
      Fail(key, "a PCR twice");
      return {};
    }
    banks.push_back(*bank);
  }
  auto selection = tcg::PcrSelection::Create(std::move(banks));
  if (!selection) {
    Fail(key, "a bank twice");
    return {};
  }
  return *std::move(selection);
}

ObjectReader ObjectReader::Object(std::string_view key) {
  simdjson::dom::object object;
  if (const auto value = Require(key); value && value->get_object().get(object)) {
    Fail(key, "not an object");
  }
  ObjectReader inner(object, path_ + std::string(key) + ".");
  inner.error_ = error_;  // also keeps it from reading an object that is not there
  return inner;
}

std::optional<ObjectReader> ObjectReader::OptionalObject(std::string_view key) {
  return Find(key) ? std::optional(Object(key)) : std::nullopt;
}

std::vector<element> ObjectReader::Items(std::string_view key, size_t max_items) {
  const auto value = Require(key);
  simdjson::dom::array array;
  if (!value) {
    return {};
  }
  if (value->get_array().get(array)) {
    Fail(key, "not a list");
    return {};
  }
  std::vector<element> items;
  for (const element item : array) {
    if (items.size() == max_items) {
      Fail(key, "too many items", ErrorCode::kTooLarge);
      return {};
    }
    items.push_back(item);
  }
  return items;
}

}  // namespace plimsoll::evidence
