#include "ima/allow_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "base/encoding.h"
#include "ima/allow_list_line.h"
#include "ima/digest_table.h"
#include "ima/name_table.h"
#include "ima/text.h"

namespace plimsoll::ima {
namespace {

using tcg::AlgorithmId;

constexpr std::array kAlgorithms = {AlgorithmId::kSha256, AlgorithmId::kSha1, AlgorithmId::kSha384,
                                    AlgorithmId::kSha512};

uint8_t Nibble(char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); }

// Names of the three subjects lie in one table: the subject goes in front.
std::string Key(Subject subject, std::string_view name) {
  std::string key(1, static_cast<char>('0' + static_cast<int>(subject)));
  return key.append(name);
}

}  // namespace

struct AllowList::State {
  NameTable names;
  std::vector<DigestTable> tables;  // as kAlgorithms

  const DigestTable* TableOf(AlgorithmId algorithm, ByteSpan digest) const {
    const auto* at = std::find(kAlgorithms.begin(), kAlgorithms.end(), algorithm);
    if (at == kAlgorithms.end() || digest.size() != tcg::DigestSize(algorithm)) {
      return nullptr;
    }
    return &tables[static_cast<size_t>(at - kAlgorithms.begin())];
  }
};

AllowList::AllowList(std::unique_ptr<const State> state) : state_(std::move(state)) {}
AllowList::AllowList(AllowList&&) noexcept = default;
AllowList& AllowList::operator=(AllowList&&) noexcept = default;
AllowList::~AllowList() = default;

Result<AllowList> AllowList::Parse(std::string_view text) {
  Builder builder;
  PLIMSOLL_RETURN_IF_ERROR(builder.Add(text, "allow-list"));
  return std::move(builder).Build();
}

bool AllowList::Contains(Subject subject, AlgorithmId algorithm, ByteSpan digest,
                         std::string_view name) const {
  constexpr size_t kFew = 4;
  const DigestTable* table = state_->TableOf(algorithm, digest);
  if (table == nullptr) {
    return false;
  }
  const auto [first, last] = table->Range(digest);
  if (first == last) {
    return false;
  }
  const std::string key = Key(subject, name);
  if (last - first <= kFew) {
    for (size_t i = first; i < last; ++i) {
      if (state_->names.Get(table->name(i)) == key) {
        return true;
      }
    }
    return false;
  }
  const std::optional<uint32_t> id = state_->names.Find(key);
  size_t low = first;
  size_t high = last;
  while (id && low < high) {
    const size_t middle = low + (high - low) / 2;
    if (table->name(middle) == *id) {
      return true;
    }
    if (table->name(middle) < *id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return false;
}

std::string AllowList::Closest(Subject subject, AlgorithmId algorithm, ByteSpan digest,
                               std::string_view name) const {
  if (const std::optional<uint32_t> id = state_->names.Find(Key(subject, name))) {
    for (size_t t = 0; t < kAlgorithms.size(); ++t) {
      const DigestTable& table = state_->tables[t];
      for (size_t i = 0; i < table.size(); ++i) {
        if (table.name(i) == *id) {
          return fmt::format("the same name with the digest {}:{}", tcg::BankName(kAlgorithms[t]),
                             ToHex(table.digest(i)));
        }
      }
    }
  }
  if (const DigestTable* table = state_->TableOf(algorithm, digest)) {
    const auto [first, last] = table->Range(digest);
    for (size_t i = first; i < last; ++i) {
      const std::string key = state_->names.Get(table->name(i));
      if (key[0] == Key(subject, "")[0]) {
        return fmt::format("the same digest as {}", Escape(std::string_view(key).substr(1)));
      }
    }
  }
  return "";
}

size_t AllowList::size() const {
  size_t pairs = 0;
  for (const DigestTable& table : state_->tables) {
    pairs += table.size();
  }
  return pairs;
}

size_t AllowList::memory_bytes() const {
  size_t bytes = sizeof(State) + state_->names.memory_bytes();
  for (const DigestTable& table : state_->tables) {
    bytes += sizeof(DigestTable) + table.memory_bytes();
  }
  return bytes;
}

struct AllowList::Builder::Pending {
  struct Pair {
    Subject subject;
    uint8_t table;
    size_t digest;  // offset in digests
    std::string_view name;
  };

  size_t text_bytes = 0;
  Bytes digests;
  std::vector<Pair> pairs;
  std::deque<std::string> unescaped;

  tl::expected<void, std::string> Add(std::string_view line) {
    PLIMSOLL_ASSIGN_OR_RETURN(const AllowListLine read, ReadAllowListLine(line));
    std::string_view name = read.name;
    if (read.escaped) {
      PLIMSOLL_ASSIGN_OR_RETURN(std::string plain, Unescape(name));
      if (plain.size() > kMaxPathBytes) {
        return tl::unexpected(
            fmt::format("a name of {} bytes, at most {} are allowed", plain.size(), kMaxPathBytes));
      }
      name = unescaped.emplace_back(std::move(plain));
    }
    const auto* at = std::find(kAlgorithms.begin(), kAlgorithms.end(), read.algorithm);
    pairs.push_back({.subject = read.subject,
                     .table = static_cast<uint8_t>(at - kAlgorithms.begin()),
                     .digest = digests.size(),
                     .name = name});
    for (size_t i = 0; i < read.hex.size(); i += 2) {
      digests.push_back(static_cast<uint8_t>(Nibble(read.hex[i]) << 4 | Nibble(read.hex[i + 1])));
    }
    return {};
  }
};

AllowList::Builder::Builder() : pending_(std::make_unique<Pending>()) {}
AllowList::Builder::~Builder() = default;

Status AllowList::Builder::Add(std::string_view text, std::string_view origin) {
  if (text.size() > kMaxAllowListBytes - pending_->text_bytes) {
    return Fail(ErrorCode::kTooLarge,
                fmt::format("{}: allow-lists over {} bytes in all", origin, kMaxAllowListBytes));
  }
  pending_->text_bytes += text.size();
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#') {
      continue;
    }
    if (const tl::expected<void, std::string> added = pending_->Add(line); !added) {
      return Fail(ErrorCode::kMalformed, fmt::format("{}:{}: {}", origin, number, added.error()));
    }
  }
  return {};
}

AllowList AllowList::Builder::Build() && {
  std::vector<Pending::Pair>& pairs = pending_->pairs;
  std::sort(pairs.begin(), pairs.end(), [](const Pending::Pair& a, const Pending::Pair& b) {
    return a.subject != b.subject ? a.subject < b.subject : a.name < b.name;
  });
  auto state = std::make_unique<State>();
  std::array<std::vector<DigestTable::Pair>, kAlgorithms.size()> by_algorithm;
  const Pending::Pair* last = nullptr;
  for (const Pending::Pair& pair : pairs) {
    if (last == nullptr || last->subject != pair.subject || last->name != pair.name) {
      state->names.Append(Key(pair.subject, pair.name));
    }
    last = &pair;
    const ByteSpan digest =
        ByteSpan(pending_->digests).subspan(pair.digest, tcg::DigestSize(kAlgorithms[pair.table]));
    by_algorithm[pair.table].push_back(
        {.digest = digest, .name = static_cast<uint32_t>(state->names.size() - 1)});
  }
  state->names.Finish();
  for (size_t i = 0; i < kAlgorithms.size(); ++i) {
    state->tables.emplace_back(tcg::DigestSize(kAlgorithms[i]), std::move(by_algorithm[i]));
  }
  return AllowList(std::move(state));
}

}  // namespace plimsoll::ima
