#include "crypto/endorsement_version.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

namespace plimsoll::crypto {
namespace {

constexpr size_t kFields = 4;
constexpr size_t kFieldBits = 16;

using Fields = std::vector<uint16_t>;

std::optional<uint16_t> ReadField(std::string_view text, int base) {
  uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(value) : std::nullopt;
}

std::optional<Fields> ReadHex(std::string_view text) {
  if (text.size() != 4 && text.size() != 8 && text.size() != 16) {
    return std::nullopt;
  }
  const size_t digits = text.size() == 4 ? 2 : 4;
  Fields fields;
  for (size_t at = 0; at < text.size(); at += digits) {
    const auto field = ReadField(text.substr(at, digits), 16);
    if (!field) {
      return std::nullopt;
    }
    fields.push_back(*field);
  }
  return fields;
}

std::optional<Fields> ReadDecimal(std::string_view text) {
  Fields fields;
  while (fields.size() < kFields) {
    const size_t dot = text.find('.');
    const auto field = ReadField(text.substr(0, dot), 10);
    if (!field) {
      return std::nullopt;
    }
    fields.push_back(*field);
    if (dot == std::string_view::npos) {
      return fields;
    }
    text.remove_prefix(dot + 1);
  }
  return std::nullopt;
}

bool CutPrefix(std::string_view& text) {
  const bool prefixed = text.starts_with("id:") || text.starts_with("ID:");
  text.remove_prefix(prefixed ? 3 : 0);
  return prefixed;
}

std::optional<Fields> ReadCertificateFields(std::string_view text) {
  CutPrefix(text);
  return text.find('.') != std::string_view::npos ? ReadDecimal(text) : ReadHex(text);
}

VersionInterval IntervalOf(const Fields& fields) {
  VersionInterval interval{0, 0};
  for (size_t i = 0; i < kFields; ++i) {
    const bool given = i < fields.size();
    interval.lowest = interval.lowest << kFieldBits | (given ? fields[i] : 0U);
    interval.highest = interval.highest << kFieldBits | (given ? fields[i] : 0xFFFFU);
  }
  return interval;
}

}  // namespace

std::optional<VersionInterval> ReadCertificateVersion(std::string_view text) {
  const auto fields = ReadCertificateFields(text);
  return fields ? std::optional(IntervalOf(*fields)) : std::nullopt;
}

Result<VersionInterval> ReadVersionBound(std::string_view text) {
  std::string_view rest = text;
  const auto fields = CutPrefix(rest) ? ReadHex(rest) : ReadDecimal(rest);
  if (!fields) {
    return Fail(ErrorCode::kMalformed,
                "is no firmware version: neither numbers like 5.61 nor a text like id:053D");
  }
  return IntervalOf(*fields);
}

std::string DescribeVersion(std::string_view text) {
  const auto fields = ReadCertificateFields(text);
  if (!fields) {
    return std::string(text);
  }
  std::string description;
  for (const uint16_t field : *fields) {
    description += fmt::format("{}{}", description.empty() ? "" : ".", field);
  }
  return description;
}

}  // namespace plimsoll::crypto
