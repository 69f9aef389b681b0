#include "eventlog/signature_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "crypto/digest.h"
#include "eventlog/little_endian.h"

namespace plimsoll::eventlog {
namespace {

constexpr size_t kListHeaderBytes = 28;
constexpr size_t kOwnerBytes = 16;
constexpr size_t kTimeBytes = 16;  // EFI_TIME of a revocation, behind the hash

struct TypeRow {
  std::string_view guid;
  SignatureKind kind;
  size_t value_bytes;  // of the hash or key; 0: any length, a certificate
  size_t rest_bytes;   // behind it
};

// UEFI 2.10, 32.4.1.
constexpr std::array kTypes = {
    TypeRow{"a5c059a1-94e4-4aa7-87b5-ab155c2bf072", SignatureKind::kCertificate, 0, 0},
    TypeRow{"c1c41626-504c-4092-aca9-41f936934328", SignatureKind::kSha256, 32, 0},
    TypeRow{"ff3e5307-9fd0-48c9-85f1-8ad56c701e01", SignatureKind::kSha384, 48, 0},
    TypeRow{"093e0fae-a6c4-4f50-9f1b-d41e2b89c19a", SignatureKind::kSha512, 64, 0},
    TypeRow{"0b6e5233-a65c-44c9-9407-d9ab83bfc8bd", SignatureKind::kSha224, 28, 0},
    TypeRow{"826ca512-cf10-4ac9-b187-be01496631bd", SignatureKind::kSha1, 20, 0},
    TypeRow{"3bd2a492-96c0-4079-b420-fcf98ef103ed", SignatureKind::kTbsSha256, 32, kTimeBytes},
    TypeRow{"7076876e-80c2-4ee6-aad2-28b349a6865b", SignatureKind::kTbsSha384, 48, kTimeBytes},
    TypeRow{"446dbf63-2502-4cda-bcfa-2465d2b0fe9d", SignatureKind::kTbsSha512, 64, kTimeBytes},
    TypeRow{"3c5766e8-269c-4e34-aa14-ed776e85b3b6", SignatureKind::kRsa2048, 256, 0},
};

const TypeRow* FindType(const Guid& guid) {
  static const auto guids = [] {
    std::array<Guid, kTypes.size()> all;
    std::transform(kTypes.begin(), kTypes.end(), all.begin(),
                   [](const TypeRow& row) { return GuidFromText(row.guid); });
    return all;
  }();
  const auto found = std::find(guids.begin(), guids.end(), guid);
  return found == guids.end() ? nullptr : &kTypes[static_cast<size_t>(found - guids.begin())];
}

tl::unexpected<Error> Malformed(size_t list, std::string_view what) {
  return Fail(ErrorCode::kMalformed, fmt::format("signature list {}: {}", list, what));
}

Bytes ValueOf(const TypeRow& type, ByteSpan data) {
  const bool hashed =
      type.kind == SignatureKind::kCertificate || type.kind == SignatureKind::kRsa2048;
  return hashed ? crypto::Digest(tcg::AlgorithmId::kSha256, {data})
                : ToBytes(data.first(type.value_bytes));
}

}  // namespace

Result<std::vector<SignatureEntry>> ParseSignatureLists(ByteSpan bytes) {
  std::vector<SignatureEntry> entries;
  LittleEndianReader reader(bytes);
  for (size_t number = 0; reader.remaining() != 0; ++number) {
    const auto guid = reader.Take(16);
    const auto list_size = reader.U32();
    const auto header_size = reader.U32();
    const auto signature_size = reader.U32();
    if (!guid || !signature_size) {
      return Malformed(number, "its header runs over the end");
    }
    if (*list_size < kListHeaderBytes || *list_size - kListHeaderBytes > reader.remaining()) {
      return Malformed(number, fmt::format("it calls itself {} bytes long, {} are left", *list_size,
                                           kListHeaderBytes + reader.remaining()));
    }
    const TypeRow* type = FindType(ReadGuid(*guid));
    if (type == nullptr) {
      return Malformed(number, fmt::format("its type {} is not known", ToString(ReadGuid(*guid))));
    }
    LittleEndianReader list(*reader.Take(*list_size - kListHeaderBytes));
    if (!list.Take(*header_size)) {
      return Malformed(
          number, fmt::format("its signature header of {} bytes runs over its end", *header_size));
    }
    const size_t fixed = kOwnerBytes + type->value_bytes + type->rest_bytes;
    const bool fits = type->value_bytes == 0 ? *signature_size > fixed : *signature_size == fixed;
    if (!fits || list.remaining() % *signature_size != 0) {
      return Malformed(number,
                       fmt::format("entries of {} bytes do not fit its type or its {} bytes",
                                   *signature_size, list.remaining()));
    }
    if (list.remaining() / *signature_size > kMaxSignatureEntries - entries.size()) {
      return Fail(ErrorCode::kTooLarge, fmt::format("more than {} entries", kMaxSignatureEntries));
    }
    while (list.remaining() != 0) {
      const ByteSpan entry = *list.Take(*signature_size);
      entries.push_back(SignatureEntry{.kind = type->kind,
                                       .owner = ReadGuid(entry),
                                       .value = ValueOf(*type, entry.subspan(kOwnerBytes))});
    }
  }
  return entries;
}

std::string_view ToString(SignatureKind kind) {
  switch (kind) {
    case SignatureKind::kCertificate:
      return "certificate";
    case SignatureKind::kSha1:
      return "sha1";
    case SignatureKind::kSha224:
      return "sha224";
    case SignatureKind::kSha256:
      return "sha256";
    case SignatureKind::kSha384:
      return "sha384";
    case SignatureKind::kSha512:
      return "sha512";
    case SignatureKind::kTbsSha256:
      return "tbs-sha256";
    case SignatureKind::kTbsSha384:
      return "tbs-sha384";
    case SignatureKind::kTbsSha512:
      return "tbs-sha512";
    case SignatureKind::kRsa2048:
      return "rsa2048";
  }
  return "";
}

}  // namespace plimsoll::eventlog
