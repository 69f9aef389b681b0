#include "appraisal/boot_archive.h"

#include <algorithm>
#include <optional>
#include <type_traits>
#include <utility>

#include "tcg/algorithm.h"

namespace plimsoll::appraisal {
namespace {

constexpr uint8_t kVersion = 1;

// Writing and reading visit the same members in the same order, so they cannot drift apart.
class Writer {
 public:
  void Number(uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) {
      bytes_.push_back(static_cast<uint8_t>(value | 0x80U));
    }
    bytes_.push_back(static_cast<uint8_t>(value));
  }
  template <class T>
  void Integer(T& value) {
    Number(value);
  }
  void Flag(bool& value) { Number(value ? 1 : 0); }
  template <class T>
  void Enumerator(T& value, T /*last*/) {
    Number(static_cast<uint64_t>(value));
  }
  template <class T>
  void OpenEnumerator(T& value) {
    Number(static_cast<uint64_t>(value));
  }
  void Data(Bytes& value) {
    Number(value.size());
    Append(bytes_, value);
  }
  void Text(std::string& value) {
    Number(value.size());
    Append(bytes_, AsBytes(value));
  }
  void Fixed(std::array<uint8_t, 16>& value) { Append(bytes_, value); }
  template <class T, class Visitor>
  void List(std::vector<T>& items, Visitor visit) {
    Number(items.size());
    for (T& item : items) {
      visit(*this, item);
    }
  }
  template <class T, class Visitor>
  void Optional(std::optional<T>& value, Visitor visit) {
    Number(value ? 1 : 0);
    if (value) {
      visit(*this, *value);
    }
  }
  void Fail() {}
  Bytes Take() { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

class Reader {
 public:
  explicit Reader(ByteSpan bytes) : rest_(bytes) {}

  uint64_t Number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) {
        failed_ = true;
        return 0;
      }
      const uint8_t byte = rest_.front();
      rest_ = rest_.subspan(1);
      if (shift == 63 && byte > 1) {
        break;
      }
      value |= static_cast<uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) {
        failed_ = failed_ || (byte == 0 && shift > 0);  // one spelling for each number
        return value;
      }
    }
    failed_ = true;
    return 0;
  }
  template <class T>
  void Integer(T& value) {
    const uint64_t number = Number();
    value = static_cast<T>(number);
    failed_ = failed_ || static_cast<uint64_t>(value) != number;
  }
  void Flag(bool& value) {
    const uint64_t number = Number();
    failed_ = failed_ || number > 1;
    value = number == 1;
  }
  template <class T>
  void Enumerator(T& value, T last) {
    const uint64_t number = Number();
    if (number > static_cast<uint64_t>(last)) {
      failed_ = true;
      return;
    }
    value = static_cast<T>(number);
  }
  template <class T>
  void OpenEnumerator(T& value) {
    std::underlying_type_t<T> number{};
    Integer(number);
    value = static_cast<T>(number);
  }
  void Data(Bytes& value) { value = ToBytes(Take(Number())); }
  void Text(std::string& value) { value = std::string(AsText(Take(Number()))); }
  void Fixed(std::array<uint8_t, 16>& value) {
    const ByteSpan bytes = Take(value.size());
    std::copy(bytes.begin(), bytes.end(), value.begin());
  }
  template <class T, class Visitor>
  void List(std::vector<T>& items, Visitor visit) {
    const uint64_t count = Number();
    // Every item takes a byte at least.
    failed_ = failed_ || count > rest_.size();
    for (uint64_t i = 0; i < count && !failed_; ++i) {
      visit(*this, items.emplace_back());
    }
  }
  template <class T, class Visitor>
  void Optional(std::optional<T>& value, Visitor visit) {
    bool present = false;
    Flag(present);
    if (present && !failed_) {
      visit(*this, value.emplace());
    }
  }
  void Fail() { failed_ = true; }
  bool Complete() const { return !failed_ && rest_.empty(); }

 private:
  ByteSpan Take(uint64_t size) {
    if (failed_ || size > rest_.size()) {
      failed_ = true;
      return {};
    }
    const ByteSpan bytes = rest_.first(static_cast<size_t>(size));
    rest_ = rest_.subspan(static_cast<size_t>(size));
    return bytes;
  }

  ByteSpan rest_;
  bool failed_ = false;
};

template <class A>
void Visit(A& a, eventlog::Guid& guid) {
  a.Fixed(guid.bytes);
}

template <class A>
void VisitBank(A& a, tcg::AlgorithmId& bank) {
  a.OpenEnumerator(bank);
  if (tcg::DigestSize(bank) == 0) {
    a.Fail();
  }
}

constexpr auto kNumber = [](auto& a, auto& value) { a.Integer(value); };
constexpr auto kEach = [](auto& a, auto& value) { Visit(a, value); };

template <class A>
void Visit(A& a, eventlog::SignatureEntry& entry) {
  a.Enumerator(entry.kind, eventlog::SignatureKind::kRsa2048);
  Visit(a, entry.owner);
  a.Data(entry.value);
}

template <class A, class T>
void Visit(A& a, eventlog::Bounded<T>& list);

template <class A>
void Visit(A& a, eventlog::SecureBoot& secure_boot) {
  a.Enumerator(secure_boot.state, eventlog::SecureBootState::kUnknown);
  a.Optional(secure_boot.event, kNumber);
  a.OpenEnumerator(secure_boot.event_type);
  a.Text(secure_boot.check);
  a.Text(secure_boot.why);
  a.Flag(secure_boot.dma_protection_disabled);
  a.Flag(secure_boot.debug_mode);
}

template <class A>
void Visit(A& a, eventlog::SignatureDatabase& database) {
  a.Optional(database.event, kNumber);
  a.Flag(database.covered);
  a.Flag(database.readable);
  Visit(a, database.entries);
}

template <class A>
void Visit(A& a, eventlog::Authority& authority) {
  a.Integer(authority.event);
  a.Text(authority.variable);
  Visit(a, authority.variable_guid);
  a.Flag(authority.covered);
  a.Flag(authority.before_separator);
  a.Optional(authority.entry, kEach);
  a.Data(authority.digest);
}

template <class A>
void Visit(A& a, eventlog::Component& component) {
  a.Enumerator(component.role, eventlog::Role::kOther);
  a.Flag(component.role_proven);
  a.Integer(component.pcr);
  a.Integer(component.event);
  a.OpenEnumerator(component.type);
  a.Data(component.digest);
  a.Text(component.name);
  a.Flag(component.name_covered);
}

template <class A>
void Visit(A& a, eventlog::CommandLine& line) {
  a.Integer(line.event);
  a.OpenEnumerator(line.type);
  a.Integer(line.pcr);
  a.Enumerator(line.source, eventlog::CommandLineSource::kKernelStub);
  a.Flag(line.covered);
  a.Flag(line.truncated);
  a.Text(line.text);
  a.Data(line.digest);
}

template <class A>
void Visit(A& a, eventlog::BootText& text) {
  a.Integer(text.event);
  a.Integer(text.pcr);
  a.Flag(text.covered);
  a.Text(text.name);
  a.Text(text.text);
}

template <class A>
void Visit(A& a, eventlog::MokVariable& variable) {
  a.Integer(variable.event);
  a.Text(variable.name);
  a.Data(variable.digest);
}

template <class A>
void Visit(A& a, eventlog::UkiSection& section) {
  a.Text(section.name);
  a.Integer(section.event);
  a.Data(section.digest);
}

template <class A>
void Visit(A& a, eventlog::Partition& partition) {
  Visit(a, partition.type);
  Visit(a, partition.id);
  a.Text(partition.name);
}

template <class A>
void Visit(A& a, eventlog::PartitionTable& table) {
  a.Integer(table.event);
  Visit(a, table.disk);
  Visit(a, table.partitions);
}

template <class A>
void Visit(A& a, eventlog::Problem& problem) {
  a.Text(problem.check);
  a.Enumerator(problem.severity, eventlog::Severity::kNotice);
  a.Integer(problem.pcr);
  a.Optional(problem.event, kNumber);
  a.OpenEnumerator(problem.type);
  a.Text(problem.message);
}

template <class A, class T>
void Visit(A& a, eventlog::Bounded<T>& list) {
  a.List(list.items, kEach);
  a.Flag(list.truncated);
}

template <class A>
void Visit(A& a, eventlog::BootFacts& facts) {
  VisitBank(a, facts.bank);
  a.Enumerator(facts.format, eventlog::Format::kTpm12);
  a.Integer(facts.event_count);
  a.Optional(facts.startup_locality, kNumber);
  a.Integer(facts.pcrs_with_events);
  Visit(a, facts.secure_boot);
  Visit(a, facts.pk);
  Visit(a, facts.kek);
  Visit(a, facts.db);
  Visit(a, facts.dbx);
  Visit(a, facts.authorities);
  Visit(a, facts.components);
  Visit(a, facts.command_lines);
  Visit(a, facts.grub_commands);
  Visit(a, facts.mok_variables);
  a.Optional(facts.sbat_level, kEach);
  Visit(a, facts.uki_sections);
  Visit(a, facts.stub_events);
  a.Optional(facts.partition_table, kEach);
  a.Text(facts.firmware_version);
  Visit(a, facts.problems);
}

template <class A>
void Visit(A& a, BankReplay& replay) {
  VisitBank(a, replay.bank);
  a.Flag(replay.declared);
  a.Flag(replay.usable);
  a.Integer(replay.quoted);
  a.Integer(replay.explained);
  a.Integer(replay.differing);
  for (Bytes& digest : replay.replayed) {
    a.Data(digest);
    if (!digest.empty() && digest.size() != tcg::DigestSize(replay.bank)) {
      a.Fail();
    }
  }
}

template <class A>
void Visit(A& a, BootEvidence& boot) {
  a.Enumerator(boot.state, BootEvidence::State::kReplayed);
  a.Text(boot.detail);
  a.Data(boot.sha256);
  a.List(boot.banks, kEach);
  a.Optional(boot.bank, [](auto& archive, auto& bank) { VisitBank(archive, bank); });
  a.Optional(boot.facts, kEach);
}

}  // namespace

Bytes ArchiveBootEvidence(const BootEvidence& boot) {
  Writer writer;
  writer.Number(kVersion);
  BootEvidence copy = boot;
  Visit(writer, copy);
  return writer.Take();
}

Result<BootEvidence> ReadBootArchive(ByteSpan archive) {
  if (archive.size() > kMaxBootArchiveBytes) {
    return Fail(ErrorCode::kTooLarge, "stored boot facts are larger than 64 KiB");
  }
  Reader reader(archive);
  if (reader.Number() != kVersion) {
    return Fail(ErrorCode::kMalformed, "stored boot facts of another version");
  }
  BootEvidence boot;
  Visit(reader, boot);
  if (!reader.Complete()) {
    return Fail(ErrorCode::kMalformed, "stored boot facts that cannot be read");
  }
  return boot;
}

}  // namespace plimsoll::appraisal
