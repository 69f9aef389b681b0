#include "kubectl-plugin/terminal.h"

#include <fmt/format.h>

#include <algorithm>
#include <ostream>

namespace plimsoll::plugin {
namespace {

constexpr char32_t kInvalid = 0x110000;

// The character at `at`, and its length in bytes; kInvalid and 1 where there is no valid one.
std::pair<char32_t, size_t> CharacterAt(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) -> uint32_t { return static_cast<unsigned char>(text[i]); };
  const uint32_t first = byte(at);
  if (first < 0x80) {
    return {first, 1};
  }
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + size > text.size()) {
    return {kInvalid, 1};
  }
  char32_t character = first & (0xFFU >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80) {
      return {kInvalid, 1};
    }
    character = character << 6U | (byte(at + i) & 0x3FU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < kLeast[size] || character > 0x10FFFF || surrogate) {
    return {kInvalid, 1};
  }
  return {character, size};
}

// Unicode 15: the controls of UAX #9, the separators, zero-width characters, byte-order mark, tags.
bool Misleads(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x061C || c == 0x180E ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE007F);
}

// Columns that a shown text takes, near enough: characters.
size_t WidthOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80;
  }));
}

std::string Duration(std::chrono::seconds duration) {
  const auto seconds = duration.count();
  if (seconds < 120) {
    return fmt::format("{}s", seconds);
  }
  if (seconds < 120 * 60) {
    return fmt::format("{}m", seconds / 60);
  }
  if (seconds < 48 * 3600) {
    return fmt::format("{}h", seconds / 3600);
  }
  return fmt::format("{}d", seconds / 86400);
}

}  // namespace

std::string Shown(std::string_view text) {
  std::string shown;
  shown.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const auto [character, size] = CharacterAt(text, at);
    if (character == kInvalid || (character < 0x100 && Misleads(character))) {
      const auto code = character == kInvalid
                            ? static_cast<uint32_t>(static_cast<unsigned char>(text[at]))
                            : static_cast<uint32_t>(character);
      shown += fmt::format("\\x{:02x}", code);
    } else if (Misleads(character)) {
      shown += fmt::format("\\u{{{:04x}}}", static_cast<uint32_t>(character));
    } else {
      shown += text.substr(at, size);
    }
    at += size;
  }
  return shown;
}

std::string EscapeMisleading(std::string_view json) {
  std::string escaped;
  escaped.reserve(json.size());
  for (size_t at = 0; at < json.size();) {
    const auto [character, size] = CharacterAt(json, at);
    const bool escape = character >= 0x20 && character <= 0xFFFF && Misleads(character);
    if (escape) {
      escaped += fmt::format("\\u{:04x}", static_cast<uint32_t>(character));
    } else {
      escaped += json.substr(at, size);
    }
    at += size;
  }
  return escaped;
}

void Printer::Line(std::string_view text) { out_ << Shown(text) << "\n"; }

void Table::Print(std::ostream& out, std::string_view margin) const {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths(rows_.front().size());
  std::vector<std::vector<std::string>> shown;
  for (const auto& row : rows_) {
    auto& cells = shown.emplace_back();
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      cells.push_back(Shown(row[i]));
      widths[i] = std::max(widths[i], WidthOf(cells.back()));
    }
  }
  for (const auto& row : shown) {
    std::string line(margin);
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      line.append(widths[i] + kGap - WidthOf(row[i]), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << "\n";
  }
}

std::string Age(WallTime since, WallTime now) {
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - since);
  return Duration(std::max(age, std::chrono::seconds(0)));
}

std::string Until(WallTime then, WallTime now) {
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(then - now);
  return left.count() >= 0 ? "in " + Duration(left) : Duration(-left) + " ago";
}

}  // namespace plimsoll::plugin
