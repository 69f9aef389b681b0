#include "ima/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "crypto/digest.h"

namespace plimsoll::ima {
namespace {

constexpr size_t kPaddedNameBytes = 256;  // IMA_EVENT_NAME_LEN_MAX + 1
constexpr uint8_t kViolationByte = 0xFF;

// Computes what entries extend; checks the template hash on the way.
class Extender {
 public:
  explicit Extender(tcg::AlgorithmId bank)
      : sha1_(tcg::AlgorithmId::kSha1), bank_hash_(bank), bank_(bank) {}

  // The PCR after `entry`; nothing when the template hash is not that of the template data (I1).
  std::optional<Bytes> Extend(const Entry& entry, ByteSpan pcr) {
    if (entry.violation) {
      const Bytes ones(tcg::DigestSize(bank_), kViolationByte);
      return bank_hash_.Update(pcr).Update(ones).Finish();
    }
    Bytes sha1 = Hash(sha1_, entry);
    if (!std::equal(sha1.begin(), sha1.end(), entry.template_hash.begin(),
                    entry.template_hash.end())) {
      return std::nullopt;
    }
    const Bytes own = bank_ == tcg::AlgorithmId::kSha1 ? std::move(sha1) : Hash(bank_hash_, entry);
    return bank_hash_.Update(pcr).Update(own).Finish();
  }

 private:
  static Bytes Hash(crypto::Hasher& hasher, const Entry& entry) {
    if (entry.form != Template::kIma) {
      return hasher.Update(entry.template_data).Finish();
    }
    static constexpr std::array<uint8_t, kPaddedNameBytes> kZeros{};
    return hasher.Update(entry.digest.value)
        .Update(AsBytes(entry.path))
        .Update(ByteSpan(kZeros).first(kPaddedNameBytes - entry.path.size()))
        .Finish();
  }

  crypto::Hasher sha1_;
  crypto::Hasher bank_hash_;
  tcg::AlgorithmId bank_;
};

Refusal WrongTemplateHash(size_t index, const Entry& entry) {
  return {index, fmt::format("the template hash {} is not that of the template data",
                             ToHex(entry.template_hash))};
}

}  // namespace

RunningDigest::RunningDigest(tcg::AlgorithmId bank, uint32_t pcr)
    : bank_(bank), pcr_(pcr), position_{.digest = Bytes(tcg::DigestSize(bank))} {}

Result<RunningDigest> RunningDigest::Resume(tcg::AlgorithmId bank, const Position& position,
                                            uint32_t pcr) {
  RunningDigest digest(bank, pcr);
  if (position.digest.empty() && position.entries == 0) {
    return digest;
  }
  if (position.digest.size() != digest.position_.digest.size()) {
    return Fail(ErrorCode::kMalformed, fmt::format("a running digest of {} bytes for the bank {}",
                                                   position.digest.size(), tcg::BankName(bank)));
  }
  digest.position_ = position;
  return digest;
}

tl::expected<Advance, Refusal> RunningDigest::AdvanceTo(const List& list, ByteSpan quoted) {
  const auto reached = [quoted](const Bytes& digest) {
    return std::equal(digest.begin(), digest.end(), quoted.begin(), quoted.end());
  };
  if (reached(position_.digest)) {
    return Advance{.reach = Reach::kAlreadyReached};
  }
  Extender extender(bank_);
  Advance advance;
  Bytes digest = position_.digest;
  while (advance.consumed < list.size() && advance.reach == Reach::kNotReached) {
    const Entry entry = list[advance.consumed];
    std::optional<Bytes> next = extender.Extend(entry, digest);
    if (!next) {
      return tl::unexpected(WrongTemplateHash(advance.consumed, entry));
    }
    ++advance.consumed;
    if (entry.pcr != pcr_) {
      continue;
    }
    digest = *std::move(next);
    ++advance.extended;
    if (reached(digest)) {
      advance.reach = Reach::kReached;
    }
  }
  position_.entries += advance.consumed;
  position_.digest = std::move(digest);
  return advance;
}

tl::expected<std::map<uint32_t, Bytes>, Refusal> ReplayAll(const List& list,
                                                           tcg::AlgorithmId bank) {
  Extender extender(bank);
  std::map<uint32_t, Bytes> pcrs;
  for (size_t i = 0; i < list.size(); ++i) {
    const Entry entry = list[i];
    Bytes& pcr = pcrs.try_emplace(entry.pcr, tcg::DigestSize(bank)).first->second;
    std::optional<Bytes> next = extender.Extend(entry, pcr);
    if (!next) {
      return tl::unexpected(WrongTemplateHash(i, entry));
    }
    pcr = *std::move(next);
  }
  return pcrs;
}

Bytes HashedBytes(const Entry& entry) {
  if (entry.form != Template::kIma) {
    return ToBytes(entry.template_data);
  }
  Bytes bytes = ToBytes(entry.digest.value);
  Append(bytes, AsBytes(entry.path));
  bytes.resize(entry.digest.value.size() + kPaddedNameBytes);
  return bytes;
}

}  // namespace plimsoll::ima
